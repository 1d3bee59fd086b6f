"""Which tables a comparison over seeds has as files: those of its page, one for one."""

from collections.abc import Iterator
from typing import Any

from mindsmirror.evaluation.pooled_scores import PooledScore
from mindsmirror.reporting.comparison_schema import ComparisonReport
from mindsmirror.reporting.formatting import points as in_points
from mindsmirror.reporting.formatting import score as in_two_places
from mindsmirror.reporting.report_tables import ARM, LEAST, SIDES, SURE, sides
from mindsmirror.reporting.tables import (
    Column,
    Table,
    interval,
    number,
    p_value,
    points,
    score,
    several,
    share,
    together,
)

NEW = interval("new seeds")
BY_SEED = several("by seed", in_points)


def comparison_tables(report: ComparisonReport) -> Iterator[Table]:
    """Those of a comparison's page, in its order."""
    yield Table(
        "accuracy",
        "Share of answers that are right, all seeds together",
        [*ARM, share("right"), SURE, NEW, BY_SEED, number("answers"), number("questions")],
        [
            [
                *(r.arm, r.mode, r.accuracy, r.ci95, r.new_seeds),
                *(together(each.accuracy for each in r.by_seed.values()), r.n, r.questions),
            ]
            for r in report.arms
        ],
    )
    yield Table(
        "comparisons",
        "Arms compared on the same questions of the same seeds, in points",
        [
            *(*SIDES, points("difference"), SURE, NEW, BY_SEED),
            *(p_value("p"), p_value("corrected p"), number("n"), LEAST),
        ],
        [
            [
                *(*sides(c), c.difference, c.ci95, c.new_seeds, together(c.by_seed.values())),
                *(c.p_mcnemar, c.p_adjusted, c.n, c.smallest_detectable),
            ]
            for c in report.comparisons
        ],
    )
    yield from _judges(report)
    yield from _confidences(report)
    yield Table(
        "runs",
        "The runs that were compared",
        [Column("run"), Column("seed"), Column("recipe")],
        [[run.run, run.seed, run.recipe] for run in report.runs],
    )


def _judges(report: ComparisonReport) -> Iterator[Table]:
    scores = (score("AUROC"), interval("95 % interval", in_two_places), interval("new seeds", in_two_places))
    yield Table(
        "judges",
        "What the students' judges are worth on their own test rationales",
        [Column("judge of"), Column("among"), *scores, several("by seed", in_two_places), number("n")],
        [
            row
            for j in report.judges
            for row in (
                [j.arm, "all rationales", *_pooled(j.overall), j.overall.n],
                [
                    *(j.arm, "pairs of one question", j.within.auroc, j.within.ci95, None),
                    *(together(each.auroc for each in j.within_by_seed.values()), j.within.pairs),
                ],
            )
        ],
    )


def _confidences(report: ComparisonReport) -> Iterator[Table]:
    yield Table(
        "confidences",
        "Accuracy of the surer half, and how final confidences rank right above wrong answers",
        [
            *(*ARM, share("surer half right"), SURE, NEW, BY_SEED),
            *(score("AUROC"), interval("95 % interval of AUROC", in_two_places)),
            several("AUROC by seed", in_two_places),
        ],
        [
            [
                *(r.arm, r.mode, *_pooled(r.half)),
                *(r.confidence.value, r.confidence.ci95, together(r.confidence.by_seed.values())),
            ]
            for r in report.arms
            if r.half is not None and r.confidence is not None
        ],
    )


def _pooled(found: PooledScore) -> list[Any]:
    return [found.value, found.ci95, found.new_seeds, together(found.by_seed.values())]
