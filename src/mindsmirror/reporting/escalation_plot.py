"""Accuracy against the share of questions that is sent to the teacher, as an inline SVG: a line for each arm.

Each line goes from the student alone to the teacher alone. The straight line between the two is what sending at random
would bring: a confidence is worth what lies above it.
"""

from collections.abc import Sequence

from mindsmirror.reporting.coverage_plot import HEIGHT, axes, curve_line, mode_look
from mindsmirror.reporting.escalation_section import EscalationReport
from mindsmirror.reporting.formatting import named_arm, percent
from mindsmirror.reporting.svg import drawing


def escalation_plot(reports: Sequence[EscalationReport], width: int, name: str) -> str:
    """The plot as one `<svg>` element, "" if nothing was sent; `name` makes its ids unique on a page."""
    if not reports:
        return ""
    lines = "".join(_line(report, width) for report in reports)
    title = "Accuracy by the share of questions that is sent to the teacher"
    told = f"{'; '.join(map(_described, reports))}."
    return drawing(width, HEIGHT, f"{name}-sent", title, told, axes(width, "sent") + lines)


def _line(report: EscalationReport, width: int) -> str:
    at_random = ((0.0, report.student), (1.0, report.teacher))
    chance = curve_line(at_random, "at-random", "questions sent at random", width)
    return chance + curve_line(report.curve, mode_look(report.mode), _described(report), width)


def _described(report: EscalationReport) -> str:
    alone = f"{percent(report.student)} alone, {percent(report.teacher)} the teacher alone"
    return f"{named_arm(report.arm)}, mode {report.mode}: {alone}"
