"""SIGKILL at random moments of every phase: what comes out in the end is what an undisturbed run brings."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror, start

LOG = {"MINDSMIRROR_SCRIPTED_LOG": "log"}
SLOW = ("--set", "teacher.0.parameters.delay=0.02")
"""Seconds that the teacher takes for each reply; they change none of them."""
SAMPLES = 60
"""Three rationales and as many self-evaluations of ten questions, some of them the same."""


class Killed:
    """A run that is started again and again, and what was stored whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "runs" / "tiny"
        self.random = random.Random(5)
        self.stored: list[tuple[set[str], int]] = []
        self.phases: list[str] = []

    def kill(self, phase: str, begun: Callable[[], bool], longest: float) -> None:
        """Start it, and kill it up to `longest` seconds after something has begun."""
        child = start("run", "tiny.toml", *SLOW, cwd=self.folder, environment=LOG)
        assert child.until(begun), f"it ended before {phase}: {child.ended().err}"
        time.sleep(self.random.uniform(0, longest))
        ended = child.kill()
        if ended.code == -signal.SIGKILL:
            self.phases.append(phase)
        else:
            assert ended.code == 0, ended.err
        self.stored.append((set(material.stored(self.folder / "runs/store.sqlite")), len(self.served)))

    @property
    def served(self) -> list[str]:
        return material.served(self.folder / "log")

    def has(self, pattern: str) -> Callable[[], bool]:
        return lambda: next(self.run.glob(pattern), None) is not None

    def serves(self, more: int) -> Callable[[], bool]:
        target = len(self.served) + more
        return lambda: len(self.served) >= target

    def finish(self) -> None:
        ended = mindsmirror("run", "tiny.toml", *SLOW, cwd=self.folder, environment=LOG)
        assert ended.code == 0, ended.err


MEASURED = ("seconds", "tokens_per_second", "peak_memory", "peak_device_memory")


def results(run: Path) -> dict[str, Any]:
    """The report without what is measured of the process."""
    found: dict[str, Any] = material.document(run / "report.json")
    for arm in found["arms"]:
        if arm["training"] is not None:
            for took in (arm["training"], *arm["training"]["stages"]):
                for key in MEASURED:
                    del took[key]
    del found["annotation"]["seconds"]
    return {
        key: found[key] for key in ("annotation", "arms", "comparisons", "examples", "student_judge", "mirror_vs_vote")
    }


def test_a_run_that_is_killed_in_every_phase_ends_as_one_that_is_not(workplace: Path, finished: Finished) -> None:
    killed = Killed(workplace)
    for _ in range(3):
        killed.kill("annotation", killed.serves(killed.random.randint(1, 15)), 0.02)
    assert 0 < len(killed.stored[-1][0]) < SAMPLES
    killed.kill("first arm", killed.has("arms/labels/stages/1-labels"), 0.4)
    killed.kill("stage 1", killed.has("arms/mirror/stages/1-self_evaluation"), 0.3)
    killed.kill("stage 1", killed.has("arms/mirror/stages/1-self_evaluation/checkpoint-*"), 0.1)
    killed.kill("stage 2", killed.has("arms/mirror/stages/2-thinking"), 0.3)
    killed.kill("stage 2", killed.has("arms/mirror/stages/2-thinking/checkpoint-*"), 0.1)
    killed.kill("saving", killed.has("arms/mirror/.model-*"), 0.005)
    killed.kill("evaluation", killed.has("predictions/untrained/inputs.json"), 0.1)
    killed.kill("evaluation", killed.has("predictions/mirror/inputs.json"), 0.1)
    for _ in range(3):
        killed.kill("report", killed.has("predictions/mirror/done.json"), 0.25)
    killed.finish()

    assert set(killed.phases) >= {"annotation", "stage 1", "stage 2", "evaluation", "report"}
    assert len(killed.phases) >= 10
    served = killed.served
    for kept, position in killed.stored:
        assert not kept & set(served[position:]), "a stored sample was asked for again"
    whole = finished.run
    assert sorted(set(served)) == sorted(material.stored(finished.folder / "runs/store.sqlite"))
    annotations = "annotation/annotations.jsonl"
    assert (killed.run / annotations).read_bytes() == (whole / annotations).read_bytes()
    assert material.weights(killed.run) == material.weights(whole)
    for name, modes in material.MODES.items():
        for mode in modes:
            place = f"predictions/{name}/{mode}.jsonl"
            assert (killed.run / place).read_bytes() == (whole / place).read_bytes()
    assert results(killed.run) == results(whole)
    left = [path for path in killed.run.rglob("*") if path.is_dir() and path.name.startswith((".", "checkpoint-"))]
    assert left == []


def test_an_interruption_is_said_in_one_line_and_loses_nothing(workplace: Path, finished: Finished) -> None:
    killed = Killed(workplace)
    for begun in (killed.serves(5), killed.has("arms/mirror/stages/1-self_evaluation/checkpoint-*")):
        child = start("run", "tiny.toml", *SLOW, "--json", cwd=workplace, environment=LOG)
        assert child.until(begun)
        ended = child.kill(signal.SIGINT)
        assert ended.code == 130
        assert "Traceback" not in ended.err
        assert ended.err.splitlines()[-1] == "interrupted; run the same command again to resume"
        assert json.loads(ended.out)["exit_code"] == 130
    killed.finish()
    assert len(killed.served) == len(set(killed.served))
    assert material.weights(killed.run) == material.weights(finished.run)
