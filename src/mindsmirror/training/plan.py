"""From targets to a plan: which families go through the student in which batch, until the budget is spent.

The whole plan is made before training starts and is a function of targets, budget and seed alone (and of the student's
size, where the budget is in FLOPs), so a run that resumes knows exactly what it has not yet seen. A family (the rows
of one question) is never torn apart unless it is larger than a batch, because what its rows share is computed once.
"""

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mindsmirror.errors import AnnotationError
from mindsmirror.records import Stage
from mindsmirror.students.base import Row, Student
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.counts import Scale, row_tokens

Families = tuple[tuple[Row, ...], ...]
Plan = tuple[Families, ...]
"""Batches of families of rows."""


@dataclass(frozen=True)
class Rows:
    """A stage's targets as tokens, by family, and what could not be used."""

    families: Families
    too_long: int

    @property
    def tokens(self) -> int:
        """Source and target tokens of all rows."""
        return sum(row_tokens(row) for family in self.families for row in family)


def encode(stage: Stage, student: Student, max_target: int) -> Rows:
    """Tokenise a stage's targets; those longer than `max_target` tokens are left out and counted."""
    families: dict[str, list[Row]] = {}
    # The k rationales of a question are learnt from one source.
    source = functools.cache(student.source)
    too_long = 0
    for target in stage.targets:
        if stage.task_weights.get(target.tag, 0.0) == 0.0:
            continue
        written = student.target(target.text)
        if len(written) > max_target:
            too_long += 1
            continue
        read = source(target.tag, target.question, target.rationale)
        families.setdefault(target.example, []).append(Row(target.example, target.tag, read, written, target.weight))
    if not families:
        raise AnnotationError(
            f"stage {stage.name!r} has nothing to learn: {sum(stage.dropped.values())} samples were dropped "
            f"{dict(stage.dropped)} and {too_long} targets were too long"
        )
    return Rows(tuple(tuple(rows) for rows in families.values()), too_long)


def make_plan(rows: Rows, scale: Scale, config: TrainingConfig, share: float, seed: int) -> Plan:
    """Shuffled passes over the families, cut into batches, until the share of the budget is spent.

    The last batch is the one that brings what is spent nearest to the budget; there is one batch at least.
    """
    pieces = [
        (piece, scale.student.size(piece))
        for family in rows.families
        for piece in _pieces(family, scale.student, config.batch_tokens)
    ]
    generator = random.Random(seed)
    batches: list[Families] = []
    limit, cost = _limit(config, rows, share), _cost(config, scale)
    spent = 0
    while True:
        order = list(pieces)
        generator.shuffle(order)
        for batch in _batches(order, config.batch_tokens):
            price = cost(batch)
            if batches and spent + price / 2 > limit:
                return tuple(batches)
            batches.append(batch)
            spent += price


def _limit(config: TrainingConfig, rows: Rows, share: float) -> float:
    """What a stage may spend, in the unit of `_cost`."""
    budget = config.budget
    if budget.steps is not None:
        return round(budget.steps * share) * config.accumulate
    if budget.epochs is not None:
        return budget.epochs * share * rows.tokens
    return (budget.tokens or budget.target_tokens or budget.flops or 0) * share


def _cost(config: TrainingConfig, scale: Scale) -> Callable[[Families], int]:
    """What a batch costs in the budget's unit; for steps and epochs in batches and row tokens."""
    budget = config.budget
    if budget.steps is not None:
        return lambda batch: 1
    if budget.flops is not None:
        return lambda batch: scale.count(batch).flops
    if budget.target_tokens is not None:
        return lambda batch: sum(len(row.target) for family in batch for row in family)
    return lambda batch: sum(row_tokens(row) for family in batch for row in family)


def _pieces(family: tuple[Row, ...], student: Student, limit: int) -> list[tuple[Row, ...]]:
    """The family, or parts of it that fit a batch; a single row that does not is a batch of its own."""
    if student.size(family) <= limit or len(family) == 1:
        return [family]
    middle = len(family) // 2
    return _pieces(family[:middle], student, limit) + _pieces(family[middle:], student, limit)


def _batches(pieces: Sequence[tuple[tuple[Row, ...], int]], limit: int) -> list[Families]:
    """Pieces of known size in batches of at most `limit` tokens."""
    batches: list[Families] = []
    current: list[tuple[Row, ...]] = []
    size = 0
    for piece, tokens in pieces:
        if current and size + tokens > limit:
            batches.append(tuple(current))
            current, size = [], 0
        current.append(piece)
        size += tokens
    batches.append(tuple(current))
    return batches
