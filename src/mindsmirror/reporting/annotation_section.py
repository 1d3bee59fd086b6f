"""What the annotation amounts to: yields, costs, and verdicts held against gold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from mindsmirror.evaluation.metrics import (
    auroc,
    auroc_interval,
    auroc_within,
    verdict_consistency,
    verdict_quality,
)
from mindsmirror.records import (
    Annotation,
    DualKind,
    Parse,
    Purpose,
    Rationale,
    SelfEvaluation,
    Usage,
    Verdict,
    VerdictSource,
)
from mindsmirror.reporting.diversity_section import AnswerKey, as_written, rationale_diversity
from mindsmirror.reporting.schema import AnnotationReport, StepUsage, StepYield

NOTHING: Mapping[Purpose, Usage] = {}
RANK = {Verdict.CORRECT: 1.0, Verdict.UNCERTAIN: 0.5, Verdict.WRONG: 0.0}
"""How verdicts order rationales."""
Judged = tuple[SelfEvaluation, bool, str]
"""An evaluation, whether the rationale is right, and the question's id."""


def annotation_report(
    annotations: Sequence[Annotation],
    judge: str,
    seconds: float,
    usd: float | None,
    spent: Mapping[Purpose, Usage] = NOTHING,
    stopped: str = "",
    key: AnswerKey = as_written,
) -> AnnotationReport:
    """The annotation's part of a report. Accuracies are None where no question has gold.

    `spent` is what the stored samples of each purpose took.
    `key` says which answers are the same; by default those that are written alike.
    """
    rationales = [rationale for annotation in annotations for rationale in annotation.rationales]
    evaluations = [evaluation for annotation in annotations for evaluation in annotation.evaluations]
    known = [rationale.right for rationale in rationales if rationale.right is not None]
    pairs = _judged(annotations)
    quality = verdict_quality([(e.verdict, right) for e, right, _ in pairs], [name for _, _, name in pairs])
    verdicts = Counter(evaluation.verdict for evaluation in evaluations)
    duals = [dual for annotation in annotations for dual in annotation.duals]
    yields = (
        _rationale_yield("rationale", rationales),
        _verdict_yield(evaluations),
        _critique_yield(evaluations),
        *(_rationale_yield(kind, [dual for dual in duals if dual.kind is kind]) for kind in DualKind),
    )
    tokens_in = sum(annotation.provenance.tokens_in for annotation in annotations)
    tokens_out = sum(annotation.provenance.tokens_out for annotation in annotations)
    usable = {step.step: step.ok for step in yields}
    usable[Purpose.SELF_EVALUATION] = sum(e.parse is Parse.OK for e in evaluations)
    return AnnotationReport(
        examples=len(annotations),
        rationales=len(rationales),
        evaluations=len(evaluations),
        unparsed=sum(map(_unparsed, annotations)),
        teacher_accuracy=sum(known) / len(known) if known else None,
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
        judge=judge,
        judge_balanced_accuracy=quality.balanced_accuracy,
        judge_balanced_accuracy_ci95=quality.balanced_accuracy_ci95,
        **_ranking(pairs),
        judge_calibration=" and ".join(sorted({e.calibration for e in evaluations if e.calibration})),
        majority_baseline=quality.majority_baseline,
        verdict_quality=quality if pairs else None,
        verdict_consistency=verdict_consistency(_own_words(annotations)),
        distinct_rationales=_distinct(annotations),
        diversity=rationale_diversity(annotations, key),
        yields=tuple(step for step in yields if step.asked),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        seconds=seconds,
        usd=usd,
        tokens_per_question=_each(tokens_in + tokens_out, len(annotations)),
        usd_per_question=_each(usd, len(annotations)),
        costs=tuple(_step_usage(purpose, usage, usable[purpose]) for purpose, usage in spent.items()),
        stopped=stopped,
    )


def _unparsed(annotation: Annotation) -> int:
    """Replies without use; a judgement without verdict and critique is one, though two steps lack it."""
    thoughts = sum(r.parse is not Parse.OK for r in (*annotation.rationales, *annotation.duals))
    return thoughts + sum(_lost(e) or e.parse is not Parse.OK for e in annotation.evaluations)


