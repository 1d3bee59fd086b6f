"""From targets to a plan: which families go through the student in which batch, until the budget is spent.

The whole plan is made before training starts and is a function of targets, budget and seed alone (and of the student's
size, where the budget is in FLOPs), so a run that resumes knows exactly what it has not yet seen. A family (the rows
of one question) is cut only if it is larger than a batch (families.py), because what its rows share is computed once.

Where an objective repeats (`Objective.repeats`), a batch of the plan is only what is new in it: half of a batch, to
which the new half of `distance` batches before is added when it is learnt (`with_repeated`).
"""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from torch import Tensor

from mindsmirror import limits
from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.system.validation import explain
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.cost import CostMeter, token_count
from mindsmirror.training.families import Family, arranged, parts_of
from mindsmirror.training.objectives.base import Objective
from mindsmirror.training.objectives.task_weighted import mean_weights, scales

Families = tuple[Family, ...]
Batches = tuple[Families, ...]
"""Batches of families of tokenised targets, in the order in which they are learnt."""


@dataclass(frozen=True)
class EncodedStage:
    """A stage's targets as tokens, by family, and those that were left out."""

    families: Families
    lost: Mapping[str, int] = field(default_factory=dict)
    """Targets that were left out, by reason."""

    @property
    def tokens(self) -> int:
        """Source and target tokens of all targets."""
        return sum(token_count(row) for family in self.families for row in family)


