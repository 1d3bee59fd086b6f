"""What an objective is: what each token of a batch costs, and to which term of the loss it adds.

The trainer turns costs into the loss (task_weighted.py). An objective that remembers something from batch to batch
gives it away with every checkpoint and takes it back on resuming, so that a run that was cut short ends as one that
was not.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from mindsmirror.students.base import Student
from mindsmirror.training.objectives.unlikelihood import token_costs


class Costs(NamedTuple):
    """M costs in nats, [M] each: a predicted token may have several, one for each term that it adds to."""

    cost: Tensor
    weight: Tensor
    term: Tensor
    """Index into TERMS."""


class Objective(Protocol):
    """From a batch to what its tokens cost."""

    def costs(self, model: Any, batch: Mapping[str, Tensor]) -> Costs:
        """The costs of a batch, from one forward pass."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What later batches need of earlier ones; empty if nothing."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        ...


class Likelihood:
    """Every token is learnt or unlearnt by itself: nothing is remembered."""

    def __init__(self, student: Student) -> None:
        self._student = student

    def costs(self, model: Any, batch: Mapping[str, Tensor]) -> Costs:
        """One cost for each predicted token."""
        nll = self._student.losses(model, batch)
        return Costs(token_costs(nll, batch["term"]), batch["weight"], batch["term"])

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""


def joined(*costs: Costs) -> Costs:
    """All of them as one."""
    return Costs(*(torch.cat(parts) for parts in zip(*costs, strict=True)))
