"""What a comparison over seeds says, in plain sentences: planned comparisons first, then judges and confidences.

The rules are those of a single run's findings. One is added: a difference that is shown for these students is said to
hold for others only where the interval over new seeds excludes 0, too.
"""

from collections.abc import Iterator

from mindsmirror.reporting.comparison_schema import ComparisonReport, SeedsComparison, SeedsJudge, SeedsResult
from mindsmirror.reporting.findings import capital, compared, named
from mindsmirror.reporting.formatting import count, named_arm, percent, point_range, score
from mindsmirror.reporting.verdict_section import standing, with_interval, within, within_found


def comparison_headline(report: ComparisonReport) -> str:
    """The last arm's first planned comparison, fixed before any result; without one what the last arm scored."""
    last = report.arms[-1]
    planned = [each for each in report.comparisons if each.planned and each.a == last.arm]
    if planned:
        return _told(planned[0])
    main = next((row for row in reversed(report.arms) if row.main), last)
    return f"{capital(_scored(main))}." if main.accuracy is not None else "No test question has a known answer."


def comparison_findings(report: ComparisonReport) -> list[str]:
    """All that the numbers say, the headline first."""
    lead = comparison_headline(report)
    told = [_told(each) for each in report.comparisons if each.planned]
    told += [f"{capital(_scored(row))}." for row in report.arms if row.main and row.accuracy is not None]
    return [
        lead,
        *(f"Warning: {run} is missing: {why}" for run, why in report.failed.items()),
        *(sentence for sentence in told if sentence != lead),
        *(sentence for judge in report.judges for sentence in _judged(judge)),
        *(sentence for row in report.arms for sentence in _sure(row)),
    ]


def _told(test: SeedsComparison) -> str:
    told = compared(test, test.new_seeds)
    if test.shown and test.new_seeds is not None and test.new_seeds[0] <= 0 <= test.new_seeds[1]:
        told += f" {len(test.seeds)} seeds do not show that this holds for others."
    return told


def _scored(row: SeedsResult) -> str:
    seeds = f" of {len(row.by_seed)} seeds" if len(row.by_seed) > 1 else ""
    sure = f" (95 % interval {point_range(row.ci95)})" if row.ci95 else ""
    return f"{named(row.arm, row.mode)} has {percent(row.accuracy or 0)} of {count(row.n)} answers{seeds} right{sure}"


def _judged(judge: SeedsJudge) -> Iterator[str]:
    who = f"The judge of {named_arm(judge.arm)}"
    if judge.overall.value is None:
        yield f"{who} could not be measured: no seed's test rationales are both right and wrong."
        return
    found = {1: "tells right from wrong", 0: "is not shown to be above chance", -1: "is worse than chance"}
    yield (
        f"{who} {found[standing(judge.overall.ci95)]} on its own test rationales: mean AUROC of the seeds "
        f"{with_interval(judge.overall.value, judge.overall.ci95)}. Within questions, on which a vote depends, it "
        f"{within_found(judge.within)}: {within(judge.within)}."
    )


def _sure(row: SeedsResult) -> Iterator[str]:
    if row.mode != "mirror" or row.half is None or row.half.value is None or row.confidence is None:
        return
    told = f"Of the surer half of the answers of {named(row.arm, row.mode)} {percent(row.half.value)} are right"
    if row.confidence.value is not None:
        told += f"; its confidence ranks right above wrong with an AUROC of {score(row.confidence.value)}"
    yield f"{told}."
