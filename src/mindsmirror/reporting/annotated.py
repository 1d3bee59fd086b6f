"""What the annotation amounts to: yields, costs, and verdicts held against gold."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mindsmirror.evaluation.metrics import verdict_quality
from mindsmirror.records import Annotation, Parse, Rationale, SelfEvaluation, Verdict
from mindsmirror.reporting.contents import AnnotationReport, StepYield


def annotation_report(
    annotations: Sequence[Annotation], judge: str, seconds: float, usd: float | None
) -> AnnotationReport:
    """The annotation's part of a report. Accuracies are None where no question has gold."""
    rationales = [rationale for annotation in annotations for rationale in annotation.rationales]
    evaluations = [evaluation for annotation in annotations for evaluation in annotation.evaluations]
    known = [rationale.right for rationale in rationales if rationale.right is not None]
    pairs = _judged(annotations)
    quality = verdict_quality(
        [(evaluation.verdict, right) for evaluation, right, _ in pairs], [name for _, _, name in pairs]
    )
    verdicts = Counter(evaluation.verdict for evaluation in evaluations)
    yields = (_rationale_yield(rationales), _verdict_yield(evaluations), _critique_yield(evaluations))
    return AnnotationReport(
        examples=len(annotations),
        rationales=len(rationales),
        evaluations=len(evaluations),
        # A judgement without verdict and critique is one reply, though two steps lack it.
        unparsed=sum(r.parse is not Parse.OK for r in rationales)
        + sum(_lost(e) or e.parse is not Parse.OK for e in evaluations),
        teacher_accuracy=sum(known) / len(known) if known else None,
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
        judge=judge,
        judge_balanced_accuracy=quality.balanced_accuracy,
        judge_balanced_accuracy_ci95=quality.balanced_accuracy_ci95,
        majority_baseline=quality.majority_baseline,
        verdict_quality=quality if pairs else None,
        distinct_rationales=_distinct(annotations),
        yields=tuple(step for step in yields if step.asked),
        tokens_in=sum(annotation.provenance.tokens_in for annotation in annotations),
        tokens_out=sum(annotation.provenance.tokens_out for annotation in annotations),
        seconds=seconds,
        usd=usd,
    )


def verdict_sources(annotations: Iterable[Annotation]) -> str:
    """What the verdicts rest on, in words: "consensus", or "informed and plain"; "" if there are none."""
    found = {evaluation.source.value for annotation in annotations for evaluation in annotation.evaluations}
    return " and ".join(sorted(found))


def _judged(annotations: Sequence[Annotation]) -> list[tuple[SelfEvaluation, bool, str]]:
    """Evaluations of rationales that are known to be right or wrong, with their question."""
    found = []
    for annotation in annotations:
        right = {rationale.sample: rationale.right for rationale in annotation.rationales}
        for evaluation in annotation.evaluations:
            flag = right[evaluation.rationale]
            if flag is not None:
                found.append((evaluation, flag, annotation.example.id))
    return found


def _distinct(annotations: Sequence[Annotation]) -> float | None:
    """Share of different texts among a question's parsed rationales."""
    texts = [[r.text for r in a.rationales if r.parse is Parse.OK] for a in annotations]
    total = sum(len(of_question) for of_question in texts)
    return sum(len(set(of_question)) for of_question in texts) / total if total else None


def _rationale_yield(rationales: Sequence[Rationale]) -> StepYield:
    parses = Counter(rationale.parse.value for rationale in rationales)
    return StepYield(step="rationale", asked=len(rationales), ok=parses.pop(Parse.OK.value, 0), reasons=dict(parses))


def _verdict_yield(evaluations: Sequence[SelfEvaluation]) -> StepYield:
    lost = Counter(e.parse.value if e.parse is Parse.FAILED else "no verdict" for e in evaluations if _lost(e))
    return StepYield(
        step="verdict", asked=len(evaluations), ok=len(evaluations) - sum(lost.values()), reasons=dict(lost)
    )


def _lost(evaluation: SelfEvaluation) -> bool:
    return evaluation.verdict is Verdict.UNPARSED


def _critique_yield(evaluations: Sequence[SelfEvaluation]) -> StepYield:
    parses = Counter(evaluation.parse.value for evaluation in evaluations)
    return StepYield(step="critique", asked=len(evaluations), ok=parses.pop(Parse.OK.value, 0), reasons=dict(parses))
