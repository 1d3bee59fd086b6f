"""What the annotation amounts to: yields, what it used, and verdicts held against gold."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mindsmirror.evaluation.metrics import (
    auroc,
    auroc_interval,
    auroc_within,
    verdict_consistency,
    verdict_quality,
)
from mindsmirror.records import Annotation, Purpose, Usage, Verdict
from mindsmirror.reporting.annotation_totals import VERDICTS, AnnotationTotals
from mindsmirror.reporting.diversity_section import AnswerKey, as_written
from mindsmirror.reporting.schema import AnnotationReport, StepUsage

NOTHING: Mapping[Purpose, Usage] = {}
PAIRS = tuple((verdict, right) for verdict in VERDICTS for right in (False, True))
"""What the codes of `AnnotationTotals.pairs` stand for."""


def annotation_report(
    annotations: Iterable[Annotation],
    judge: str,
    seconds: float,
    usd: float | None,
    spent: Mapping[Purpose, Usage] = NOTHING,
    stopped: str = "",
    key: AnswerKey = as_written,
) -> AnnotationReport:
    """The annotation's part of a report, from one pass over the annotations; see `totals_report`.

    `key` says which answers are the same; by default those that are written alike.
    """
    return totals_report(AnnotationTotals.of(annotations, key), judge, seconds, usd, spent, stopped)


def totals_report(
    totals: AnnotationTotals,
    judge: str,
    seconds: float,
    usd: float | None,
    spent: Mapping[Purpose, Usage] = NOTHING,
    stopped: str = "",
) -> AnnotationReport:
    """The annotation's part of a report. Accuracies are None where no question has gold.

    `spent` is what the stored samples of each purpose took.
    """
    quality = verdict_quality([PAIRS[code] for code in totals.pairs], totals.pair_questions)
    tokens = totals.tokens_in + totals.tokens_out
    return AnnotationReport(
        examples=totals.examples,
        rationales=totals.rationales,
        evaluations=totals.evaluations,
        unparsed=totals.unparsed,
        teacher_accuracy=totals.right / totals.known if totals.known else None,
        answered=totals.known,
        verdicts={verdict: totals.verdicts[verdict] for verdict in Verdict},
        judge=judge,
        judge_balanced_accuracy=quality.balanced_accuracy,
        judge_balanced_accuracy_ci95=quality.balanced_accuracy_ci95,
        **_ranking(totals),
        judge_calibration=" and ".join(sorted(totals.calibrations)),
        majority_baseline=quality.majority_baseline,
        verdict_quality=quality if totals.pairs else None,
        critiques=totals.yields["critique"].asked - totals.yields["critique"].lost.total(),
        contradicted_critiques=dict(totals.contradicted.most_common()),
        verdict_consistency=verdict_consistency(totals.repeated),
        distinct_rationales=_each(totals.different_texts, totals.texts),
        diversity=totals.diversity.means(),
        yields=tuple(step.row() for step in totals.yields.values() if step.asked),
        tokens_in=totals.tokens_in,
        tokens_out=totals.tokens_out,
        seconds=seconds,
        usd=usd,
        tokens_per_question=_each(tokens, totals.examples),
        usd_per_question=_each(usd, totals.examples),
        costs=tuple(_step_usage(purpose, usage, totals.usable(purpose)) for purpose, usage in spent.items()),
        stopped=stopped,
    )


def verdict_sources(annotations: Iterable[Annotation]) -> str:
    """What the verdicts rest on, in words: "consensus", or "informed and plain"; "" if there are none."""
    return in_words({evaluation.source for annotation in annotations for evaluation in annotation.evaluations})


def in_words(sources: Iterable[str]) -> str:
    """The same of sources that are known."""
    return " and ".join(sorted(map(str, sources)))


def _ranking(totals: AnnotationTotals) -> dict[str, Any]:
    """How the judge orders right before wrong rationales, overall and within questions: three fields of the report.

    By its likelihoods, or where it gives none by its verdicts, those on one rationale taken together.
    """
    ranked = totals.by_likelihood if totals.by_likelihood.scores else totals.by_verdict
    if not ranked.scores:
        return {}
    scores, right = np.array(ranked.scores), np.array(ranked.right, dtype=bool)
    return {
        "judge_auroc": auroc(scores, right),
        "judge_auroc_ci95": auroc_interval(scores, right, ranked.questions, seed=0),
        "judge_within": auroc_within(scores, right, ranked.questions, seed=0),
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
