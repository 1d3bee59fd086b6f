"""A run that `accelerate launch` starts in two processes is the run of one: asked once, written once, learnt alike."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import ENVIRONMENT
from safetensors.torch import load_file

LAUNCH = (
    sys.executable,
    "-m",
    "accelerate.commands.launch",
    "--cpu",
    "--num_processes",
    "2",
    "--main_process_port",
    "0",
)
SOURCE = Path(__file__).parents[2] / "src"


def launched(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in two processes."""
    environment = os.environ | ENVIRONMENT | {"MINDSMIRROR_SCRIPTED_LOG": "log", "PYTHONPATH": str(SOURCE)}
    command = [*LAUNCH, "-m", "mindsmirror", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=250, check=False)


@pytest.mark.slow
def test_a_run_in_two_processes(workplace: Path, finished: Finished) -> None:
    done = launched("run", "tiny.toml", "--json", cwd=workplace)
    assert done.returncode == 0, done.stderr[-4000:]
    run = workplace / "runs" / "tiny"
    served = material.served(workplace / "log")
    assert len(served) == len(set(served)) > 0, "annotated once"
    assert json.loads(done.stdout)["arms"], "one document, said by one process"
    assert done.stderr.count("mirror 2/2 thinking: 8/8 steps") == 1, "progress is told of once"
    annotations = "annotation/annotations.jsonl"
    assert (run / annotations).read_bytes() == (finished.run / annotations).read_bytes()
    left = [path for path in run.rglob("*") if path.is_dir() and path.name.startswith((".", "checkpoint-"))]
    assert left == []
    models = sorted(path.relative_to(run) for path in run.rglob("model.safetensors"))
    assert [str(path) for path in models] == sorted(material.weights(finished.run))
    for path in models:
        one, two = load_file(finished.run / path), load_file(run / path)
        assert one.keys() == two.keys()
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4)

    again = launched("distill", "tiny.toml", cwd=workplace)
    assert again.returncode == 0, again.stderr[-4000:]
    assert again.stderr.count("steps") == 0, "nothing is learnt twice"
