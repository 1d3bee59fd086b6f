"""How far an arm's confidences can be trusted: on its own test rationales and answers, beside what costs nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mindsmirror.answers.steps import valid_share
from mindsmirror.evaluation.metrics import auroc, auroc_interval, expected_calibration_error
from mindsmirror.evaluation.reliability import reliability
from mindsmirror.evaluation.result import CalibrationResult
from mindsmirror.evaluation.score_quality import ScoreQuality, score_quality
from mindsmirror.evaluation.selective import risk_coverage
from mindsmirror.inference.confidence import Sparing
from mindsmirror.records import Mode, Prediction, Sample
from mindsmirror.reporting.confidence_schema import SCORES, AnswerConfidence, ConfidenceReport, SparedReport
from mindsmirror.reporting.formatting import count, named_arm, percent, score
from mindsmirror.reporting.verdict_section import with_interval, within

if TYPE_CHECKING:
    from mindsmirror.reporting.accuracy_section import ArmPredictions

AnswerKey = Callable[[str, str], str]
"""Of the id of a question and an answer to it what makes two answers the same, such as their value."""


def confidence_report(
    arm: "ArmPredictions",
    found: CalibrationResult,
    risk: float | None,
    seed: int,
    key: AnswerKey = lambda example, answer: answer,
) -> ConfidenceReport:
    """What was fitted to an arm's validation answers, and what it is worth on its test answers."""
    modes = arm.modes
    sampled = modes.get("mirror") or modes.get("vote") or ()
    return ConfidenceReport(
        arm=arm.name,
        questions=found.questions,
        reason=found.reason,
        temperature=found.calibration.temperature,
        preferred=found.calibration.preferred,
        judge_counts=found.judge_counts if arm.judge is not None and not found.reason else None,
        judge=found.judge,
        features=found.features,
        samples=_in_order({**_sample_scores(sampled, seed, key), **arm.baselines}),
        answers=tuple(
            answer
            for mode, predictions in modes.items()
            if (answer := _answers(mode, predictions, risk, seed)) is not None
        ),
        spared=_spared(modes, found.calibration.sparing, risk),
    )


def confidences_told(report: ConfidenceReport) -> Iterator[str]:
    """The same in sentences."""
    who = named_arm(report.arm)
    if report.reason:
        yield f"The confidences of {who} are not calibrated: {report.reason}."
        return
    if report.judge_counts is False:
        seen = f" ({within(report.judge)})" if report.judge is not None else ""
        yield (
            f"The judge of {who} is not shown to be above chance within the validation questions{seen}, so it does not "
            "count. Mirror goes by what else is known of a rationale: how likely its text is, whether its arithmetic "
            "holds, and how many others agree."
        )
    for answer in report.answers:
        if answer.mode == report.preferred and answer.auroc is not None:
            yield _worth(who, answer, report.samples)
    if report.spared is not None and report.spared.stopped:
        yield _less(who, report.spared)
        spared = report.spared
        if spared.risk is not None:
            yield _promise(f"So asked {who}", spared.n, spared.abstained, spared.wrong, spared.risk)
    for answer in report.answers:
        if answer.risk is not None:
            asked = f"In mode {answer.mode} {who}"
            yield _promise(asked, answer.n, answer.abstained, answer.wrong, answer.risk)


def _worth(who: str, answer: AnswerConfidence, samples: Mapping[str, ScoreQuality]) -> str:
    told = f"The confidence of {who} in mode {answer.mode} ranks right answers above wrong ones with an AUROC of "
    told += with_interval(answer.auroc or 0.0, answer.auroc_ci95)
    names = {"arithmetic": "arithmetic", "agreement": "agreement", "log_probability": "mean log-probability"}
    areas = {name: samples[name].auroc for name in names if name in samples}
    free = [f"{names[name]} {score(area)}" for name, area in areas.items() if area is not None]
    if free:
        told += f"; what costs nothing ranks its single rationales so: {', '.join(free)}"
    if answer.accuracy_at_half is not None:
        told += f"; of the surer half {percent(answer.accuracy_at_half)} are right"
    return f"{told}."


def _less(who: str, spared: SparedReport) -> str:
    always = spared.right_always
    return (
        f"Asked in mode mirror, {who} draws no more where its first rationale is surer than {percent(spared.enough)}: "
        f"{spared.rationales:.1f} rationales and {spared.tokens:.0f} tokens a test question instead of "
        f"{spared.tokens_always:.0f}, with {count(spared.right)} instead of {count(always)} of {count(spared.n)} right "
        f"({count(spared.gained)} gained, {count(spared.lost)} lost)."
    )


