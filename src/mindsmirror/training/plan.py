"""From targets to a plan: which families go through the student in which batch, until the budget is spent.

The whole plan is made before training starts and is a function of targets, budget and seed alone (and of the student's
size, where the budget is in FLOPs), so a run that resumes knows exactly what it has not yet seen. A family (the rows
of one question) is cut only if it is larger than a batch (families.py), because what its rows share is computed once.

Where an objective repeats (`Objective.repeats`), a batch of the plan is only what is new in it: half of a batch, to
which the new half of `distance` batches before is added when it is learnt (`with_repeated`).
"""

import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from mindsmirror import limits
from mindsmirror.errors import RecipeError
from mindsmirror.records import Tag
from mindsmirror.training.batches import Batches, Pieces, PlannedBatches, with_repeated
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.cost import CostMeter
from mindsmirror.training.families import Family
from mindsmirror.training.objectives.base import Objective
from mindsmirror.training.objectives.task_weighted import mean_weights, scales


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
    tokens: Sequence[int] = ()
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
        means = mean_weights((self.objective.term_weights(*batch) for batch in whole), self.steps)
        return scales(self.objective.factors(self.task_weights), means)


def make_plan(
    families: Sequence[Family], meter: CostMeter, config: TrainingConfig, share: float, seed: int, distance: int = 0
) -> PlannedBatches:
    """Shuffled passes over the families, cut into batches, until the share of the budget is spent.

    The last batch is the one that brings what is spent nearest to the budget; there is one batch at least. With a
    `distance`, batches are half as large, and each also costs what it repeats. Then there are only whole steps: a step
    repeats the whole step before it, and a shorter last one would repeat a part that depends on how many processes
    share the steps.
    """
    room = config.batch_tokens // 2 if distance else config.batch_tokens
    pieces = Pieces(families, meter.student, room)
    generator = random.Random(seed)
    plan = PlannedBatches(pieces)
    limit, cost = _limit(config, pieces, share), _cost(config, meter, plan, pieces, distance)
    spent = 0
    while True:
        order = array("i", range(len(pieces)))
        generator.shuffle(order)
        if len(plan) > limits.STEPS:
            raise RecipeError(
                f"training.budget: it comes to more than {limits.STEPS:,} batches. Lower it, or raise "
                "training.batch_tokens."
            )
        for batch in _batches(order, pieces.sizes, room):
            plan.append(batch)
            here = cost(len(plan) - 1)
            if len(plan) > 1 and spent + here / 2 > limit:
                return plan[: whole_steps(len(plan) - 1, distance)]
            spent += here


def whole_steps(batches: int, size: int) -> int:
    """The batches without a last step that has fewer than `size`; all of them if there is no other, or size is 0."""
    return batches - (batches % size if 0 < size < batches else 0)


def _limit(config: TrainingConfig, pieces: Pieces, share: float) -> float:
    """What a stage may spend, in the unit of `_cost`."""
    budget = config.budget
    if budget.steps is not None:
        return round(budget.steps * share) * config.accumulate
    if budget.epochs is not None:
        return budget.epochs * share * sum(pieces.tokens)
    return (budget.tokens or budget.target_tokens or budget.flops or 0) * share


def _cost(
    config: TrainingConfig, meter: CostMeter, plan: PlannedBatches, pieces: Pieces, distance: int
) -> Callable[[int], int]:
    """What a batch costs, by its number, in the budget's unit; for steps and epochs in batches and row tokens."""
    budget = config.budget
    if budget.steps is not None:
        return lambda number: 1
    if budget.flops is not None:
        return lambda number: meter.cost(*with_repeated(plan, number, distance)).flops
    tokens = pieces.tokens if budget.target_tokens is None else pieces.target_tokens

    def counted(number: int) -> int:
        learnt = (number - distance, number) if 0 < distance <= number else (number,)
        return sum(tokens[piece] for each in learnt for piece in plan.pieces(each))

    return counted


def _batches(order: Sequence[int], sizes: Sequence[int], room: int) -> Iterator[list[int]]:
    """Pieces in batches of at most `room` tokens; a larger one is a batch of its own."""
    batch: list[int] = []
    size = 0
    for piece in order:
        if batch and size + sizes[piece] > room:
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += sizes[piece]
    yield batch
