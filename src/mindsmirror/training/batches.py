"""The batches of a plan as numbers of pieces: a family, or a part of one. Rows are made for who asks for a batch."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self, overload

from mindsmirror.students.base import Student
from mindsmirror.training.families import Families, Family, parts_of

Batches = Sequence[Families]
"""Batches of families of tokenised targets, in the order in which they are learnt."""


class WholeBatch(NamedTuple):
    """What goes through the student as one batch: what is repeated, then what is new."""

    families: Families
    repeated: int
    """How many of them, the first ones, are those of an earlier batch."""


def with_repeated(plan: Batches, number: int, distance: int) -> WholeBatch:
    """The plan's batch of that number, after what is new in the batch `distance` before; 0: nothing is repeated."""
    before = plan[number - distance] if 0 < distance <= number else ()
    return WholeBatch((*before, *plan[number]), len(before))


class Pieces:
    """Families as they go into batches: each whole, or cut where it is larger than a batch has room for."""

    def __init__(self, families: Sequence[Family], student: Student, room: int) -> None:
        self._families = families
        self._family, self._begins, self._ends = array("i"), array("i"), array("i")
        """Of each piece its family, and which of that family's rows it has."""
        self._cut = array("b")
        self.sizes = array("q")
        """Tokens that each piece computes by itself."""
        self.tokens, self.target_tokens = array("q"), array("q")
        """Source and target tokens of each piece, shared ones once per row; and the target tokens among them."""
        for number, family in enumerate(families):
            end, whole = 0, student.size(family)
            for part in [family] if whole <= room else parts_of(family, student, room):
                self._family.append(number)
                self._begins.append(end)
                end += len(part)
                self._ends.append(end)
                self._cut.append(len(part) < len(family))
                self.sizes.append(whole if part is family else student.size(part))
                written = sum(len(row.target) for row in part)
                self.target_tokens.append(written)
                self.tokens.append(written + sum(len(row.source) for row in part))

    def __len__(self) -> int:
        return len(self.sizes)

    def rows(self, piece: int) -> Family:
        """The rows of one piece."""
        return self._families[self._family[piece]][self._begins[piece] : self._ends[piece]]

    def torn(self, pieces: Iterable[int]) -> int:
        """How many families some of these pieces are cut from."""
        return len({self._family[piece] for piece in pieces if self._cut[piece]})


class PlannedBatches(Sequence[Families]):
    """Batches of pieces in order."""

    def __init__(self, pieces: Pieces, order: "array[int] | None" = None, edges: "array[int] | None" = None) -> None:
        self._pieces = pieces
        self._order = array("i") if order is None else order
        """The pieces of all batches."""
        self._edges = array("q", [0]) if edges is None else edges
        """Where the pieces of each batch begin, and where those of the last end."""

    def append(self, batch: Iterable[int]) -> None:
        """Add one batch of pieces, by their numbers."""
        self._order.extend(batch)
        self._edges.append(len(self._order))

    def pieces(self, number: int) -> "array[int]":
        """The pieces of one batch, by their numbers."""
        return self._order[self._edges[number] : self._edges[number + 1]]

    @property
    def torn(self) -> int:
        """How many families were cut in these batches."""
        return self._pieces.torn(self._order[self._edges[0] : self._edges[-1]])

    def __len__(self) -> int:
        return len(self._edges) - 1

    @overload
    def __getitem__(self, index: int) -> Families: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Families | Self:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError(f"batches are in order: there is no slice of every {step} of them")
            return type(self)(self._pieces, self._order, self._edges[start : max(start, stop) + 1])
        return tuple(map(self._pieces.rows, self.pieces(range(len(self))[index])))

    def __iter__(self) -> Iterator[Families]:
        return map(self.__getitem__, range(len(self)))
