"""What a file of somebody else's rationales holds, whatever its format: the same records for all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mindsmirror.errors import DataError
from mindsmirror.records import CalibrationTarget, DualKind, Verdict, VerdictSource
from mindsmirror.tasks.rows import Row
from mindsmirror.tasks.shown import row_id


@dataclass(frozen=True)
class ForeignEvaluation:
    """A self-evaluation as a file has it.

    `verdict` is None where it has to be read from the text's last line, `teacher` where it is the rationale's.
    """

    text: str
    verdict: Verdict | None = None
    source: VerdictSource = VerdictSource.PLAIN
    teacher: str | None = None
    likelihood: float | None = None
    p_correct: float | None = None
    calibration: CalibrationTarget | None = None


@dataclass(frozen=True)
class ForeignDual:
    """A rationale's other side as a file has it; `teacher` is None where it is the rationale's."""

    kind: DualKind
    text: str
    teacher: str | None = None


@dataclass(frozen=True)
class ForeignRationale:
    """A rationale as a file has it. Its question is named by `id`, or else by its whole text."""

    where: str
    text: str
    id: str | None = None
    question: str = ""
    truncated: bool = False
    answer: str | None = None
    teacher: str | None = None
    evaluations: tuple[ForeignEvaluation, ...] = ()
    duals: tuple[ForeignDual, ...] = ()


@dataclass(frozen=True)
class Format:
    """How a file of the format is read, and who wrote what is in it if nobody says otherwise."""

    read: Callable[[Path], Iterator[ForeignRationale]]
    teacher: str


def string_of(row: Row, key: str) -> str:
    """A field that must be a string, but may be blank: a teacher that said nothing is data."""
    value = row.value(key)
    return value if isinstance(value, str) and not value.strip() else row.text(key)


def id_of(row: Row) -> str:
    """The id of a question of the task."""
    if row.value("id") is None:
        raise DataError(f"{row.where}: 'id' is null; it must name a question of the task.")
    return row_id(row, "")
