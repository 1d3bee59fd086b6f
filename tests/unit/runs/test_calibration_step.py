"""Every choice is made before a test label is read; what cannot be fitted is said; what was written is not lost."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, SupportsIndex, overload

import pytest
from end_to_end import material

from mindsmirror.errors import DataError, RecipeError
from mindsmirror.evaluation.config import FEWEST_QUESTIONS, TEMPERATURE
from mindsmirror.records import Example
from mindsmirror.reflection.result import DrawResult
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe

VALID = FEWEST_QUESTIONS + 2


class Sealed(tuple[Example, ...]):
    """Test questions that nobody may look at."""

    def __iter__(self) -> Iterator[Example]:
        raise AssertionError("a test question was read")

    @overload
    def __getitem__(self, place: SupportsIndex) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Example, ...]: ...
    def __getitem__(self, place: Any) -> Any:
        raise AssertionError("a test question was read")


def pipeline(
    folder: Path, student: Path, valid: int = VALID, reflect: dict[str, int] | None = None, **evaluation: Any
) -> Pipeline:
    splits = ["train"] * 4 + ["valid"] * valid + ["test"] * 3
    rows = [material.word_problem(number, split) for number, split in enumerate(splits)]
    data = material.write_rows(folder / "words.jsonl", rows)
    document = {
        "name": "sealed",
        "task": {"name": str(data)},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "annotation": {"rationales": 2},
        "reflect": reflect,
        "student": {"model": str(student)},
        "training": {"budget": {"steps": 2}, "batch_tokens": 512, "precision": "fp32"},
        "arm": [{"name": "mirror", "method": "minds_mirror", "labels": "gold"}],
        "evaluation": {"samples": 2, "max_tokens": 8, "untrained": False, **evaluation},
    }
    return Pipeline(make_recipe(document), folder / "runs")


def test_no_test_question_is_read_before_every_choice_is_made(tmp_path: Path, tiny_folder: Callable[..., Path]) -> None:
    """The whole run on sealed test questions: it ends where the test begins, and not before."""
    made = pipeline(tmp_path, tiny_folder("llama"), reflect={"questions": 0, "samples": 2})
    # A run keeps a copy of its questions when it begins.
    made.begin()
    made.task = replace(made.task, splits=made.task.splits._replace(test=Sealed(made.task.splits.test)))
    made.annotate()
    made.distill()
    assert made.run.result("reflection/mirror/1/own", DrawResult) is not None
    result = made.calibrate()["mirror"]
    assert result.questions == VALID and {"predict"} <= result.calibration.modes.keys()
    folder = made.run.folder / "calibration" / "mirror"
    written = {path.name for path in folder.glob("*.jsonl")}
    assert written == {"predict.jsonl", "think.jsonl", *(f"samples-{heat}.jsonl" for heat in ("0.5", "0.7", "1"))}
    with pytest.raises(AssertionError, match="a test question was read"):
        made.evaluate()


def test_a_calibration_that_was_cut_short_goes_on(tmp_path: Path, tiny_folder: Callable[..., Path]) -> None:
    made = pipeline(tmp_path, tiny_folder("llama"), temperature=0.9)
    made.begin()
    made.annotate()
    made.distill()
    first = made.calibrate()["mirror"]
    assert first.calibration.temperature == 0.9
    folder = made.run.folder / "calibration" / "mirror"
    before = material.state(folder)
    assert made.calibrate()["mirror"] == first and material.state(folder) == before
    (folder / "done.json").unlink()
    (folder / "samples-0.9.jsonl").write_text("{ cut")
    assert made.calibrate()["mirror"] == first
    after = material.state(folder)
    assert {name: found[1] for name, found in before.items() if name != "done.json"} == {
        name: found[1] for name, found in after.items() if name != "done.json"
    }
    assert before["think.jsonl"] == after["think.jsonl"]


def test_with_too_few_questions_nothing_is_asked_and_that_is_said(
    tmp_path: Path, tiny_folder: Callable[..., Path]
) -> None:
    made = pipeline(tmp_path, tiny_folder("llama"), valid=3)
    with pytest.raises(DataError, match="is not trained"):
        made.calibrate()
    made.begin()
    made.annotate()
    made.distill()
    result = made.calibrate()["mirror"]
    assert (result.calibration.modes, result.calibration.temperature) == ({}, TEMPERATURE)
    assert result.reason == f"validation questions with gold: 3, and fitting takes {FEWEST_QUESTIONS}"


def test_a_risk_that_cannot_be_promised_is_refused_before_anything_is_paid_for(tmp_path: Path) -> None:
    for valid, fits in ((FEWEST_QUESTIONS - 1, False), (FEWEST_QUESTIONS, True)):
        made = pipeline(tmp_path, Path("smollm2-135m-instruct"), valid=valid, risk=0.1)
        if fits:
            made.check()
        else:
            with pytest.raises(RecipeError, match=rf"evaluation\.risk: .* 40 .* there are {valid}\. Raise task\.valid"):
                made.begin()
            assert not (tmp_path / "runs").exists()
