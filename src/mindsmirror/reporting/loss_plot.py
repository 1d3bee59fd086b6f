"""Losses of an arm's tasks over its training as an inline SVG: a line for each task, stages one after another.

The losses are those of the tasks themselves, without the weights that the arm gives them, so that arms can be compared.
"""

from collections.abc import Iterator
from html import escape

from mindsmirror.records import Tag
from mindsmirror.reporting.formatting import count, named_arm
from mindsmirror.reporting.schema import ArmResult, StageReport
from mindsmirror.reporting.svg import drawing

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 190, 22, 30, 46, 84
"""In pixels: the plot, and the room around its lines; names of tasks stand at the right."""
LOOKS = {Tag.PREDICT: "predict", Tag.EXPLAIN: "think", Tag.VERDICT: "mirror", Tag.CRITIQUE: "vote"}
"""The mode whose colour a task has: the one in which it is asked."""
LETTER = 6.6
"""Width of a letter of a stage's name, about: it stands only where it fits."""
APART = 13.0
"""Pixels between names of tasks, at least."""


def loss_plot(arm: ArmResult, width: int, name: str) -> str:
    """The plot as one `<svg>` element, "" if no loss is known; `name` makes its ids unique on a page."""
    stages = [stage for stage in arm.training.stages if stage.task_losses] if arm.training else []
    steps = sum(stage.steps for stage in stages)
    lines = list(_lines(stages))
    most = max((loss for _, points in lines for _, loss in points), default=0.0)
    if not steps or not most:
        return ""
    told = "; ".join(f"{task} from {points[0][1]:.2f} to {points[-1][1]:.2f}" for task, points in lines)
    drawn = "".join(_line(task, points, steps, most, width) for task, points in lines)
    body = _axes(stages, steps, most, width) + drawn + _names(lines, most, width)
    return drawing(width, HEIGHT, name, f"Losses of {named_arm(arm.name)} over training", f"{told}.", body)


def _lines(stages: list[StageReport]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Each task of each stage with its points (step, loss), steps counted over all stages."""
    before = 0
    for stage in stages:
        for task, losses in stage.task_losses.items():
            spacing = stage.steps / len(losses)
            points = [(before + spacing * (n + 1), loss) for n, loss in enumerate(losses) if loss is not None]
            if points:
                yield task, points
        before += stage.steps


def _axes(stages: list[StageReport], steps: int, most: float, width: int) -> str:
    parts = []
    for part in (0.0, 0.5, 1.0):
        y = _y(part * most, most)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{part * most:.2g}</text>')
    end = 0
    for stage in stages:
        begin, end = _x(end, steps, width), end + stage.steps
        edge = _x(end, steps, width)
        parts.append(f'<line class="grid" x1="{edge:.1f}" x2="{edge:.1f}" y1="{TOP - 8}" y2="{HEIGHT - BOTTOM}"/>')
        if LETTER * len(stage.stage) < edge - begin:
            parts.append(f'<text class="tick" x="{begin + 4:.1f}" y="{TOP - 8}">{escape(stage.stage)}</text>')
    label = f"{count(steps)} steps"
    parts.append(f'<text class="tick" x="{width - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{label}</text>')
    return "".join(parts)


def _line(task: str, points: list[tuple[float, float]], steps: int, most: float, width: int) -> str:
    drawn = " ".join(f"{_x(step, steps, width):.1f},{_y(loss, most):.1f}" for step, loss in points)
    return f'<polyline class="curve {_look(task)}" points="{drawn}"><title>{escape(task)}</title></polyline>'


def _names(lines: list[tuple[str, list[tuple[float, float]]]], most: float, width: int) -> str:
    """Each task's name beside the end of its last line, kept apart from the others."""
    ends = sorted((_y(points[-1][1], most), task) for task, points in dict(lines).items())
    parts, lowest = [], HEIGHT - BOTTOM + 4.0
    for y, task in reversed(ends):
        lowest = min(y + 4, lowest)
        x = width - RIGHT + 6
        parts.append(f'<text class="task {_look(task)}" x="{x}" y="{lowest:.1f}">{escape(task)}</text>')
        lowest -= APART
    return "".join(parts)


def _look(task: str) -> str:
    return f"mode-{LOOKS[Tag(task)] if task in set(Tag) else 'other'}"


def _x(step: float, steps: int, width: int) -> float:
    return LEFT + step / steps * (width - LEFT - RIGHT)


def _y(loss: float, most: float) -> float:
    return TOP + (1 - loss / most) * (HEIGHT - TOP - BOTTOM)
