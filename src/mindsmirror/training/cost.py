"""What batches cost, counted before they are trained: the units in which arms can be equal, and in which they are not.

An arm that judges reads more than it writes, one with many rationales of a question shares more, so equal optimizer
steps are not equal target tokens, and neither is equal computation. Every report therefore gives all of these.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from mindsmirror.students.base import Student, TokenisedTarget
from mindsmirror.students.flops import UnitFlops, computed_tokens, training_flops


class Cost(NamedTuple):
    """What some batches cost."""

    rows: int = 0
    """Targets; one that is in several batches counts each time."""
    tokens: int = 0
    """Source and target tokens of all targets, shared ones once per target."""
    target_tokens: int = 0
    """Those of them that the student learns to write."""
    computed_tokens: int = 0
    """Tokens that go through the model: shared ones once, padding never."""
    flops: int = 0
    """Floating-point operations of learning them, forward and backward (students/flops.py)."""


@dataclass(frozen=True)
class CostMeter:
    """Measures batches for one student; the FLOPs are those of its model as it is about to be trained."""

    student: Student
    unit_flops: UnitFlops

    def cost(self, batch: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Cost:
        """What one batch of whole families costs, the first `apart` of which share nothing with the others."""
        rows = [row for family in batch for row in family]
        work = self.student.work(batch, apart)
        return Cost(
            rows=len(rows),
            tokens=sum(token_count(row) for row in rows),
            target_tokens=sum(len(row.target) for row in rows),
            computed_tokens=computed_tokens(work),
            flops=training_flops(work, self.unit_flops),
        )


class PlanCosts:
    """What each batch of a plan costs, as an array: a plan may have a million batches."""

    def __init__(self, costs: Iterable[Cost]) -> None:
        self._numbers = array("q", chain.from_iterable(costs))

    @property
    def computed_tokens(self) -> "array[int]":
        """Of each batch."""
        return self._column("computed_tokens")

    def total(self, batches: int | None = None) -> Cost:
        """What the first so many cost together; None: all."""
        return Cost(*(sum(self._column(name)[:batches]) for name in Cost._fields))

    def _column(self, name: str) -> "array[int]":
        return self._numbers[Cost._fields.index(name) :: len(Cost._fields)]


def token_count(target: TokenisedTarget) -> int:
    """Source and target tokens of one target by itself."""
    return len(target.source) + len(target.target)
