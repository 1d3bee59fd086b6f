"""What an objective is: which of a target's tokens count, which losses its tokens have, and what they are.

A stage names its objective, and gives it parameters; a stage's targets may carry data of its own (`Target.data`). The
trainer turns the losses of tokens into the loss of a step (task_weighted.py). A loss has terms: each kind of loss that
the objective knows, of each task. An objective that remembers something from batch to batch writes it into every
checkpoint and reads it back on resuming, so that a run that was cut short ends as one that was not.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain, product
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import BaseModel
from torch import Tensor

from mindsmirror.records import Record, Tag, Target
from mindsmirror.students.base import TASKS, Batch, Student, TokenisedTarget

LEARN = "learn"
"""The kind of loss that every objective has first: the negative log-likelihood of a token."""


class Nothing(Record):
    """Parameters, or data of a target, of an objective that has none."""


class TokenWeights(NamedTuple):
    """How the tokens of a target count."""

    kind: int = 0
    """Index into the objective's kinds of loss."""
    factors: tuple[float, ...] = ()
    """Of the target's weight, one for each token; none: 1 for all."""


class TokenLosses(NamedTuple):
    """M losses in nats, [M] each: a predicted token may have several, one for each term that it adds to."""

    loss: Tensor
    weight: Tensor
    term: Tensor
    """Index into the objective's terms."""


class Objective(ABC):
    """What one stage minimises. A derived class says what differs from the likelihood of all tokens."""

    Parameters: ClassVar[type[BaseModel]] = Nothing
    """What `Stage.parameters` may hold."""
    TargetData: ClassVar[type[BaseModel]] = Nothing
    """What `Target.data` may hold."""
    kinds: ClassVar[tuple[str, ...]] = (LEARN,)
    """Kinds of loss. The terms are all kinds of all tasks, in this order."""
    repeats: ClassVar[bool] = False
    """Whether half of each batch is the half that was new one optimizer step before. Such a batch also holds its own
    number in the plan (`serial`), that of the batch which it repeats (`repeats`, -1: none), and how many of its
    predictions, the first ones, are repeated (`repeated`)."""
    weightless: ClassVar[str] = "no token counts"
    """What the report calls targets that are left out because none of their tokens counts."""

    def __init__(self, student: Student, parameters: BaseModel | None = None) -> None:
        """Raises pydantic's ValidationError if parameters are missing that have no default."""
        self.student = student
        self.parameters: Any = parameters if parameters is not None else self.Parameters()

    @abstractmethod
    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        """The losses of a batch, from one forward pass."""

    def weigh(self, target: Target, tokens: tuple[int, ...], data: Any) -> TokenWeights:
        """How a target's tokens count; `data` is the target's, of the type `TargetData`."""
        return TokenWeights()

    def kind_weights(self) -> tuple[float, ...]:
        """The factor of each kind of loss, times that of its task."""
        return (1.0,) * len(self.kinds)

    def sums_likelihoods(self, batch: Mapping[str, Tensor]) -> bool:
        """Whether the losses of this batch are the negative log-likelihoods of its tokens and nothing else.

        Then the derivative of the total by each is known before the forward pass, which spares computing logits twice.
        """
        return True

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        """A batch of whole families, the first `apart` of them by themselves, with `term_weights` [terms]."""
        weights = torch.tensor(self.term_weights(families, apart))
        return {**self.student.collate(families, apart), "term_weights": weights}

    def term_weights(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> list[float]:
        """The weight of each term in a batch: of each target its weight times its tokens, also those of factor 0."""
        weights = [0.0] * self.terms
        for row in chain.from_iterable(families):
            weights[row.term] += row.weight * len(row.target)
        return weights

    def state(self) -> dict[str, Tensor]:
        """What later batches need of earlier ones; empty if nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Take back what `state` gave; nothing if it gave nothing."""

    @property
    def terms(self) -> int:
        """How many terms there are."""
        return len(self.kinds) * len(TASKS)

    @property
    def term_names(self) -> tuple[str, ...]:
        """What logs call each term: its task, after the kind of loss where that is not to learn it."""
        return tuple(tag.value if kind == LEARN else f"{kind}_{tag.value}" for kind, tag in product(self.kinds, TASKS))

    def factors(self, task_weights: Mapping[Tag, float]) -> Tensor:
        """The factor of each term, [terms]."""
        return torch.tensor([task_weights.get(tag, 0.0) * kind for kind, tag in product(self.kind_weights(), TASKS)])


def joined(*losses: TokenLosses) -> TokenLosses:
    """All of them as one."""
    return TokenLosses(*(torch.cat(parts) for parts in zip(*losses, strict=True)))
