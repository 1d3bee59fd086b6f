"""Which modes an arm has, by which it is compared, and when its judge is asked."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny

from mindsmirror.answers import Number
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.evaluation.evaluate import evaluate_modes, main_mode, modes_of
from mindsmirror.inference.confidence import AnswerModel, Calibration, Feature, SampleModel, Sparing, Weight
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import VerdictRequest, read_arm
from mindsmirror.records import Example, Mode, Prediction, Sample, Tag
from mindsmirror.students.decoding import GeneratedText, SamplingParams
from mindsmirror.tasks.base import Splits, Task

ALL: tuple[Mode, ...] = ("predict", "think", "vote", "mirror")


@pytest.mark.parametrize(
    ("method", "settings", "main", "modes"),
    [
        ("standard", {}, "predict", ("predict",)),
        ("multi_cot", {}, "think", ALL),
        ("multi_cot", {"form": "published"}, "predict", ("predict",)),
        ("minds_mirror", {}, "think", ALL),
        ("minds_mirror", {"alpha": 0}, "think", ("think", "vote", "mirror")),
        ("fine_tune_cot", {}, "think", ("think", "vote", "mirror")),
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
    ("mode", "model", "measured", "judged"),
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
    measured: bool,
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
    found = evaluate_modes(ready, request, [mode], examples, config, 0, calibration, sparing=not measured)
    assert asked == ([3 * len(found[mode][0].samples or "1")] if judged else [])


def test_the_mirror_draws_only_where_the_first_rationale_is_unsure(
    tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy texts are alike but for how likely they are; what is drawn is another answer, and likelier."""
    student = tiny.load(tiny_folder("llama"))
    asked: list[tuple[int, int, float]] = []

    def generate(model: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams) -> list[list[GeneratedText]]:
        asked.append((len(sources), sampling.samples, sampling.temperature))
        greedy = sampling.temperature == 0 or sampling.greedy_first
        drawn = [GeneratedText("The answer is 6.", 7, True, -0.1)] * sampling.samples
        return [
            [GeneratedText("The answer is 5.", 5, True, -float(len(source) % 2)), *drawn[1:]] if greedy else drawn
            for source in sources
        ]

    monkeypatch.setattr(student, "generate", generate)
    likely = {"log_probability": Weight(mean=-0.5, deviation=1.0, weight=4.0)}
    sample = SampleModel(intercept=0.0, weights=likely)
    model = AnswerModel(sample=sample, strength=1.0, slope=1.0, intercept=0.0)
    task = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
    ready = Predictor(student, student.model.eval(), task)
    examples = [Example(id=text, text=text, gold="6") for text in ("1", "11", "111", "1111", "11111")]
    odd = [len(student.source(Tag.EXPLAIN, each.text, None)) % 2 == 1 for each in examples]
    assert 0 < sum(odd) < len(odd)
    calibration = Calibration(
        temperature=0.7,
        modes={"think": model, "mirror": model},
        sparing=Sparing(enough=0.6, threshold=0.9),
    )
    config, request = EvaluationConfig(samples=4), VerdictRequest(arm="a")

    def answered(calibration: Calibration, *, sparing: bool) -> list[Prediction]:
        asked.clear()
        return evaluate_modes(ready, request, ["mirror"], examples, config, 0, calibration, sparing=sparing)["mirror"]

    spared = answered(calibration, sparing=True)
    assert asked == [(5, 1, 0.0), (sum(odd), 3, 0.7)]
    assert [each.answer for each in spared] == ["6" if unsure else "5" for unsure in odd]
    assert [len(each.samples) for each in spared] == [4 if unsure else 1 for unsure in odd]
    assert [each.tokens for each in spared] == [5 + 3 * 7 if unsure else 5 for unsure in odd]
    assert {each.mode for each in spared} == {"mirror"} and all(each.calibrated for each in spared)
    assert [each.abstained for each in spared] == [(each.confidence or 0) < 0.9 for each in spared]
    whole = answered(calibration.model_copy(update={"sparing": None}), sparing=True)
    assert asked == [(5, 4, 0.7)] and all(len(each.samples) == 4 for each in whole)
    assert [each.answer for each in spared if len(each.samples) == 4] == ["6"] * sum(odd)
    measured = answered(calibration, sparing=False)
    assert asked == [(5, 4, 0.7)]
    assert [(each.answer, each.confidence) for each in measured] == [(each.answer, each.confidence) for each in whole]
