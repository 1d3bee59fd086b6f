"""SIGKILL at any moment of annotating costs what was in flight, and the annotations come out the same."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from mindsmirror.annotation.store import Store

QUESTIONS, K, M = 36, 3, 2
SCRIPT = f"""
import sys
from pathlib import Path
from mindsmirror.annotation import AnnotationConfig, Annotator, JudgeConfig, Store, Teacher, load_prompts
from mindsmirror.answers import Number
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.files import write_records
from mindsmirror.records import Example
from mindsmirror.tasks.base import Splits, Task

folder, delay = Path(sys.argv[1]), float(sys.argv[2])
examples = [Example(id=f"q{{n}}", text=f"What is {{n}} + {{n + 3}}?", gold=str(2 * n + 3)) for n in range({QUESTIONS})]
identity = {{"engine": "scripted", "model": "teacher"}}

def engine():
    return ScriptedEngine(identity=identity, unparsed=0.15, delay=delay, capacity=8, log=folder / "served")

teacher = Teacher("teacher", identity, engine)
task = Task("sums", 1, "none", Number(), Splits((), (), ()))
print("ready", flush=True)
with Store(folder / "store.sqlite") as store:
    annotator = Annotator(
        task,
        load_prompts("number"),
        teacher,
        teacher,
        AnnotationConfig(rationales={K}, self_evaluations={M}),
        JudgeConfig(),
        store,
    )
    found = list(annotator.run(("train", example) for example in examples))
write_records(folder / "annotations.jsonl", sorted(found, key=lambda annotation: annotation.example.id))
"""
KILLS = 12


def start(folder: Path, delay: float) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), str(delay)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return process


def served(folder: Path) -> list[str]:
    log = folder / "served"
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def stored(folder: Path) -> list[str]:
    with Store(folder / "store.sqlite") as store:
        return list(store.keys())


def wait_for_growth(folder: Path, process: subprocess.Popen[bytes], samples: int) -> None:
    """Until that many samples more are served: the work between kills is fixed, their exact moments are not."""
    until = len(served(folder)) + samples
    while len(served(folder)) < until and process.poll() is None:
        time.sleep(0.001)


def finish(process: subprocess.Popen[bytes]) -> None:
    with process:
        assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    finish(start(folder, 0.0))
    assert len(served(folder)) == len(set(served(folder))) == len(stored(folder)) > QUESTIONS * (K + 1)
    annotations = [json.loads(line) for line in (folder / "annotations.jsonl").read_bytes().splitlines()]
    assert len(annotations) == QUESTIONS and all(len(a["rationales"]) == K for a in annotations)
    return folder


def same(folder: Path, whole: Path) -> bool:
    """Whether store and annotations are those of the undisturbed run."""
    name = "annotations.jsonl"
    return stored(folder) == stored(whole) and (folder / name).read_bytes() == (whole / name).read_bytes()


def test_an_annotation_that_is_killed_again_and_again_equals_one_that_was_not(tmp_path: Path, whole: Path) -> None:
    moments, total = random.Random(0), len(served(whole))
    for kill in range(KILLS):
        with start(tmp_path, 0.002) as process:
            wait_for_growth(tmp_path, process, moments.randrange(0, total // (KILLS + 2)))
            time.sleep(moments.uniform(0, 0.006))
            process.kill()
        assert process.returncode == -9, "it ended before it was killed"
        if kill % 3 == 0:
            # Else the next process is the one to find and mend what the killed one left behind.
            lost = set(served(tmp_path)) - set(stored(tmp_path))
            assert len(lost) <= max(K, M), "what was served before the last request is stored"
            assert not set(stored(tmp_path)) - set(served(tmp_path))
    assert len(set(served(tmp_path))) < total
    finish(start(tmp_path, 0.0))

    again = Counter(served(tmp_path))
    assert set(again) == set(served(whole))
    # The scripted engine serves one request a poll, and what a poll brings is committed before the next.
    assert again.total() - total <= KILLS * max(K, M)
    assert same(tmp_path, whole)


def test_two_that_annotate_the_same_into_one_store_agree(tmp_path: Path, whole: Path) -> None:
    both = [start(tmp_path, 0.001), start(tmp_path, 0.001)]
    for process in both:
        finish(process)
    assert same(tmp_path, whole)
