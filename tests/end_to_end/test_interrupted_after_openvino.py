"""Ctrl-C after OpenVINO was used is an interruption: OpenVINO leaves threads with a stack for signals that is gone."""

import subprocess
import sys
from pathlib import Path

import exported
import pytest
import tiny_gguf

CHILD = """
import gc, os, signal, sys
from pathlib import Path
from mindsmirror.delivery.gguf_file import About
from mindsmirror.delivery.openvino_folder import write_openvino
from mindsmirror.delivery.runtimes.openvino import OpenVINORuntime
from mindsmirror.engines.openvino import OpenVINOEngine
from mindsmirror.students.compiled import CompiledModel
use, student, out, teacher = sys.argv[1], *map(Path, sys.argv[2:])
def engine():
    opened = OpenVINOEngine(teacher, {"engine": "openvino", "model": "tiny"})
    opened.close()
{
    "converted": lambda: write_openvino(student, out, "fp16", About("tiny", "", "")),
    "compiled": lambda: CompiledModel(student / "openvino"),
    "runtime": lambda: OpenVINORuntime(student / "openvino"),
    "teacher": engine,
}[use]()
gc.collect()
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been started with interruptions ignored
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder with what OpenVINO reads of it."""
    from mindsmirror.delivery.openvino_folder import write_openvino

    made = exported.student_folder(tmp_path_factory.mktemp("made"))
    (made / "openvino").mkdir()
    write_openvino(made, made / "openvino", "fp16", exported.ABOUT)
    return made


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no stacks for signals")
@pytest.mark.parametrize("use", ["converted", "compiled", "runtime", "teacher"])
def test_an_interruption_after_each_use_does_not_end_the_process_by_a_fault(
    use: str, student: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    teacher = tiny_gguf.write(tmp_path / "teacher.gguf")
    command = [sys.executable, "-c", CHILD, use, str(student), str(tmp_path / "out"), str(teacher)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.split()) == (0, ["interrupted"]), ended.stderr
