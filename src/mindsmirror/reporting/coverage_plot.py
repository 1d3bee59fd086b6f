"""Accuracy against coverage as an inline SVG: one line for each mode of an arm that says how sure it is.

Drawn for a given width in CSS pixels, like plot.py; colours come from the page's style sheet by the mode's class.
"""

from collections.abc import Sequence
from html import escape

from mindsmirror.reporting.formatting import named_arm, percent
from mindsmirror.reporting.plot import MODES
from mindsmirror.reporting.schema import ArmResult
from mindsmirror.reporting.svg import drawing

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 210, 14, 34, 46, 14
"""In pixels: the plot, and the room around its lines."""


def coverage_plot(arms: Sequence[ArmResult], width: int, name: str) -> str:
    """The plot as one `<svg>` element, "" if no arm has a curve; `name` makes its ids unique on a page."""
    shown = [arm for arm in arms if arm.risk_coverage is not None]
    if not shown:
        return ""
    lines = "".join(_line(arm, width) for arm in shown)
    title = "Accuracy of the surest answers, by the share that is answered"
    told = f"{'; '.join(map(_described, shown))}."
    return drawing(width, HEIGHT, f"{name}-coverage", title, told, axes(width, "answered") + lines)


def axes(width: int, what: str) -> str:
    """Grid and ticks of shares in both directions; `what` the share along the bottom is of, "answered"."""
    parts = []
    for tick in range(0, 101, 25):
        x, y = _x(tick / 100, width), _y(tick / 100)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
        label = f"{tick} % {what}" if tick == 50 else str(tick)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{label}</text>')
    return "".join(parts)


def _line(arm: ArmResult, width: int) -> str:
    curve = arm.risk_coverage.curve if arm.risk_coverage else ()
    return curve_line(curve, mode_look(arm.mode), _described(arm), width)


def mode_look(mode: str) -> str:
    """The class that gives a line the colour of a mode."""
    return f"mode-{mode if mode in MODES else 'other'}"


def curve_line(curve: Sequence[tuple[float, float]], look: str, title: str, width: int) -> str:
    """A line through points (share, accuracy)."""
    points = " ".join(f"{_x(share, width):.1f},{_y(accuracy):.1f}" for share, accuracy in curve)
    return f'<polyline class="curve {look}" points="{points}"><title>{escape(title)}</title></polyline>'


def place(share: float, accuracy: float, width: int) -> tuple[float, float]:
    """Where a share and an accuracy lie, in pixels."""
    return _x(share, width), _y(accuracy)


def _described(arm: ArmResult) -> str:
    found = arm.risk_coverage
    half = percent(found.accuracy_at_half) if found else ""
    return f"{named_arm(arm.name)}, mode {arm.mode}: {percent(arm.accuracy or 0)} of all, {half} of the surer half"


def _x(share: float, width: int) -> float:
    return LEFT + share * (width - LEFT - RIGHT)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
