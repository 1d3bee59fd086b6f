"""What a plan spends, counted before it is trained: the units in which arms can be equal, and in which they are not.

An arm that judges reads more than it writes, one with many rationales of a question shares more, so equal optimizer
steps are not equal target tokens, and neither is equal computation. Every report therefore gives all of these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mindsmirror.students.base import Row, Student
from mindsmirror.students.flops import Prices, computed_tokens, training_flops


@dataclass(frozen=True)
class Counts:
    """What some batches spend; counts of a plan are the sum of its batches'."""

    rows: int = 0
    tokens: int = 0
    """Source and target tokens of all rows, shared ones once per row."""
    target_tokens: int = 0
    """Those of them that the student learns to write."""
    computed_tokens: int = 0
    """Tokens that go through the model: shared ones once, padding never."""
    flops: int = 0
    """Floating-point operations of learning them, forward and backward (students/flops.py)."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.rows + other.rows,
            self.tokens + other.tokens,
            self.target_tokens + other.target_tokens,
            self.computed_tokens + other.computed_tokens,
            self.flops + other.flops,
        )


@dataclass(frozen=True)
class Scale:
    """Measures batches for one student, at the prices of its model as it is about to be trained."""

    student: Student
    prices: Prices

    def count(self, batch: Sequence[Sequence[Row]], apart: int = 0) -> Counts:
        """What one batch of whole families spends, the first `apart` of which share nothing with the others."""
        rows = [row for family in batch for row in family]
        work = self.student.work(batch, apart)
        return Counts(
            rows=len(rows),
            tokens=sum(row_tokens(row) for row in rows),
            target_tokens=sum(len(row.target) for row in rows),
            computed_tokens=computed_tokens(work),
            flops=training_flops(work, self.prices),
        )


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of several."""
    return sum(counts, Counts())


def row_tokens(row: Row) -> int:
    """Tokens of a row by itself."""
    return len(row.source) + len(row.target)