@dataclass(frozen=True)
class StagePlan:
    """All that training one stage takes (`trainer.train_stage`)."""

    objective: Objective
    """With the student that it is for."""
    model: Any
    """What is trained in place: the student's model, or that with an adapter."""
    batches: Batches
    task_weights: Mapping[Tag, float]
    config: TrainingConfig
    """The recipe's, with the stage's own learning rate."""
    folder: Path
    """Where checkpoints are."""
    seed: int
    label: str
    """What progress lines call the stage."""
    validate: Callable[[Any], Sequence[bool]] | None = None
    """For each validation question, whether the model answers it right."""
    tokens: tuple[int, ...] = ()
    """Tokens that each batch computes, for the pace; none: it is not told."""

    @property
    def steps(self) -> int:
        """Optimizer steps; the last may have fewer batches."""
        return max(1, -(-len(self.batches) // self.config.accumulate))

    @property
    def scales(self) -> Tensor:
        """What a loss of each term is multiplied by, [terms]: a constant of the whole plan (task_weighted.py)."""
        distance = self.config.accumulate if self.objective.repeats else 0
        whole = (with_repeated(self.batches, number, distance) for number in range(len(self.batches)))
        means = mean_weights([self.objective.term_weights(*batch) for batch in whole], self.steps)
        return scales(self.objective.factors(self.task_weights), means)


class WholeBatch(NamedTuple):
    """What goes through the student as one batch: what is repeated, then what is new."""

    families: Families
    repeated: int
    """How many of them, the first ones, are those of an earlier batch."""


def with_repeated(plan: Sequence[Families], number: int, distance: int) -> WholeBatch:
    """The plan's batch of that number, after what is new in the batch `distance` before; 0: nothing is repeated."""
    before = plan[number - distance] if 0 < distance <= number else ()
    return WholeBatch((*before, *plan[number]), len(before))


def encode(stage: Stage, objective: Objective, max_target: int) -> EncodedStage:
    """Tokenise a stage's targets; those longer than `max_target` tokens are left out and counted.

    So are those of which no token counts by the objective. AnnotationError if nothing is left, or if a target has data
    that the objective does not know.
    """
    families: dict[str, list[tuple[Target, TokenisedTarget]]] = {}
    student = objective.student
    # Equal numbers are one object: else each token would hold 28 bytes of its own beside its 8 in a tuple.
    known: dict[int, int] = {}

    def shared(tokens: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(map(known.setdefault, tokens, tokens))

    # The k rationales of a question are learnt from one source.
    source = functools.cache(lambda *read: shared(student.source(*read)))
    too_long = weightless = 0
    for target in stage.targets:
        if stage.task_weights.get(target.tag, 0.0) == 0.0:
            continue
        written = shared(student.target(target.text))
        if not target.ends:
            # The end of sequence is the last token.
            written = written[:-1]
        if len(written) > max_target:
            too_long += 1
            continue
        kind, factors = objective.weigh(target, written, _data(target, stage, objective))
        if factors and not any(factors):
            weightless += 1
            continue
        read = source(target.tag, target.question, target.rationale)
        row = TokenisedTarget(target.example, target.tag, read, written, target.weight, factors, kind)
        families.setdefault(target.example, []).append((target, row))
    lost = {"too long": too_long, objective.weightless: weightless}
    if not families:
        raise AnnotationError(
            f"stage {stage.name!r} has nothing to learn: {sum(stage.dropped.values())} samples were dropped "
            f"{dict(stage.dropped)}, and of the targets, by reason: {lost}"
        )
    return EncodedStage(tuple(map(arranged, families.values())), lost)


def _data(target: Target, stage: Stage, objective: Objective) -> Any:
    """A target's data in the objective's own type."""
    try:
        return objective.TargetData.model_validate(target.data)
    except ValidationError as error:
        fault = explain(error, objective.TargetData)
        raise AnnotationError(
            f"stage {stage.name!r}: a target's data, which {stage.objective!r} reads: {fault}"
        ) from error


def make_plan(
    rows: EncodedStage, meter: CostMeter, config: TrainingConfig, share: float, seed: int, distance: int = 0
) -> Batches:
    """Shuffled passes over the families, cut into batches, until the share of the budget is spent.

    The last batch is the one that brings what is spent nearest to the budget; there is one batch at least. With a
    `distance`, batches are half as large, and each also costs what it repeats. Then there are only whole steps: a step
    repeats the whole step before it, and a shorter last one would repeat a part that depends on how many processes
    share the steps.
    """
    room = config.batch_tokens // 2 if distance else config.batch_tokens
    pieces = [
        (part, meter.student.size(part)) for family in rows.families for part in parts_of(family, meter.student, room)
    ]
    generator = random.Random(seed)
    batches: list[Families] = []
    limit, cost = _limit(config, rows, share), _cost(config, meter)
    spent = 0
    while True:
        order = list(pieces)
        generator.shuffle(order)
        if len(batches) > limits.STEPS:
            raise RecipeError(
                f"training.budget: it comes to more than {limits.STEPS:,} batches. Lower it, or raise "
                "training.batch_tokens."
            )
        for batch in _batches(order, room):
            batches.append(batch)
            here = cost(with_repeated(batches, len(batches) - 1, distance))
            if len(batches) > 1 and spent + here / 2 > limit:
                return whole_steps(batches[:-1], distance)
            spent += here


def whole_steps(batches: Sequence[Families], size: int) -> Batches:
    """The batches without a last step that has fewer than `size`; all of them if there is no other, or size is 0."""
    left = len(batches) % size if 0 < size < len(batches) else 0
    return tuple(batches[: len(batches) - left])


def _limit(config: TrainingConfig, rows: EncodedStage, share: float) -> float:
    """What a stage may spend, in the unit of `_cost`."""
    budget = config.budget
    if budget.steps is not None:
        return round(budget.steps * share) * config.accumulate
    if budget.epochs is not None:
        return budget.epochs * share * rows.tokens
    return (budget.tokens or budget.target_tokens or budget.flops or 0) * share


def _cost(config: TrainingConfig, meter: CostMeter) -> Callable[[WholeBatch], int]:
    """What a batch costs in the budget's unit; for steps and epochs in batches and row tokens."""
    budget = config.budget
    if budget.steps is not None:
        return lambda batch: 1
    if budget.flops is not None:
        return lambda batch: meter.cost(*batch).flops
    if budget.target_tokens is not None:
        return lambda batch: sum(len(row.target) for family in batch.families for row in family)
    return lambda batch: sum(token_count(row) for family in batch.families for row in family)


def _batches(pieces: Sequence[tuple[Family, int]], limit: int) -> list[Families]:
    """Pieces of known size in batches of at most `limit` tokens; a larger one is a batch of its own."""
    batches: list[Families] = []
    current: list[Family] = []
    size = 0
    for piece, tokens in pieces:
        if current and size + tokens > limit:
            batches.append(tuple(current))
            current, size = [], 0
        current.append(piece)
        size += tokens
    batches.append(tuple(current))
    return batches
