"""What happened, in plain sentences: a reader who sees no number else should not be misled.

A difference is called one if the exact McNemar test gives p < 0.05. What was not found is said together
with how large it would have had to be, and what could not be measured is said to be so.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from mindsmirror.records import VerdictSource
from mindsmirror.reporting.contents import UNTRAINED, AnnotationReport, ArmResult, Comparison, Report
from mindsmirror.reporting.wording import count, p_value, percent, point_range, points, score, score_range

SIGNIFICANT = 0.05
INFORMATIVE = 0.6
"""Balanced accuracy below which verdicts are called noise; guessing has 0.5."""
UNREADABLE = 0.1
"""Share of unreadable answers from which on it is worth a sentence."""
MOST_COMPARISONS = 8
"""Comparisons that get a sentence; the rest stand in the table."""


class Cell(NamedTuple):
    """An arm in a mode, its seeds together."""

    arm: str
    mode: str
    accuracy: float
    results: tuple[ArmResult, ...]

    @property
    def label(self) -> str:
        """As it stands in a sentence."""
        return f"{self.arm} ({self.mode})"

    @property
    def scored(self) -> str:
        """What it has right, over how many questions, and seeds if several."""
        seeds = f" (mean of {len(self.results)} seeds)" if len(self.results) > 1 else ""
        return f"{percent(self.accuracy)} of {count(self.results[0].n)} test questions right{seeds}"


def cells(arms: Iterable[ArmResult]) -> list[Cell]:
    """Scored results, grouped by arm and mode in their first order."""
    groups: dict[tuple[str, str], list[ArmResult]] = {}
    for arm in arms:
        if arm.accuracy is not None:
            groups.setdefault((arm.name, arm.mode), []).append(arm)
    return [
        Cell(name, mode, fmean(r.accuracy for r in results if r.accuracy is not None), tuple(results))
        for (name, mode), results in groups.items()
    ]


def headline(report: Report) -> str:
    """The main result in one sentence."""
    scored = cells(report.arms)
    if not report.arms:
        return f"Annotated questions: {count(report.annotation.examples)}; no arm was evaluated."
    if not scored:
        return "The test questions have no known answers, so no arm could be scored."
    trained, untrained = _best(scored, trained=True), _best(scored, trained=False)
    if trained is None:
        best = max(scored, key=lambda cell: cell.accuracy)
        return f"The untrained student answers {best.scored}."
    opening = f"{trained.label} answers {trained.scored}"
    if untrained is None:
        return f"{opening}."
    gain = trained.accuracy - untrained.accuracy
    if gain <= 0:
        return (
            f"No trained arm beats the untrained student, which answers {untrained.scored}; the best is "
            f"{trained.label} with {percent(trained.accuracy)}."
        )
    test = _between(report.comparisons, trained, untrained)
    if test is not None and test.p_mcnemar >= SIGNIFICANT:
        return f"{opening}, no measurable gain over the untrained student ({percent(untrained.accuracy)})."
    return f"{opening}, {points(gain)} points more than before training ({percent(untrained.accuracy)})."


def findings(report: Report) -> list[str]:
    """All that the numbers say, the main result first."""
    return [
        headline(report),
        *_stopped(report.annotation),
        *_best_arm(report),
        *_comparisons(report),
        *_verdicts(report.annotation),
        *_student_judge(report),
        *_mirror(report),
        *_unreadable(report.arms),
    ]


def _stopped(annotation: AnnotationReport) -> Iterator[str]:
    if annotation.stopped:
        yield f"Warning: {annotation.stopped}. Every arm was trained on that part only."


def _best_arm(report: Report) -> Iterator[str]:
    scored = cells(report.arms)
    best = max(scored, key=lambda cell: cell.accuracy, default=None)
    if best is None:
        return
    first = best.results[0]
    if len(best.results) == 1 and first.ci95 is not None:
        sure = f"95 % interval {point_range(first.ci95)}"
    else:
        each = [r.accuracy for r in best.results if r.accuracy is not None]
        sure = f"{percent(min(each))} to {percent(max(each))} by seed"
    of = f", the best of {len(scored)} pairs of arm and mode" if len(scored) > 1 else ""
    value = percent(best.accuracy)
    yield f"{best.label} has the highest accuracy{of}: {value}, {sure}, n = {count(first.n)}."
    untrained = _best(scored, trained=False)
    test = _between(report.comparisons, best, untrained) if untrained else None
    if test is not None:
        yield _compared(test)


def _comparisons(report: Report) -> Iterator[str]:
    told = report.mirror_vs_vote  # has a sentence of its own
    among = [
        c
        for c in report.comparisons
        if UNTRAINED not in (c.a, c.b) and not (told and _sides(c) == {(told.arm, "mirror"), (told.arm, "vote")})
    ]
    for comparison in among[:MOST_COMPARISONS]:
        yield _compared(comparison)
    if len(among) > MOST_COMPARISONS:
        yield f"{len(among) - MOST_COMPARISONS} more comparisons stand in the table."


def _compared(test: Comparison) -> str:
    ahead, behind = f"{test.a} ({test.mode_a})", f"{test.b} ({test.mode_b})"
    difference, interval = test.difference, test.ci95
    if difference < 0:
        ahead, behind = behind, ahead
        difference, interval = -difference, (-interval[1], -interval[0])
    seen = f"{points(difference)} points, 95 % interval {point_range(interval)}, {p_value(test.p_mcnemar)}"
    if test.p_mcnemar < SIGNIFICANT:
        return f"{ahead} is better than {behind}: {seen}, n = {count(test.n)}."
    return f"{ahead} and {behind} do not differ measurably: {seen}; {_unseen(test.n, test.smallest_detectable)}."


def _verdicts(annotation: AnnotationReport) -> Iterator[str]:
    if annotation.teacher_accuracy is not None:
        yield (
            f"The teacher's rationales reach the right answer in {percent(annotation.teacher_accuracy)} of "
            f"{count(annotation.rationales)}."
        )
    if not annotation.evaluations:
        return
    yield judged(annotation)


def informative(annotation: AnnotationReport) -> bool:
    """Whether the verdicts are known to be better than noise: measured, or taken from gold."""
    value = annotation.judge_balanced_accuracy
    return annotation.judge == VerdictSource.INFORMED or (value is not None and value >= INFORMATIVE)


def judged(annotation: AnnotationReport) -> str:
    """What the verdicts on the rationales are worth, in one sentence."""
    if annotation.judge == VerdictSource.INFORMED:
        return "The verdicts that are learnt come from gold answers; the critiques of them are the teacher's."
    value, interval = annotation.judge_balanced_accuracy, annotation.judge_balanced_accuracy_ci95
    if value is None:
        return (
            f"What the {annotation.judge} judge's verdicts are worth could not be measured: that takes gold "
            "answers, and verdicts on both right and wrong rationales."
        )
    sure = f" (95 % interval {score_range(interval)})" if interval else ""
    seen = f"balanced accuracy {score(value)}{sure}, where guessing has 0.50"
    if not informative(annotation):
        return (
            f"Warning: the {annotation.judge} judge's verdicts carry little information: {seen}. A student "
            "that learns from them learns noise; take another judge or a stronger teacher."
        )
    return f"The {annotation.judge} judge's verdicts carry information: {seen}."


def _student_judge(report: Report) -> Iterator[str]:
    judge = report.student_judge
    if judge is None:
        return
    who = f"The judge that {judge.arm} learnt"
    if judge.auroc is None:
        kinds = f"its {count(judge.n)} test rationales are not both right and wrong"
        yield f"{who} could not be measured: {kinds}."
        return
    low, high = judge.auroc_ci95 or (0.0, 1.0)
    chance = ", which includes 0.50" if low <= 0.5 <= high else ""
    interval = f"95 % interval {score_range((low, high))}{chance}"
    seen = f"AUROC {score(judge.auroc)}, {interval}, n = {count(judge.n)}"
    if low > 0.5:
        yield f"{who} tells right from wrong among its own test rationales: {seen}."
    elif high < 0.5:
        yield f"{who} is worse than chance on its own test rationales: {seen}."
    else:
        yield f"{who} is not shown to be above chance on its own test rationales: {seen}."


def _mirror(report: Report) -> Iterator[str]:
    pair = report.mirror_vs_vote
    if pair is None:
        return
    tokens = ""
    if pair.mirror_tokens is not None and pair.vote_tokens is not None:
        tokens = f" ({count(pair.mirror_tokens)} against {count(pair.vote_tokens)} tokens a question)"
    seen = (
        f"{percent(pair.mirror)} against {percent(pair.vote)}{tokens}, {points(pair.difference)} points, "
        f"95 % interval {point_range(pair.ci95)}, {p_value(pair.p_mcnemar)}"
    )
    if pair.p_mcnemar >= SIGNIFICANT:
        unseen = _unseen(pair.n, pair.smallest_detectable)
        yield f"For {pair.arm}, mirror and vote do not differ measurably: {seen}; {unseen}."
    else:
        word = "better" if pair.difference > 0 else "worse"
        yield f"For {pair.arm}, mirror is {word} than vote: {seen}, n = {count(pair.n)}."


def _unreadable(arms: Iterable[ArmResult]) -> Iterator[str]:
    for arm in arms:
        if arm.name != UNTRAINED and arm.n and arm.unparsed / arm.n >= UNREADABLE:
            yield f"{arm.name} ({arm.mode}) gave no readable answer to {arm.unparsed} of {arm.n} questions."


def _unseen(n: int, smallest: float) -> str:
    return f"with {count(n)} questions a difference below {points(smallest)} points would likely have gone unseen"


def _best(scored: Sequence[Cell], trained: bool) -> Cell | None:
    side = [cell for cell in scored if (cell.arm != UNTRAINED) == trained]
    return max(side, key=lambda cell: cell.accuracy, default=None)


def _between(comparisons: Iterable[Comparison], first: Cell, second: Cell) -> Comparison | None:
    """The test of these two cells; failing that, of the first against the second's arm in any mode."""
    wanted = [c for c in comparisons if _sides(c) == {first[:2], second[:2]}]
    near = [c for c in comparisons if first[:2] in _sides(c) and second.arm in (c.a, c.b)]
    return next(iter(wanted or near), None)


def _sides(test: Comparison) -> set[tuple[str, str]]:
    return {(test.a, test.mode_a), (test.b, test.mode_b)}
