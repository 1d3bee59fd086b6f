"""Asks an arm the validation questions, and fits to its answers how sure to be of the next ones.

Chosen here, and nowhere later: the temperature, whether the student's judge counts in the mirror and how much, the
probability of each mode's answers, the threshold that keeps a promised risk, and the mode that `ask` uses. Test
questions are read after that; the task that is passed has none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mindsmirror.evaluation.arms import AskedArm, counted
from mindsmirror.evaluation.config import TEMPERATURE, TEMPERATURES, EvaluationConfig
from mindsmirror.evaluation.evaluate import main_mode, modes_of
from mindsmirror.evaluation.fitting import (
    Answered,
    Elected,
    can_fit,
    choose_strength,
    choose_sureness,
    elected,
    feature_qualities,
    fit_answers,
    fit_samples,
    fit_sparing,
    held_out_log_odds,
    judge_within,
    samples_within,
)
from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.result import CalibrationResult
from mindsmirror.inference.confidence import (
    FEATURES,
    AnswerModel,
    Calibration,
    Feature,
    SampleModel,
    Sparing,
    Weight,
    as_sample,
    candidates,
    features_of,
)
from mindsmirror.inference.predictor import and_drawn, predict, think
from mindsmirror.inference.vote import judged_samples, vote
from mindsmirror.records import MODES, Example, Mode, Prediction, Sample
from mindsmirror.system.files import read_records, write_records
from mindsmirror.system.progress import Progress, Working
from mindsmirror.tasks.base import Task

CHANCE = 0.5
LOG_PROBABILITY = SampleModel(intercept=0.0, weights={"log_probability": Weight(mean=0.0, deviation=1.0, weight=1.0)})
"""All that is known of a direct answer; Platt's scaling of the answer does the rest."""


class Fit(NamedTuple):
    """What the samples of one temperature came to."""

    temperature: float
    questions: Sequence[Answered]
    names: Sequence[Feature]
    """What a sample's log-odds are made of in the mode mirror, or would be if the judge counted."""
    judge: WithinQuestions | None
    judge_counts: bool
    models: Mapping[Mode, AnswerModel]
    right: Mapping[Mode, Sequence[bool]]
    """Of every question in every mode, by answers that were elected with what was fitted to other questions."""
    strengths: Mapping[float, float]
    sparing: Sparing | None = None


def calibrate_arm(asked: AskedArm, examples: Sequence[Example], folder: Path) -> CalibrationResult:
    """Ask a trained arm the validation questions with gold and fit to what it says.

    What it writes stays in the folder: `predict.jsonl`, `think.jsonl`, and samples by temperature. A step that was
    cut short reads what is there.
    """
    task, config, seed = asked.task, asked.config, asked.seed
    modes = modes_of(asked.arm, config.modes)
    verdicts = asked.verdicts if "mirror" in modes else None
    drawn = bool({"vote", "mirror"} & set(modes))
    grid = _grid(config) if drawn else ()
    texts = len(examples) * (("predict" in modes) + (modes != ("predict",)) + (config.samples - 1) * len(grid))
    predictor = asked.open()
    fits: list[Fit] = []
    with Progress(f"calibrating {asked.name}", texts, "texts") as progress:
        predictor = counted(predictor, progress)
        direct = greedy = None
        if "predict" in modes:
            direct = _kept(folder / "predict.jsonl", examples, lambda: predict(predictor, examples))
        if modes != ("predict",):
            greedy = _kept(folder / "think.jsonl", examples, lambda: think(predictor, examples))
        for temperature in grid or (_grid(config)[:1] if greedy else ()):

            def draw(temperature: float = temperature, greedy: Sequence[Prediction] = greedy or ()) -> list[Prediction]:
                number = config.samples if drawn else 1
                samples = and_drawn(predictor, examples, list(map(as_sample, greedy)), number, temperature, seed)
                if verdicts is not None:
                    samples = judged_samples(predictor, verdicts, examples, samples)
                return vote(task, examples, samples)

            voted = _kept(folder / f"samples-{temperature:g}.jsonl", examples, draw)
            with Working("fitting confidences"):
                fits.append(
                    fit(task, examples, [each.samples for each in voted], temperature, modes, config.risk, seed)
                )
        progress.close(texts)
    return _result(direct, fits, main_mode(asked.arm), config, seed)


def fit(
    task: Task,
    examples: Sequence[Example],
    samples: Sequence[tuple[Sample, ...]],
    temperature: float,
    modes: Sequence[Mode],
    risk: float | None,
    seed: int,
) -> Fit:
    """Fit what the modes with rationales need to samples of validation questions, the first of each greedy."""
    questions = [_answered(task, example, of_one) for example, of_one in zip(examples, samples, strict=True)]
    judge = judge_within(questions, seed)
    counts = judge is not None and judge.ci95 is not None and judge.ci95[0] > CHANCE
    known = {name for name in FEATURES for q in questions for f in q.features if f is not None and f[name] is not None}
    names = [name for name in FEATURES if name in known]
    models: dict[Mode, AnswerModel] = {}
    right: dict[Mode, Sequence[bool]] = {}
    strengths: Mapping[float, float] = {}
    first: Sequence[Elected | None] = ()
    sparing = None

    def add(mode: Mode, leaders: Sequence[Elected | None], model: AnswerModel) -> None:
        models[mode] = model
        right[mode] = [each is not None and each.right for each in leaders]

    free = [name for name in names if name != "verdict"]
    if not can_fit(questions):
        return Fit(temperature, questions, names, judge, False, models, right, strengths)
    if "think" in modes:
        own = [name for name in (names if counts else free) if name != "agreement"]
        held_out = held_out_log_odds(questions, own, seed)
        first = [
            None if q.features[0] is None else Elected(odds[0], q.right[0])
            for q, odds in zip(questions, held_out, strict=True)
        ]
        add("think", first, fit_answers(first, fit_samples(questions, own), 1.0, risk))
    if {"vote", "mirror"} & set(modes):
        held_out = held_out_log_odds(questions, free, seed)
        strength = choose_sureness(questions, held_out)
        leaders = elected(questions, held_out, strength, by_share=True)
        add("vote", leaders, fit_answers(leaders, fit_samples(questions, free), strength, risk, by_share=True))
    if "mirror" in modes:
        used = names if counts else free
        held_out = held_out_log_odds(questions, used, seed)
        strength, strengths = choose_strength(questions, held_out)
        leaders = elected(questions, held_out, strength)
        add("mirror", leaders, fit_answers(leaders, fit_samples(questions, used), strength, risk))
        if "think" in modes:
            sparing = fit_sparing(first, models["think"], leaders, models["mirror"], risk)
    return Fit(temperature, questions, names, judge, counts, models, right, strengths, sparing)