def _ranking(pairs: Sequence[Judged]) -> dict[str, Any]:
    """How the judge orders right before wrong rationales, overall and within questions: three fields of the report.

    By its likelihoods, or where it gives none by its verdicts, those on one rationale taken together.
    """
    likely = any(e.likelihood is not None for e, _, _ in pairs)
    scores: dict[tuple[str, int], list[float]] = {}
    right: dict[tuple[str, int], bool] = {}
    for evaluation, flag, name in pairs:
        score = evaluation.likelihood if likely else RANK.get(evaluation.verdict)
        if score is not None:
            scores.setdefault((name, evaluation.rationale), []).append(score)
            right[name, evaluation.rationale] = flag
    if not scores:
        return {}
    means, flags, names = [fmean(said) for said in scores.values()], list(right.values()), [name for name, _ in right]
    return {
        "judge_auroc": auroc(means, flags),
        "judge_auroc_ci95": auroc_interval(means, flags, names, seed=0),
        "judge_within": auroc_within(means, flags, names, seed=0),
    }


def _each(total: float | None, count: int) -> float | None:
    return total / count if total is not None and count else None


def _step_usage(purpose: Purpose, usage: Usage, usable: int) -> StepUsage:
    return StepUsage(
        step=purpose,
        usable=usable,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        usd=usage.usd,
        tokens_per_usable=_each(usage.tokens, usable),
        usd_per_usable=_each(usage.usd, usable),
    )


def verdict_sources(annotations: Iterable[Annotation]) -> str:
    """What the verdicts rest on, in words: "consensus", or "informed and plain"; "" if there are none."""
    found = {evaluation.source.value for annotation in annotations for evaluation in annotation.evaluations}
    return " and ".join(sorted(found))


def _judged(annotations: Sequence[Annotation]) -> list[Judged]:
    """Evaluations of rationales that are known to be right or wrong, with their question."""
    found = []
    for annotation in annotations:
        right = {rationale.sample: rationale.right for rationale in annotation.rationales}
        for evaluation in annotation.evaluations:
            flag = right[evaluation.rationale]
            if flag is not None:
                found.append((evaluation, flag, annotation.example.id))
    return found


def _own_words(annotations: Sequence[Annotation]) -> Iterator[list[Verdict]]:
    """The verdicts that a judge named itself, by rationale: those that follow from answers cannot but agree."""
    for annotation in annotations:
        said: dict[int, list[Verdict]] = {}
        for evaluation in annotation.evaluations:
            if evaluation.source is VerdictSource.PLAIN:
                said.setdefault(evaluation.rationale, []).append(evaluation.verdict)
        yield from said.values()


def _distinct(annotations: Sequence[Annotation]) -> float | None:
    """Share of different texts among a question's parsed rationales."""
    texts = [[r.text for r in a.rationales if r.parse is Parse.OK] for a in annotations]
    total = sum(len(of_question) for of_question in texts)
    return sum(len(set(of_question)) for of_question in texts) / total if total else None


def _rationale_yield(step: str, rationales: Sequence[Rationale]) -> StepYield:
    parses = Counter(rationale.parse.value for rationale in rationales if rationale.parse is not Parse.OK)
    return _yield(step, rationales, (rationale.parse is Parse.OK for rationale in rationales), parses)


def _verdict_yield(evaluations: Sequence[SelfEvaluation]) -> StepYield:
    lost = Counter(e.parse.value if e.parse is Parse.FAILED else "no verdict" for e in evaluations if _lost(e))
    return _yield("verdict", evaluations, (not _lost(evaluation) for evaluation in evaluations), lost)


def _lost(evaluation: SelfEvaluation) -> bool:
    return evaluation.verdict is Verdict.UNPARSED


def _critique_yield(evaluations: Sequence[SelfEvaluation]) -> StepYield:
    written = [evaluation for evaluation in evaluations if evaluation.source is not VerdictSource.LIKELIHOOD]
    parses = Counter(evaluation.parse.value for evaluation in written if evaluation.parse is not Parse.OK)
    return _yield("critique", written, (evaluation.parse is Parse.OK for evaluation in written), parses)


def _yield(
    step: str, records: Sequence[Rationale | SelfEvaluation], parsed: Iterable[bool], lost: Counter[str]
) -> StepYield:
    failed = sum(record.parse is Parse.FAILED for record in records)
    repaired = [ok for record, ok in zip(records, parsed, strict=True) if record.repairs]
    return StepYield(
        step=step,
        asked=len(records),
        ok=len(records) - sum(lost.values()),
        reasons=dict(lost),
        stored=len(records) - failed,
        failed=failed,
        asked_again=len(repaired),
        repaired=sum(repaired),
    )
