"""Which modes an arm has, by which it is compared, and when its judge is asked."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tiny

from mindsmirror.answers import Number
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.evaluation.evaluate import evaluate_modes, main_mode, modes_of
from mindsmirror.inference.confidence import AnswerModel, Calibration, Feature, SampleModel, Weight
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import VerdictRequest, read_arm
from mindsmirror.records import Example, Mode, Sample
from mindsmirror.tasks.base import Splits, Task

ALL: tuple[Mode, ...] = ("predict", "think", "vote", "mirror")


@pytest.mark.parametrize(
    ("method", "settings", "main", "modes"),
    [
        ("standard", {}, "predict", ("predict",)),
        ("multi_cot", {}, "think", ("predict", "think", "vote")),
        ("multi_cot", {"form": "published"}, "predict", ("predict",)),
        ("minds_mirror", {}, "think", ALL),
        ("fine_tune_cot", {}, "think", ("think", "vote")),
    ],
)
def test_modes_of_an_arm(method: str, settings: dict[str, str], main: str, modes: tuple[str, ...]) -> None:
    arm = read_arm({"name": "a", "method": method, "labels": "gold", **settings})
    assert main_mode(arm) == main
    assert modes_of(arm, ALL) == modes


def test_an_untrained_student_is_asked_in_both_simple_modes() -> None:
    assert (main_mode(None), modes_of(None, ALL)) == ("think", ("predict", "think"))


def with_sample(*features: Feature) -> AnswerModel:
    weights = {name: Weight(mean=0.0, deviation=1.0, weight=1.0) for name in features}
    return AnswerModel(sample=SampleModel(intercept=0.0, weights=weights), strength=1.0, slope=1.0, intercept=0.0)


@pytest.mark.parametrize(
    ("mode", "model", "judge_all", "judged"),
    [
        ("mirror", None, False, True),
        ("mirror", with_sample("arithmetic"), True, True),
        ("mirror", with_sample("arithmetic"), False, False),
        ("mirror", with_sample("arithmetic", "verdict"), False, True),
        ("vote", with_sample("arithmetic", "verdict"), True, True),
        ("vote", with_sample("arithmetic"), True, False),
        ("think", with_sample("verdict"), False, True),
        ("think", None, True, False),
    ],
)
def test_the_judge_reads_where_its_verdicts_count(
    mode: Mode,
    model: AnswerModel | None,
    judge_all: bool,
    judged: bool,
    tiny_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def judge(
        predictor: Predictor, request: VerdictRequest, examples: Sequence[Example], samples: list[tuple[Sample, ...]]
    ) -> list[tuple[Sample, ...]]:
        asked.append(sum(map(len, samples)))
        return samples

    monkeypatch.setattr("mindsmirror.evaluation.evaluate.judged_samples", judge)
    student = tiny.load(tiny_folder("llama"))
    task = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
    ready = Predictor(student, student.model.eval(), task, max_tokens=4)
    examples = [Example(id=str(n), text=f"{n}+{n}?", gold=str(2 * n)) for n in range(3)]
    config = EvaluationConfig(samples=4)
    calibration = None if model is None else Calibration(temperature=0.7, modes={mode: model})
    request = VerdictRequest(arm="a")
    found = evaluate_modes(ready, request, [mode], examples, config, 0, calibration, judge_all=judge_all)
    assert asked == ([3 * len(found[mode][0].samples or "1")] if judged else [])
