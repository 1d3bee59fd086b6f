"""Arms and modes as an inline SVG: a dot for the accuracy, a whisker for its 95 % interval.

Drawn for a given width in CSS pixels, so that a page can hold a wide one and one for phones with the same
size of type. Colours come from the page's style sheet by class; a mode also has a shape of its own.
"""

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from mindsmirror.reporting.formatting import named_arm, percent, point_range
from mindsmirror.reporting.schema import UNTRAINED, ArmResult
from mindsmirror.reporting.svg import drawing

MODES = ("predict", "think", "vote", "mirror")
ROW, HEAD, GAP, TOP = 24, 22, 12, 30
"""Heights in pixels: a mode's row, an arm's heading, the space between arms, the axis."""
LEFT, RIGHT = 84, 62
"""Widths in pixels of the columns for the mode's name and for the number."""
CHARACTER = 8.8
"""Width of a character of the heading, about."""
NONE: Mapping[tuple[str, str], Sequence[float]] = MappingProxyType({})


def arms_plot(
    arms: Sequence[ArmResult], width: int, name: str, by_seed: Mapping[tuple[str, str], Sequence[float]] = NONE
) -> str:
    """The plot as one `<svg>` element, "" if no arm is scored; `name` makes its ids unique on a page.

    Where a dot stands for several seeds, `by_seed` holds the accuracy of each by arm and mode, drawn as thin strokes.
    """
    groups: dict[str, list[ArmResult]] = {}
    for arm in arms:
        if arm.accuracy is not None:
            groups.setdefault(arm.name, []).append(arm)
    if not groups:
        return ""
    rows = sum(len(group) for group in groups.values())
    height = TOP + len(groups) * (HEAD + GAP) + rows * ROW
    parts = [_axis(width, height)]
    y = float(TOP)
    for group in groups.values():
        parts.append(_heading(group[0], y, width))
        y += HEAD
        several = len({arm.seed for arm in group}) > 1
        for arm in sorted(group, key=_order):
            parts.append(_row(arm, y + ROW / 2, width, several, by_seed.get((arm.name, arm.mode), ())))
            y += ROW
        y += GAP
    return drawing(width, height, name, "Accuracy of every arm and mode", _described(groups), "".join(parts))


def mark(mode: str, x: float, y: float, hollow: bool = False) -> str:
    """The shape that stands for a mode, centred at x, y."""
    look = f'class="mark mode-{mode if mode in MODES else "other"}{" hollow" if hollow else ""}"'
    if mode == "think":
        return f'<rect {look} x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" rx="1.5"/>'
    if mode == "vote":
        return f'<path {look} d="M{x:.1f} {y - 6.5:.1f}l6.5 6.5l-6.5 6.5l-6.5 -6.5z"/>'
    if mode == "mirror":
        return f'<path {look} d="M{x:.1f} {y - 6.5:.1f}l6.5 11.5h-13z"/>'
    return f'<circle {look} cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'


def _axis(width: int, height: int) -> str:
    step = 20 if width >= 500 else 25
    lines = []
    for tick in range(0, 101, step):
        x = _x(tick / 100, width)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - GAP}"/>')
        label = f"{tick} %" if tick in (0, 100) else str(tick)
        lines.append(f'<text class="tick" x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{label}</text>')
    return "".join(lines)


def _heading(arm: ArmResult, y: float, width: int) -> str:
    room = max(8, int((width - 8) / CHARACTER))
    shown = arm.name if len(arm.name) <= room else arm.name[: room - 1] + "…"
    method = "" if arm.method in (arm.name, "", "none") or len(shown) + len(arm.method) + 3 > room else arm.method
    extra = f'<tspan class="method" dx="8">{escape(method)}</tspan>' if method else ""
    return f'<text class="arm" x="0" y="{y + 15:.1f}">{escape(shown)}{extra}</text>'


def _row(arm: ArmResult, y: float, width: int, several: bool, seeds: Sequence[float]) -> str:
    if arm.accuracy is None:
        return ""
    label = f"{arm.mode} · {arm.seed}" if several else arm.mode
    x = _x(arm.accuracy, width)
    whisker = ""
    if arm.ci95 is not None:
        low, high = _x(arm.ci95[0], width), _x(arm.ci95[1], width)
        colour = f"mode-{arm.mode if arm.mode in MODES else 'other'}"
        whisker = (
            f'<line class="whisker {colour}" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
            f'<path class="whisker {colour}" d="M{low:.1f} {y - 4}v8M{high:.1f} {y - 4}v8"/>'
        )
    strokes = "".join(f"M{_x(share, width):.1f} {y - 8}v16" for share in seeds)
    if strokes:
        whisker += f'<path class="seeds" d="{strokes}"/>'
    return (
        f'<g><title>{escape(_one(arm))}</title><text class="mode" x="12" y="{y + 4}">{escape(label)}</text>'
        f"{whisker}{mark(arm.mode, x, y, hollow=arm.name == UNTRAINED)}"
        f'<text class="value" x="{width}" y="{y + 4}" text-anchor="end">{percent(arm.accuracy)}</text></g>'
    )


def _x(share: float, width: int) -> float:
    return LEFT + share * (width - LEFT - RIGHT)


def _order(arm: ArmResult) -> tuple[int, str, int]:
    return (MODES.index(arm.mode) if arm.mode in MODES else len(MODES), arm.mode, arm.seed)


def _one(arm: ArmResult) -> str:
    interval = f", 95 % interval {point_range(arm.ci95)}" if arm.ci95 else ""
    who = "untrained student" if arm.name == UNTRAINED else named_arm(arm.name)
    return f"{who}, mode {arm.mode}, seed {arm.seed}: {percent(arm.accuracy or 0)}{interval}, n = {arm.n}"


def _described(groups: dict[str, list[ArmResult]]) -> str:
    return "; ".join(_one(arm) for group in groups.values() for arm in group) + "."
