"""What happened, in plain sentences: a reader who sees no number else should not be misled.

The headline is about the last arm in its main mode, against the untrained student and the first arm: fixed before any
result, so that the best of many is not taken for a gain. A difference is called one if its p is below 0.05 after Holm's
correction and its interval excludes 0. What was not found is said together with how large it would have had to be, and
what could not be measured is said to be so.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from mindsmirror.reporting.confidence_section import confidences_told
from mindsmirror.reporting.escalation_section import escalation_told
from mindsmirror.reporting.formatting import count, named_arm, p_value, percent, point_range, points, signed_points
from mindsmirror.reporting.schema import UNTRAINED, AnnotationReport, ArmResult, Comparison, Report
from mindsmirror.reporting.verdict_section import critiques, judged, student_judged

UNREADABLE = 0.1
"""Share of unreadable answers from which on it is worth a sentence."""
MOST_COMPARISONS = 8
"""Comparisons that get a sentence; the rest stand in the table."""


class ArmScore(NamedTuple):
    """An arm in a mode, its seeds together."""

    arm: str
    mode: str
    accuracy: float
    results: tuple[ArmResult, ...]

    @property
    def label(self) -> str:
        """As it stands in a sentence."""
        return named(self.arm, self.mode)

    @property
    def scored(self) -> str:
        """What it has right, over how many questions, and seeds if several."""
        seeds = f" (mean of {len(self.results)} seeds)" if len(self.results) > 1 else ""
        return f"{percent(self.accuracy)} of {count(self.results[0].n)} test questions right{seeds}"

    @property
    def main(self) -> bool:
        """Whether the arm is compared in this mode."""
        return self.results[0].main


def cells(arms: Iterable[ArmResult]) -> list[ArmScore]:
    """Scored results, grouped by arm and mode in their first order."""
    groups: dict[tuple[str, str], list[ArmResult]] = {}
    for arm in arms:
        if arm.accuracy is not None:
            groups.setdefault((arm.name, arm.mode), []).append(arm)
    return [
        ArmScore(name, mode, fmean(r.accuracy for r in results if r.accuracy is not None), tuple(results))
        for (name, mode), results in groups.items()
    ]


def headline(report: Report) -> str:
    """The main result in one sentence."""
    scored = cells(report.arms)
    if not report.arms:
        return f"Annotated questions: {count(report.annotation.examples)}; no arm was evaluated."
    if not scored:
        return "The test questions have no known answers, so no arm could be scored."
    lead = leading(scored)
    said = f"{capital(lead.label)}: {lead.scored}"
    if lead.arm == UNTRAINED:
        return f"{said}."
    planned = {c.b: c for c in reversed(report.comparisons) if c.planned and (lead.arm, lead.mode) == (c.a, c.mode_a)}
    # The untrained student first: whether anything was learnt comes before whether this was the way to learn it.
    compared = sorted(planned.values(), key=lambda comparison: comparison.b != UNTRAINED)
    gains = [_gain(c, lead.results[0].n) for c in compared]
    return "; ".join([said, *gains]) + "."


def leading(scored: Sequence[ArmScore]) -> ArmScore:
    """The cell that the report is about: the last trained arm in its main mode, whatever it scored.

    Where that was not asked, the arm's first mode; the untrained student if there is no trained arm.
    """
    arms = [cell.arm for cell in scored if cell.arm != UNTRAINED] or [scored[-1].arm]
    own = [cell for cell in scored if cell.arm == arms[-1]]
    return next((cell for cell in own if cell.main), own[0])


def named(arm: str, mode: str) -> str:
    """An arm with its mode in a sentence, told apart from each other: arm "think" in mode vote."""
    return f"{_who(arm)} in mode {mode}"


def _who(arm: str) -> str:
    return "the untrained student" if arm == UNTRAINED else named_arm(arm)


def _opening(cell: ArmScore) -> str:
    return f"{capital(cell.label)} answers {cell.scored}"


def _gain(test: Comparison, n: int) -> str:
    """How far a comparison's first side, which was asked n questions, is ahead, as a part of the headline."""
    other = named(test.b, test.mode_b) if test.mode_a != test.mode_b else _who(test.b)
    seen = f"95 % interval {point_range(test.ci95)}" + (f", n = {count(test.n)}" if test.n != n else "")
    if not test.shown:
        return f"not measurably different from {other} ({signed_points(test.difference)} points, {seen})"
    return f"{signed_points(test.difference)} points against {other} ({seen})"


