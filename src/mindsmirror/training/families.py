"""Families: the order of the targets of one question, and where a family that is too large for a batch is cut.

The label comes first, then each rationale with its verdict and its critiques. A cut between two rationales costs
little: the question is computed once more. A cut within one computes the rationale again, too, and teaches its verdict
in another step.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from mindsmirror.records import Tag, Target
from mindsmirror.students.base import TASKS, Student, TokenisedTarget

Family = tuple[TokenisedTarget, ...]
Families = tuple[Family, ...]
WHOLE = 2
"""How many times the room of a batch a rationale may take, with its verdict and critiques, before it is cut."""


def by_question(targets: Sequence[Target]) -> Iterable[list[Target]]:
    """The targets of one question after those of another; questions in the order of their first target.

    What is no tuple may be a stream: there, the targets of a question stand together already.
    """
    if not isinstance(targets, tuple):
        return (list(together) for _, together in groupby(targets, key=lambda target: target.example))
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.example, []).append(target)
    return found.values()


def arranged(rows: Sequence[tuple[Target, TokenisedTarget]]) -> Family:
    """A family in order, each row with the number of its rationale; rationales in the order of their first target."""
    known: list[str] = []
    numbered = []
    for target, row in rows:
        number = _number(target, known)
        numbered.append((number, target.rationale is not None, TASKS.index(target.tag), replace(row, rationale=number)))
    return tuple(row for *_, row in sorted(numbered, key=lambda each: each[:3]))


def _number(target: Target, known: list[str]) -> int:
    """Of the rationale that a target writes or is shown, from 1; 0 for a label. A new one is added to the known."""
    if target.rationale is None and target.tag is Tag.PREDICT:
        return 0
    text = target.text if target.rationale is None else target.rationale
    for number, other in enumerate(known, start=1):
        if text == other or _with_answer(text, other) or _with_answer(other, text):
            return number
    known.append(text)
    return len(known)


def _with_answer(text: str, reasoning: str) -> bool:
    """Whether they are one rationale, shown with its answer sentence and learnt without it."""
    stem = reasoning.rstrip(" ,;:–—-")
    rest = text.removeprefix(stem)
    return rest != text and rest.startswith((" The answer is ", ". The answer is "))


def parts_of(family: Family, student: Student, room: int) -> list[Family]:
    """The family, or the fewest and most even parts of it that fit into `room` tokens, cut between rationales.

    A rationale that does not fit is a part of its own, and is cut into rows only if it takes more than WHOLE times the
    room. A row is never cut.
    """
    if student.size(family) <= room:
        return [family]
    threads = _threads(family)

    @functools.cache
    def size(start: int, stop: int) -> int:
        return student.size(_joined(threads[start:stop]))

    def filled(bound: int) -> list[tuple[int, int]]:
        """Parts of at most `bound` tokens, as many rationales in each as fit; where each begins and ends."""
        found = [(0, 1)]
        for stop in range(2, len(threads) + 1):
            start, _ = found[-1]
            if size(start, stop) <= bound:
                found[-1] = (start, stop)
            else:
                found.append((stop - 1, stop))
        return found

    fewest = len(filled(room))
    low, high = 1, room
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(filled(middle)) == fewest else (middle + 1, high)
    parts = [_joined(threads[start:stop]) for start, stop in filled(low)]
    return [piece for part in parts for piece in (_rows(part, student, room) if _torn(part, student, room) else [part])]


def _threads(family: Family) -> list[Family]:
    """The rows by rationale; a label is with the first."""
    threads = [tuple(rows) for _, rows in groupby(family, key=lambda row: row.rationale)]
    return [threads[0] + threads[1], *threads[2:]] if len(threads) > 1 and threads[0][0].rationale == 0 else threads


def _torn(part: Family, student: Student, room: int) -> bool:
    return student.size(part) > WHOLE * room


def _rows(family: Family, student: Student, room: int) -> list[Family]:
    """Halves of halves, until they fit or are single rows."""
    if student.size(family) <= room or len(family) == 1:
        return [family]
    middle = len(family) // 2
    return _rows(family[:middle], student, room) + _rows(family[middle:], student, room)


def _joined(threads: Iterable[Family]) -> Family:
    return tuple(row for rows in threads for row in rows)
