"""SIGKILL at many moments of every phase: what comes out in the end is what an undisturbed run brings."""

import json
import random
import signal
from pathlib import Path
from typing import Any

from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror, start
from halting import Moment

LOG = {"MINDSMIRROR_SCRIPTED_LOG": "log"}
SERVING = "log"
"""What the scripted teacher writes to before it gives a reply."""
SAMPLES = 60
"""Three rationales and as many self-evaluations of ten questions, some of them the same."""


class Killed:
    """A run that is started again and again, and what was stored whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "runs" / "tiny"
        self.random = random.Random(5)
        self.stored: list[tuple[set[str], int]] = []

    def kill(self, pattern: str, latest: int) -> None:
        """Start it, and kill it up to `latest` changes of its folder after the first one of what is named."""
        moment = Moment(pattern, self.random.randint(0, latest))
        child = start("run", "tiny.toml", cwd=self.folder, environment=LOG, moment=moment)
        assert child.halts(), f"it ended before {moment}: {child.ended().err}"
        assert child.kill().code == -signal.SIGKILL
        self.stored.append((set(material.stored(self.folder / "runs/store.sqlite")), len(self.served)))

    @property
    def served(self) -> list[str]:
        return material.served(self.folder / "log")

    def finish(self) -> None:
        ended = mindsmirror("run", "tiny.toml", cwd=self.folder, environment=LOG)
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
        killed.kill(SERVING, 15)
    assert 0 < len(killed.stored[-1][0]) < SAMPLES
    killed.kill("runs/tiny/arms/labels/stages/1-labels*", 30)
    for stage in ("1-self_evaluation", "2-thinking"):
        # A checkpoint is some twenty changes: before the first one, in it, and after it.
        killed.kill(f"runs/tiny/arms/mirror/stages/{stage}*", 12)
        killed.kill(f"runs/tiny/arms/mirror/stages/{stage}/checkpoint-*", 30)
    for _ in range(2):
        killed.kill("runs/tiny/arms/mirror/.model-*", 8)
    for arm in ("untrained", "mirror"):
        killed.kill(f"runs/tiny/predictions/{arm}/*", 7)
    for _ in range(3):
        killed.kill("runs/tiny/.report.json-*", 3)
    killed.finish()

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
    for moment in (Moment(SERVING, 5), Moment("runs/tiny/arms/mirror/stages/1-self_evaluation/checkpoint-*", 9)):
        child = start("run", "tiny.toml", "--json", cwd=workplace, environment=LOG, moment=moment)
        assert child.halts()
        ended = child.kill(signal.SIGINT)
        assert ended.code == 130
        assert "Traceback" not in ended.err
        assert ended.err.splitlines()[-1] == "interrupted; run the same command again to resume"
        assert json.loads(ended.out)["exit_code"] == 130
    killed.finish()
    assert len(killed.served) == len(set(killed.served))
    assert material.weights(killed.run) == material.weights(finished.run)
