"""With one thread OpenVINO's attention in bf16 ends the process, so on one core everything computes in fp32."""

import os
import subprocess
import sys
from pathlib import Path

import exported
import pytest
import tiny_gguf

CHILD = """
import os, sys
from pathlib import Path
if hasattr(os, "sched_setaffinity"):  # else on as many cores as there are
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import torch
from mindsmirror.delivery.gguf_file import About
from mindsmirror.delivery.openvino_folder import write_openvino
from mindsmirror.engines.trial import _ask
from mindsmirror.engines.openvino import OpenVINOEngine
from mindsmirror.students.compiled import CompiledModel, CompiledState
student, out, teacher = map(Path, sys.argv[1:])
write_openvino(student, out, "fp16", About("tiny", "", ""))
with torch.inference_mode():
    state = CompiledState(CompiledModel(out), [(5, 6, 7), (8,)], 0, share=False)
    print(torch.isfinite(state.read()).all().item())
_ask(OpenVINOEngine(teacher, {"engine": "openvino", "model": "tiny"}))
print("ended")
"""


@pytest.mark.parametrize("threads", ["", "1"])
def test_a_student_and_a_teacher_on_one_core(tmp_path: Path, threads: str) -> None:
    student, out = exported.student_folder(tmp_path / "made"), tmp_path / "out"
    out.mkdir()
    teacher = tiny_gguf.write(tmp_path / "teacher.gguf")
    environment = os.environ | ({"OMP_NUM_THREADS": threads} if threads else {})
    command = [sys.executable, "-c", CHILD, str(student), str(out), str(teacher)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.split()) == (0, ["True", "ended"]), ended.stderr
