"""The annotation step: annotations in the questions' order, sums of what they took, and none of them held."""

import gc
import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mindsmirror.annotation import Teacher, load_prompts
from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.annotation.step import AnnotationStep, asked_before
from mindsmirror.answers import Number
from mindsmirror.engines.base import Completion, Request
from mindsmirror.engines.config import Price
from mindsmirror.engines.scripted import ScriptedEngine, teacher
from mindsmirror.records import Annotation, Example, Parse, Purpose, Rationale
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.tasks.base import Splits, Task
from mindsmirror.tasks.packed import Packed


def annotating(folder: Path, count: int, annotation: dict[str, Any], **options: Any) -> AnnotationStep:
    """The step for sums, a tenth of which validate, with a priced scripted teacher."""
    examples = Packed(Example(id=f"q{n}", text=f"What is {n} + {n + 3}?", gold=str(2 * n + 3)) for n in range(count))
    recipe = make_recipe(
        {
            "name": "sums",
            "task": {"name": "sums.jsonl"},
            "teacher": [{"model": "teacher", "engine": "scripted", "price": {"input": 1, "output": 2}}],
            "annotation": annotation,
            "student": {"model": "smollm2-135m-instruct"},
            "arm": [{"name": "standard", "method": "standard"}],
        }
    )
    task = Task("sums", 1, "none", Number(), Splits(examples[count // 10 :], examples[: count // 10], ()))
    identity = {"engine": "scripted", "model": "teacher"}
    teacher = Teacher(
        "teacher", identity, lambda: ScriptedEngine(identity=identity, **options), Price(input=1, output=2)
    )
    return AnnotationStep(
        recipe.name, recipe.annotation, recipe.judge, task, load_prompts("number"), [teacher], folder / "store.sqlite"
    )


class OutOfOrder(ScriptedEngine):
    """Ends its requests in any order."""

    def submit(self, request: Request) -> None:
        super().submit(request)
        random.Random(len(self._waiting)).shuffle(self._waiting)


def test_annotations_come_in_any_order_and_are_written_in_that_of_the_questions(tmp_path: Path) -> None:
    step = annotating(tmp_path, 60, {"rationales": 3, "self_evaluations": 2})
    identity = step.teachers[0].identity
    shuffled = Teacher(
        "teacher", identity, lambda: OutOfOrder(identity=identity, failed=0.1, malformed=0.1, capacity=32)
    )
    path = tmp_path / "new" / "annotations.jsonl"
    result = replace(step, teachers=[shuffled]).annotate(path)
    found = [Annotation.model_validate_json(line) for line in path.read_bytes().splitlines()]
    assert [a.example.id for a in found] == [f"q{n}" for n in [*range(6, 60), *range(6)]]
    assert [a.split for a in found] == ["train"] * 54 + ["valid"] * 6
    parses = [r.parse for a in found for r in a.rationales] + [e.parse for a in found for e in a.evaluations]
    assert 0 < result.failed == parses.count(Parse.FAILED)
    assert (result.questions, result.expected, result.complete) == (60, 60, 60)
    tokens = [sum(getattr(a.provenance, name) for a in found) for name in ("tokens_in", "tokens_out")]
    steps = result.steps
    assert tokens == [
        getattr(steps[Purpose.RATIONALE], name) + getattr(steps[Purpose.SELF_EVALUATION], name)
        for name in ("tokens_in", "tokens_out")
    ]
    assert steps[Purpose.RATIONALE].samples == 180 - sum(r.parse is Parse.FAILED for a in found for r in a.rationales)
    assert [file.name for file in path.parent.iterdir()] == ["annotations.jsonl"]


def test_what_is_paid_so_far_stands_on_the_progress_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mindsmirror.system.progress.LOG_SECONDS", 0.0)
    result = annotating(tmp_path, 12, {"rationales": 2, "budget": {"usd": 1}}, capacity=4).annotate(
        tmp_path / "a.jsonl"
    )
    shown = [line for line in capsys.readouterr().err.splitlines() if line.startswith("annotating: ")]
    lines = [line for line in shown if "found done" not in line]
    spent = [float(line.split("$")[1].split(" of ")[0]) for line in lines]
    assert spent == sorted(spent) and len(set(spent)) > 6
    assert spent[-1] == pytest.approx(result.paid.usd, abs=1e-4) and spent[0] < spent[-1] / 2
    assert lines[-1].startswith("annotating: 12/12 questions")


def test_what_is_stored_is_counted_while_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mindsmirror.system.progress.LOG_SECONDS", 0.0)
    step = annotating(tmp_path, 12, {"rationales": 2})
    step.annotate(tmp_path / "a.jsonl")
    capsys.readouterr()
    step.annotate(tmp_path / "a.jsonl")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines[:12]] == [
        f"annotating: {done}/12 questions found done" for done in range(1, 13)
    ]
    assert lines[-1].startswith("annotating: 12/12 questions, ") and "0 samples asked for" in lines[-1]


def test_what_was_found_and_what_is_asked_anew_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"rationales": 2, "self_evaluations": 1}
    first = annotating(tmp_path, 12, {**settings, "budget": {"tokens": 2500}}).annotate(tmp_path / "a.jsonl")
    assert first.found == 0 < first.asked < 48 and " found" not in capsys.readouterr().err
    second = annotating(tmp_path, 12, settings).annotate(tmp_path / "a.jsonl")
    samples = second.samples
    # Rationales of the same words share their self-evaluation.
    assert 40 < samples <= 48
    assert (second.found, second.asked) == (first.asked, samples - first.asked)
    [last] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("annotating: 12/12")]
    assert f", {second.asked} samples asked for and {second.found} found, " in last
    assert asked_before(second) == second.model_copy(update={"found": samples, "asked": 0})
    told = f"annotated before: 12 questions, {samples} samples found in the store, none asked for\n"
    assert capsys.readouterr().err == told


