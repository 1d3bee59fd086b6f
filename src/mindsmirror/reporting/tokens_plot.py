"""Accuracy against what an answer costs as an inline SVG: a mark for each arm and mode, tokens on a scale of powers."""

import math
from collections.abc import Sequence
from html import escape

from mindsmirror.reporting.formatting import count, named_arm, percent
from mindsmirror.reporting.plot import mark
from mindsmirror.reporting.schema import UNTRAINED, ArmResult
from mindsmirror.reporting.svg import drawing

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 260, 14, 34, 46, 14
"""In pixels: the plot, and the room around its marks."""
LETTER = 6.6
"""Width of a letter of a label, about."""


def tokens_plot(arms: Sequence[ArmResult], width: int, name: str) -> str:
    """The plot as one `<svg>` element, "" if fewer than two are scored; `name` makes its ids unique on a page."""
    shown = [arm for arm in arms if arm.accuracy is not None and arm.tokens_per_question]
    if len(shown) < 2:
        return ""
    powers = [math.log10(arm.tokens_per_question or 1) for arm in shown]
    low, high = math.floor(min(powers)), max(math.ceil(max(powers)), math.floor(min(powers)) + 1)
    taken: list[tuple[float, float, float]] = []
    marks = "".join(_mark(arm, low, high, width, taken) for arm in shown)
    title = "Accuracy by tokens that a student writes for a question"
    told = f"{'; '.join(map(_described, shown))}."
    return drawing(width, HEIGHT, f"{name}-tokens", title, told, _axes(low, high, width) + marks)


def _axes(low: int, high: int, width: int) -> str:
    parts = []
    for tick in range(0, 101, 25):
        y = _y(tick / 100)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for power in range(low, high + 1):
        x = _x(power, low, high, width)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        label = f"{count(10**power)} tokens" if power == high else count(10**power)
        anchor = "end" if power == high else "start" if power == low else "middle"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{label}</text>')
    return "".join(parts)


def _mark(arm: ArmResult, low: int, high: int, width: int, taken: list[tuple[float, float, float]]) -> str:
    """A mark with the arm's name beside it, where that would lie on no other name."""
    x, y = _x(math.log10(arm.tokens_per_question or 1), low, high, width), _y(arm.accuracy or 0)
    room = LETTER * len(arm.name)
    left = x + 12 + room > width
    begin = x - 12 - room if left else x + 12
    label = ""
    if all(abs(y - other) > 12 or begin > end or begin + room < start for other, start, end in taken):
        taken.append((y, begin, begin + room))
        anchor = "end" if left else "start"
        label = (
            f'<text class="tick" x="{x + (-12 if left else 12):.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">'
            f"{escape(arm.name)}</text>"
        )
    return f"<g><title>{escape(_described(arm))}</title>{mark(arm.mode, x, y, arm.name == UNTRAINED)}{label}</g>"


def _described(arm: ArmResult) -> str:
    cost = f"{count(arm.tokens_per_question or 0)} tokens a question"
    return f"{named_arm(arm.name)}, mode {arm.mode}: {percent(arm.accuracy or 0)} right, {cost}"


def _x(power: float, low: int, high: int, width: int) -> float:
    return LEFT + (power - low) / (high - low) * (width - LEFT - RIGHT)


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
