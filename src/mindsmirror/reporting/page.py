"""The report as one HTML page, with style and plots inline.

Whatever a model or a data file wrote is data: the template escapes it, and the page's own policy forbids
scripts and any request, so even a mistake here could not run or fetch anything.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from mindsmirror.records import Verdict, VerdictSource
from mindsmirror.reporting import verdict_section
from mindsmirror.reporting.confidence_schema import SCORES, AnswerConfidence, ConfidenceReport
from mindsmirror.reporting.coverage_plot import coverage_plot
from mindsmirror.reporting.escalation_plot import escalation_plot
from mindsmirror.reporting.escalation_section import sent_rows
from mindsmirror.reporting.findings import headline
from mindsmirror.reporting.loss_plot import loss_plot
from mindsmirror.reporting.plot import MODES, arms_plot, mark
from mindsmirror.reporting.reliability_plot import reliability_plot
from mindsmirror.reporting.schema import UNTRAINED, ArmResult, Report, ShownExample, StepYield
from mindsmirror.reporting.template import inline, template
from mindsmirror.reporting.tokens_plot import tokens_plot
from mindsmirror.reporting.training_section import UNITS, spread, trained_arms

SIZES = {"wide": 944, "narrow": 340}
"""Widths in pixels of the plot on a laptop and on a phone."""

MEANING = {
    "predict": "answers at once",
    "think": "reasons, then answers",
    "vote": "most frequent of several answers",
    "mirror": "the answer whose rationales are surest",
}


class Segment(NamedTuple):
    """A part of a bar."""

    label: str
    number: int
    share: float
    look: str


class VerdictRow(NamedTuple):
    """A line of the table of verdicts against gold."""

    verdict: str
    right: int
    wrong: int
    right_share: float
    wrong_share: float


def render(report: Report) -> str:
    """The page as text."""
    main, trained = headline(report), trained_arms(report.arms)
    sure = report.confidences[-1] if report.confidences else None
    return template("report.html.j2").render(
        report=report,
        style=inline("report.css"),
        headline=main,
        findings=[finding for finding in report.findings if finding != main],
        plots=[(size, Markup(arms_plot(report.arms, width, size))) for size, width in SIZES.items()],
        legend=legend(report.arms),
        coverage_plots=[(size, Markup(coverage_plot(report.arms, width, size))) for size, width in SIZES.items()],
        tokens_plots=[(size, Markup(tokens_plot(report.arms, width, size))) for size, width in SIZES.items()],
        reliability_plots=[
            (size, Markup(reliability_plot(sure.answers if sure else (), width, size))) for size, width in SIZES.items()
        ],
        escalation_plots=[
            (size, Markup(escalation_plot(report.escalations, width, size))) for size, width in SIZES.items()
        ],
        selective=[arm for arm in report.arms if arm.risk_coverage is not None],
        yields=[(step, _segments(step)) for step in report.annotation.yields],
        verdicts=_verdict_rows(report.annotation.verdict_quality.table if report.annotation.verdict_quality else {}),
        own_verdicts=_verdict_rows(report.student_judge.table if report.student_judge else {}),
        probable=report.annotation.judge == VerdictSource.LIKELIHOOD or bool(report.annotation.judge_calibration),
        by_gold=report.annotation.judge == VerdictSource.INFORMED,
        trained=trained,
        loss_plots=[
            (
                arm,
                [
                    (size, Markup(drawn))
                    for size, width in SIZES.items()
                    if (drawn := loss_plot(arm, width, f"{size}-{number}"))
                ],
            )
            for number, arm in enumerate(trained)
        ],
        spread=spread(trained),
        units=UNITS,
        examples=_examples(report.examples),
        worth=verdict_section,
        informative=verdict_section.informative(report.annotation),
        untrained=UNTRAINED,
        sent_rows=sent_rows,
        sure=sure,
        score_names=SCORES,
        surest=_surest(sure),
        unjudged=sure is not None and sure.judge_counts is False,
    )


def _surest(sure: ConfidenceReport | None) -> AnswerConfidence | None:
    """The last arm's answers in the mode that `ask` uses, if their confidences can be told apart."""
    found = next((each for each in sure.answers if each.mode == sure.preferred), None) if sure else None
    return found if found is not None and found.accuracy_at_half is not None else None


def legend(arms: Sequence[ArmResult]) -> list[tuple[Markup, str, str]]:
    """Shape, name and meaning of each mode that is plotted."""
    seen = {arm.mode for arm in arms if arm.accuracy is not None}
    modes = [mode for mode in MODES if mode in seen] + sorted(seen - set(MODES))
    return [(Markup(mark(mode, 8, 8)), mode, MEANING.get(mode, "")) for mode in modes]


def _segments(step: StepYield) -> list[Segment]:
    """What came of a step's samples, usable ones first, then the reasons by how often they struck."""
    whole = max(step.asked, step.ok + sum(step.reasons.values()), 1)
    parts = [Segment("usable", step.ok, step.ok / whole, "ok")]
    lost = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
    parts += [
        Segment(reason.replace("_", " "), number, number / whole, f"lost lost-{min(i, 3)}")
        for i, (reason, number) in enumerate(lost)
        if number
    ]
    rest = whole - sum(part.number for part in parts)
    if rest > 0:
        parts.append(Segment("no reason recorded", rest, rest / whole, "lost lost-3"))
    return parts


def _verdict_rows(table: Mapping[Verdict, tuple[int, int]]) -> list[VerdictRow]:
    """Those of a table of verdicts against gold; none where there is nothing to hold against it."""
    right, wrong = (sum(pair[side] for pair in table.values()) for side in (0, 1))
    return [
        VerdictRow(verdict.value, *pair, pair[0] / max(right, 1), pair[1] / max(wrong, 1))
        for verdict, pair in ((verdict, table[verdict]) for verdict in Verdict if verdict in table)
        if right + wrong
    ]


def _examples(examples: tuple[ShownExample, ...]) -> list[tuple[str, str, list[ShownExample]]]:
    fixed = [example for example in examples if example.fixed]
    broken = [example for example in examples if not example.fixed]
    return [("fixed", "Fixed", fixed), ("broken", "Broken", broken)]
