"""Families of tokenised targets as arrays of numbers, so that a million questions take a few GB, and not 24.

A row's path is its source and then its target. Of each path only the tokens are kept that it does not share with the
row before it in its family: a question is stored once, and so is a rationale for those who judge it. Rows become
objects when somebody asks for their family.
"""

from array import array
from collections.abc import Sequence
from typing import overload

from mindsmirror.students.base import TASKS, TokenisedTarget
from mindsmirror.students.tree import common_prefix
from mindsmirror.training.families import Families, Family

FIRST = "H"
"""Type code of tokens: two bytes each, and four as soon as there is one that does not fit."""


class PackedFamilies(Sequence[Family]):
    """Families in the order in which they came, some of them behind all others; every access makes new rows."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._rows = array("q", [0])
        """Where the rows of each family begin, and where the last ends."""
        self._own = array(FIRST)
        """The tokens that each row does not share with the one before it."""
        self._ends = array("q", [0])
        """Where the own tokens of each row begin, and where those of the last end."""
        self._shared, self._sources = array("i"), array("i")
        """Of each row: tokens of its path that are the row's before, and tokens of its source."""
        self._tags, self._kinds, self._rationales = array("b"), array("i"), array("i")
        self._weights = array("d")
        self._factors, self._factor_ends = array("d"), array("q", [0])
        self._front, self._behind = array("i"), array("i")
        """Places of the families that come first, and of those that come after them."""

    def append(self, family: Family, *, behind: bool = False) -> None:
        """Add one at the end, or `behind`: at the end of those that come after all others."""
        before: tuple[int, ...] = ()
        for row in family:
            path = (*row.source, *row.target)
            shared = common_prefix((before, path))
            self._extend(path[shared:])
            self._shared.append(shared)
            self._sources.append(len(row.source))
            self._tags.append(TASKS.index(row.tag))
            self._kinds.append(row.kind)
            self._rationales.append(row.rationale)
            self._weights.append(row.weight)
            self._factors.extend(row.factors)
            self._factor_ends.append(len(self._factors))
            before = path
        (self._behind if behind else self._front).append(len(self._names))
        self._names.append(family[0].family)
        self._rows.append(len(self._shared))

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> Family: ...
    @overload
    def __getitem__(self, index: slice) -> Families: ...
    def __getitem__(self, index: int | slice) -> Family | Families:
        found = range(len(self))[index]
        return self._family(found) if isinstance(found, int) else tuple(map(self._family, found))

    def _family(self, index: int) -> Family:
        front = len(self._front)
        place = self._front[index] if index < front else self._behind[index - front]
        rows = []
        path: list[int] = []
        for row in range(self._rows[place], self._rows[place + 1]):
            path = path[: self._shared[row]] + self._own[self._ends[row] : self._ends[row + 1]].tolist()
            source = self._sources[row]
            rows.append(
                TokenisedTarget(
                    self._names[place],
                    TASKS[self._tags[row]],
                    tuple(path[:source]),
                    tuple(path[source:]),
                    self._weights[row],
                    tuple(self._factors[self._factor_ends[row] : self._factor_ends[row + 1]]),
                    self._kinds[row],
                    self._rationales[row],
                )
            )
        return tuple(rows)

    def _extend(self, tokens: Sequence[int]) -> None:
        try:
            own = array(self._own.typecode, tokens)
        except OverflowError:
            self._own = array("i", self._own)
            own = array("i", tokens)
        self._own.extend(own)
        self._ends.append(len(self._own))
