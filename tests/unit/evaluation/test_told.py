"""Whoever asks or judges many texts tells how far it has come."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from mindsmirror.answers import Number
from mindsmirror.evaluation.arms import AskedArm, ask_modes, validation
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import VerdictRequest, read_arm
from mindsmirror.records import Example
from mindsmirror.students.config import StudentConfig
from mindsmirror.tasks.base import Splits, Task

ARM = read_arm({"name": "a", "method": "minds_mirror"})
QUESTIONS = tuple(Example(id=str(n), text=f"{n}+{n}?", gold=str(2 * n)) for n in range(5))
SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), QUESTIONS, ()))


def test_validating_asking_and_judging_are_told_of(
    tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mindsmirror.system.progress.LOG_SECONDS", 0.0)
    student = tiny.load(tiny_folder("llama"))
    config = EvaluationConfig(batch=2, max_tokens=16, samples=2)

    def told() -> list[str]:
        return [line.split(", ")[0] for line in capsys.readouterr().err.splitlines()]

    told()  # what Transformers says when it saves
    validate = validation(SUMS, config, ARM, "fp32")
    assert validate is not None and len(validate(student, student.model)) == len(QUESTIONS)
    assert told() == [f"validating a: {done}/5 questions" for done in (2, 4, 5)]
    predictor = Predictor(student, student.model.eval(), SUMS, config.max_tokens, config.batch)
    asked = AskedArm(SUMS, StudentConfig(model="given"), config, "fp32", 0, ARM, None)
    assert ask_modes(predictor, asked, ("predict", "vote"), QUESTIONS).keys() == {"predict", "vote"}
    assert told() == [f"asking a: {done}/15 texts" for done in (2, 4, 5, 7, 9, 11, 13, 15)]
    ask_modes(predictor, replace(asked, arm=None), ("think",), QUESTIONS[:2])
    assert told() == ["asking untrained: 2/2 texts"]
    judged = [(question.text, f"The answer is {question.gold}.") for question in QUESTIONS]
    assert len(verdict_probabilities(predictor, VerdictRequest("a"), judged)) == 5
    assert told() == [f"judging as a: {done}/5 rationales" for done in (2, 4, 5)]