def test_annotations_of_a_file_were_never_asked_for() -> None:
    taken = AnnotationResult(questions=9, expected=10, complete=9, usable=27, lacking=1)
    assert asked_before(taken) == taken


def test_a_teacher_that_is_silent_for_long_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("STILL_TERMINAL_SECONDS", "STILL_LOG_SECONDS"):
        monkeypatch.setattr(f"mindsmirror.system.progress.{name}", 0.01)
    said: list[str] = []

    class Slow(ScriptedEngine):
        """Brings nothing before that is told of."""

        def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
            limit = time.monotonic() + 60
            while not said:
                assert time.monotonic() < limit, "nothing was said"
                said.extend(line for line in capsys.readouterr().err.splitlines() if "/" in line)
            return super().poll()

    step = annotating(tmp_path, 6, {"rationales": 2})
    slow = Teacher("teacher", step.teachers[0].identity, lambda: Slow(identity=step.teachers[0].identity))
    replace(step, teachers=[slow]).annotate(tmp_path / "a.jsonl")
    assert said[0].startswith("annotating: 0/6 questions, ") and "found done" not in said[0]


def test_a_question_that_is_not_begun_is_not_in_the_file(tmp_path: Path) -> None:
    step = annotating(tmp_path, 40, {"rationales": 2, "budget": {"tokens": 5000}})
    result = step.annotate(tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_bytes().splitlines()]
    assert 0 < len(rows) == result.questions < result.expected == 40 and result.unasked
    assert f"{result.complete} of 40 questions are complete" in result.stopped
    assert all(row["rationales"] for row in rows)


def test_no_more_annotations_are_held_than_are_being_written(tmp_path: Path) -> None:
    held: list[int] = []

    def alive() -> int:
        gc.collect()
        return sum(isinstance(found, Annotation | Rationale | Example) for found in gc.get_objects())

    def script(request: Request, key: str) -> str:
        if request.messages[-1].content.startswith(("What is 150 + 153?", "What is 399 + 402?")):
            held.append(alive() - before)
        return teacher(request, key)

    # Other tests' modules hold some of their own.
    before = alive()

    step = annotating(tmp_path, 400, {"rationales": 2}, script=script, capacity=8)
    step.annotate(tmp_path / "a.jsonl")
    assert len(held) == 4 and max(held) < 100