def findings(report: Report) -> list[str]:
    """All that the numbers say, the main result first."""
    return [
        headline(report),
        *_stopped(report.annotation),
        *_leading_arm(report),
        *_comparisons(report),
        *_verdicts(report.annotation),
        *(student_judged(report.student_judge) if report.student_judge else ()),
        *_mirror(report),
        *(sentence for found in report.confidences for sentence in confidences_told(found)),
        *map(escalation_told, report.escalations),
        *_unreadable(report.arms),
    ]


def _stopped(annotation: AnnotationReport) -> Iterator[str]:
    if annotation.stopped:
        yield f"Warning: {annotation.stopped}. Every arm was trained on that part only."


def _leading_arm(report: Report) -> Iterator[str]:
    scored = cells(report.arms)
    if not scored:
        return
    lead = leading(scored)
    first = lead.results[0]
    if len(lead.results) == 1 and first.ci95 is not None:
        sure = f"95 % interval {point_range(first.ci95)}"
    else:
        each = [r.accuracy for r in lead.results if r.accuracy is not None]
        sure = f"{percent(min(each))} to {percent(max(each))} by seed"
    of = ""
    if len(scored) > 1:
        of = (
            " It was chosen before any result, as the last arm in its main mode, and not as the best of "
            f"{len(scored)} pairs of arm and mode."
        )
    yield f"{_opening(lead)}, {sure}.{of}"


def _comparisons(report: Report) -> Iterator[str]:
    told = report.mirror_vs_vote  # has a sentence of its own
    among = [
        c
        for c in report.comparisons
        if (c.planned or UNTRAINED not in (c.a, c.b))
        and not (told and _sides(c) == {(told.arm, "mirror"), (told.arm, "vote")})
    ]
    among.sort(key=lambda comparison: not comparison.planned)
    for comparison in among[:MOST_COMPARISONS]:
        yield compared(comparison)
    if len(among) > MOST_COMPARISONS:
        yield f"{len(among) - MOST_COMPARISONS} more comparisons stand in the table."


def compared(test: Comparison, others: tuple[float, float] | None = None) -> str:
    """Which side is better, or that none is measurably so, with all that it rests on.

    `others` is the interval of the difference for students of new seeds, where there are several.
    """
    ahead, behind = named(test.a, test.mode_a), named(test.b, test.mode_b)
    difference, interval = test.difference, test.ci95
    if difference < 0:
        ahead, behind = behind, ahead
        difference, interval = -difference, (-interval[1], -interval[0])
        others = (-others[1], -others[0]) if others else None
    sure = point_range(interval) + (f" (for new seeds {point_range(others)})" if others else "")
    seen = f"{points(difference)} points, 95 % interval {sure}, {p_value(test.p)}"
    seen += " (Holm)" if test.p_adjusted is not None else ""
    ahead = capital(ahead)
    if test.shown:
        return f"{ahead} is better than {behind}: {seen}, n = {count(test.n)}."
    return f"{ahead} and {behind} do not differ measurably: {seen}; {unseen(test.n, test.smallest_detectable)}."


def _verdicts(annotation: AnnotationReport) -> Iterator[str]:
    if annotation.teacher_accuracy is not None:
        whole, known, right = annotation.rationales, annotation.answered, percent(annotation.teacher_accuracy)
        stated = f"; {count(whole - known)} state no answer and are left out of this" if known < whole else ""
        yield f"Of {count(known)} rationales of the teacher {right} are right{stated}."
    if not annotation.evaluations:
        return
    yield judged(annotation)
    if contradicted := critiques(annotation):
        yield contradicted


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
    who = f"For {named_arm(pair.arm)}, mode mirror"
    if not pair.shown:
        yield f"{who} and mode vote do not differ measurably: {seen}; {unseen(pair.n, pair.smallest_detectable)}."
    else:
        word = "better" if pair.difference > 0 else "worse"
        yield f"{who} is {word} than mode vote: {seen}, n = {count(pair.n)}."


def _unreadable(arms: Iterable[ArmResult]) -> Iterator[str]:
    for arm in arms:
        if arm.name != UNTRAINED and arm.n and arm.unparsed / arm.n >= UNREADABLE:
            who = capital(named(arm.name, arm.mode))
            yield f"{who} gave no readable answer to {arm.unparsed} of {arm.n} questions."


def unseen(n: int, smallest: float) -> str:
    """What so many questions would not have shown."""
    return f"with {count(n)} questions a difference below {points(smallest)} points would likely have gone unseen"


def capital(sentence: str) -> str:
    """The sentence with a capital at its beginning."""
    return sentence[0].upper() + sentence[1:]


def _sides(test: Comparison) -> set[tuple[str, str]]:
    return {(test.a, test.mode_a), (test.b, test.mode_b)}
