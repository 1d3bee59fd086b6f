"""Accuracy against confidence as an inline SVG: a line for each mode of an arm, a whisker for each bin's interval.

Confidences that can be taken at their word lie on the broken diagonal.
"""

from collections.abc import Sequence
from html import escape

from mindsmirror.evaluation.statistics import wilson
from mindsmirror.reporting.confidence_schema import AnswerConfidence
from mindsmirror.reporting.coverage_plot import HEIGHT, axes, curve_line, mode_look, place
from mindsmirror.reporting.formatting import percent, score
from mindsmirror.reporting.plot import mark
from mindsmirror.reporting.svg import drawing


def reliability_plot(answers: Sequence[AnswerConfidence], width: int, name: str) -> str:
    """The plot as one `<svg>` element, "" if no mode has bins; `name` makes its ids unique on a page."""
    shown = [answer for answer in answers if answer.reliability]
    if not shown:
        return ""
    diagonal = curve_line(((0.0, 0.0), (1.0, 1.0)), "at-random", "confidences that are kept", width)
    lines = "".join(_line(answer, width) for answer in shown)
    title, told = "Share of right answers by their confidence", f"{'; '.join(map(_described, shown))}."
    return drawing(width, HEIGHT, f"{name}-reliability", title, told, axes(width, "sure") + diagonal + lines)


def _line(answer: AnswerConfidence, width: int) -> str:
    look = mode_look(answer.mode)
    points = [(each.confidence, each.right / each.n) for each in answer.reliability]
    parts = [curve_line(points, look, _described(answer), width)]
    for each, (sure, share) in zip(answer.reliability, points, strict=True):
        ends = wilson(each.right, each.n)
        (x, low), (_, high) = place(sure, ends[0], width), place(sure, ends[1], width)
        told = f"{answer.mode}, confidence {score(sure)}: {percent(share)} of {each.n} right"
        parts.append(
            f'<g><title>{escape(told)}</title><path class="whisker {look}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
            f"{mark(answer.mode, *place(sure, share, width))}</g>"
        )
    return "".join(parts)


def _described(answer: AnswerConfidence) -> str:
    error = "" if answer.calibration_error is None else f", calibration error {score(answer.calibration_error)}"
    return f"mode {answer.mode}, n = {answer.n}{error}"
