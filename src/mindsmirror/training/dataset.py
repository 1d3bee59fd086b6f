"""A plan as what the Trainer reads: one batch an item, in order."""

import torch
from torch.utils.data import Dataset

from mindsmirror.students.base import Batch
from mindsmirror.training.batches import Batches, with_repeated
from mindsmirror.training.objectives.base import Objective


class PlanDataset(Dataset[Batch]):
    """A plan as a dataset whose items are whole batches.

    With a `distance`, an item is the plan's batch of its number (`serial`) after the one that it `repeats` (-1: none).
    """

    def __init__(self, plan: Batches, objective: Objective, distance: int = 0) -> None:
        self._plan, self._objective, self._distance = plan, objective, distance

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        families, apart = with_repeated(self._plan, index, self._distance)
        batch = self._objective.collate(families, apart)
        if self._distance == 0:
            return batch
        numbers = {"serial": index, "repeats": index - self._distance if apart else -1}
        return batch | {name: torch.tensor(number) for name, number in numbers.items()}
