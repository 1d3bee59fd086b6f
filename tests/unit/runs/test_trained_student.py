"""A trained student's replies do not depend on what else is asked or on the size of a batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import served

from mindsmirror.inference.question import Reply
from mindsmirror.runs.student import TrainedStudent, load

QUESTIONS = tuple(f"Ann has {n} pens and Bo has {60 - n} pens. How many pens has Ann?" for n in range(2, 9))


@pytest.fixture(scope="module")
def student(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TrainedStudent:
    return load(served.student_folder(tiny_folder("llama", spread=0.1), tmp_path_factory.mktemp("asked") / "student"))


def alike(one: list[Reply], other: list[Reply]) -> None:
    """Equal but for how the last bits of a probability are rounded."""
    for first, second in zip(one, other, strict=True):
        assert first.p_correct == pytest.approx(second.p_correct, abs=1e-4)
        same = {"p_correct": None, "confidence": None}
        assert first.model_copy(update=same) == second.model_copy(update=same)


@pytest.mark.parametrize("mode", ["think", "mirror"])
def test_replies_depend_on_their_question_alone(student: TrainedStudent, mode: str) -> None:
    together = student.ask_many(QUESTIONS, mode)
    alike([student.ask(question, mode=mode) for question in QUESTIONS], together)
    smaller = TrainedStudent(student.description, replace(student._predictor, batch=2))
    alike(smaller.ask_many(QUESTIONS, mode), together)