def preferred_mode(main: Mode, right: Mapping[Mode, Sequence[bool]]) -> Mode:
    """The arm's main mode, unless another is better by more than the standard error of the difference.

    Of several that are, the most accurate one; of equals the cheapest (`MODES` begins with it).
    """
    best, most = main, 0.0
    for mode in MODES:
        if mode not in right or main not in right:
            continue
        gain, error = _gain(right[mode], right[main])
        if gain > max(most, error):
            best, most = mode, gain
    return best


def chosen_fit(fits: Sequence[Fit]) -> Fit:
    """That of the usual temperature, unless another is better by more than the standard error of the difference."""
    usual = min(fits, key=lambda each: abs(each.temperature - TEMPERATURE))
    mode: Mode = "mirror" if "mirror" in usual.right else "vote"
    best, most = usual, 0.0
    for each in fits:
        if mode in each.right and mode in usual.right:
            gain, error = _gain(each.right[mode], usual.right[mode])
            if gain > max(most, error):
                best, most = each, gain
    return best


def _result(
    direct: Sequence[Prediction] | None, fits: Sequence[Fit], main: Mode, config: EvaluationConfig, seed: int
) -> CalibrationResult:
    models: dict[Mode, AnswerModel] = {}
    right: dict[Mode, Sequence[bool]] = {}
    if direct is not None:
        leaders = [
            None if p.answer is None or p.log_probability is None else Elected(p.log_probability, bool(p.right))
            for p in direct
        ]
        models["predict"] = fit_answers(leaders, LOG_PROBABILITY, 1.0, config.risk)
        right["predict"] = [bool(p.right) for p in direct]
    if not fits:
        calibration = Calibration(temperature=_grid(config)[0], modes=models, preferred=main)
        return CalibrationResult(calibration=calibration, questions=len(direct or ()), accuracy=_accuracy(right))
    fit = chosen_fit(fits)
    models |= fit.models
    right |= fit.right
    fitted = bool(fit.models)
    names = [name for name in fit.names if fit.judge_counts or name != "verdict"]
    whole = samples_within(fit.questions, fit.names, seed) if fitted else None
    return CalibrationResult(
        calibration=Calibration(
            temperature=fit.temperature,
            modes=models,
            preferred=preferred_mode(main, right) if fitted else None,
            sparing=fit.sparing,
        ),
        questions=len(fit.questions),
        samples=sum(each is not None for question in fit.questions for each in question.features),
        reason="" if fitted else "right and wrong rationales do not come from enough validation questions each",
        temperatures={f"{each.temperature:g}": share for each in fits if (share := _elected_share(each)) is not None},
        accuracy=_accuracy(right),
        strengths={f"{strength:g}": share for strength, share in fit.strengths.items()},
        judge=fit.judge,
        judge_counts=fit.judge_counts,
        confidence=samples_within(fit.questions, names, seed) if fitted else None,
        features=feature_qualities(fit.questions, fit.names, fit_samples(fit.questions, fit.names), whole, seed)
        if whole
        else (),
    )


def _grid(config: EvaluationConfig) -> tuple[float, ...]:
    return TEMPERATURES if config.temperature is None else (config.temperature,)


def _kept(path: Path, examples: Sequence[Example], ask: Callable[[], list[Prediction]]) -> list[Prediction]:
    """What was written before a step was cut short, or what is asked now, which is kept."""
    try:
        found = read_records(path, Prediction)
    except (OSError, ValueError):
        found = []
    if [each.example for each in found] != [example.id for example in examples]:
        found = ask()
        write_records(path, found)
    return found


def _answered(task: Task, example: Example, samples: Sequence[Sample]) -> Answered:
    found = candidates(task, example, samples)
    return Answered(features_of(samples, found), [bool(sample.right) for sample in samples], found)


def _gain(ours: Sequence[bool], theirs: Sequence[bool]) -> tuple[float, float]:
    """The difference of two accuracies on the same questions, and its standard error.

    The error is that of Agresti and Min (2005), who add half a question to each cell: a single question is no gain.
    """
    ahead = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    behind = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    n = len(ours)
    error = math.sqrt(ahead + behind + 1 - (ahead - behind) ** 2 / (n + 2)) / (n + 2)
    return (ahead - behind) / max(1, n), error


def _accuracy(right: Mapping[Mode, Sequence[bool]]) -> dict[Mode, float]:
    return {mode: sum(right[mode]) / max(1, len(right[mode])) for mode in MODES if mode in right}


def _elected_share(fit: Fit) -> float | None:
    flags = fit.right.get("mirror", fit.right.get("vote"))
    return sum(flags) / len(flags) if flags else None