def _promise(who: str, n: int, abstained: int, wrong: int, risk: float) -> str:
    given = n - abstained
    start = f"{who} abstains from {count(abstained)} of {count(n)} test questions"
    if not given:
        return f"{start}: validation answers do not allow a promise of at most {percent(risk)} wrong."
    kept = "held" if wrong <= risk * given else "was not kept"
    return f"{start}; of the others {percent(wrong / given)} are wrong: the promise of at most {percent(risk)} {kept}."


def _answers(mode: Mode, predictions: Sequence[Prediction], risk: float | None, seed: int) -> AnswerConfidence | None:
    """None where no confidence was calibrated, or nothing has gold."""
    known = [p for p in predictions if p.right is not None]
    if not any(p.calibrated for p in known):
        return None
    right = [bool(p.right) for p in known]
    sure = [-1.0 if p.confidence is None else p.confidence for p in known]
    stated = [(p.confidence, bool(p.right)) for p in known if p.confidence is not None]
    curve = risk_coverage(sure, right)
    return AnswerConfidence(
        mode=mode,
        n=len(known),
        auroc=auroc(sure, right),
        auroc_ci95=auroc_interval(sure, right, [p.example for p in known], seed),
        calibration_error=expected_calibration_error([p for p, _ in stated], [hit for _, hit in stated]),
        reliability=reliability([p for p, _ in stated], [hit for _, hit in stated]),
        accuracy_at_half=curve.accuracy_at_half if curve else None,
        risk=risk,
        abstained=sum(p.abstained for p in known),
        wrong=sum(not p.right for p in known if not p.abstained),
    )


def _spared(
    modes: Mapping[Mode, Sequence[Prediction]], sparing: Sparing | None, risk: float | None
) -> SparedReport | None:
    """What the test answers would have been with as little drawn as `ask` draws."""
    pairs = [
        (alone, drawn)
        for alone, drawn in zip(modes.get("think", ()), modes.get("mirror", ()), strict=False)
        if drawn.right is not None and alone.example == drawn.example
    ]
    if sparing is None or not pairs:
        return None
    stops = [sparing.stops(alone.confidence) for alone, _ in pairs]
    given = [alone if stop else drawn for stop, (alone, drawn) in zip(stops, pairs, strict=True)]
    right = [bool(each.right) for each in given]
    always = [bool(drawn.right) for _, drawn in pairs]
    n = len(pairs)
    return SparedReport(
        enough=sparing.enough,
        n=n,
        stopped=sum(stops),
        rationales=sum(1 if stop else len(drawn.samples) for stop, (_, drawn) in zip(stops, pairs, strict=True)) / n,
        tokens=sum(each.tokens for each in given) / n,
        tokens_always=sum(drawn.tokens for _, drawn in pairs) / n,
        right=sum(right),
        right_always=sum(always),
        gained=sum(one and not all_ for one, all_ in zip(right, always, strict=True)),
        lost=sum(all_ and not one for one, all_ in zip(right, always, strict=True)),
        risk=risk if sparing.threshold is not None else None,
        abstained=sum(sparing.abstains(each.confidence) for each in given),
        wrong=sum(not each.right and not sparing.abstains(each.confidence) for each in given),
    )


def _sample_scores(predictions: Sequence[Prediction], seed: int, key: AnswerKey) -> dict[str, ScoreQuality]:
    """Each score of a single rationale against gold, over the rationales that have it."""
    rows: list[tuple[dict[str, float | None], bool, str]] = []
    for prediction in predictions:
        others = len(prediction.samples) - 1
        keys = [None if s.answer is None else key(prediction.example, s.answer) for s in prediction.samples]
        counts = Counter(keys)
        for sample, own in zip(prediction.samples, keys, strict=True):
            if own is not None and sample.right is not None:
                agreement = (counts[own] - 1) / others if others else None
                rows.append((_scores(sample, agreement), sample.right, prediction.example))
    found = {}
    for name in rows[0][0] if rows else ():
        known = [(value, right, of) for scores, right, of in rows if (value := scores[name]) is not None]
        if known:
            values, right = [value for value, _, _ in known], [flag for _, flag, _ in known]
            found[name] = score_quality(values, right, [question for *_, question in known], seed)
    return found


def _in_order(found: Mapping[str, ScoreQuality]) -> dict[str, ScoreQuality]:
    return {name: found[name] for name in SCORES if name in found}


def _scores(sample: Sample, agreement: float | None) -> dict[str, float | None]:
    return {
        "judge": sample.p_correct,
        "arithmetic": valid_share(sample.text),
        "agreement": agreement,
        "log_probability": sample.log_probability,
        "confidence": sample.confidence,
    }
