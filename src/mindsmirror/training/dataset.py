"""A plan as what the Trainer reads: one batch an item, in order."""

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from mindsmirror.students.base import Batch, Student
from mindsmirror.students.flops import Part
from mindsmirror.training.objectives.last_batch import AGREE
from mindsmirror.training.plan import Families, with_repeated


class PlanDataset(Dataset[Batch]):
    """A plan as a dataset whose items are whole batches.

    With a `distance`, an item is the plan's batch of its number (`serial`) after the one that it `repeats` (-1: none),
    and its first `repeated` predictions are the latter's.
    """

    def __init__(self, plan: Sequence[Families], student: Student, distance: int = 0) -> None:
        self._plan, self._student, self._distance = plan, student, distance

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        families, apart = with_repeated(self._plan, index, self._distance)
        batch = self._student.collate(families, apart)
        if self._distance == 0:
            return batch
        repeated = self._student.work(families[:apart])[Part.HEAD] if apart else 0
        numbers = {"serial": index, "repeats": index - self._distance if apart else -1, "repeated": repeated}
        terms, weights = AGREE[batch["term"][:repeated]], batch["weight"][:repeated]
        batch["total"] = batch["total"].index_add(0, terms, weights)
        return batch | {name: torch.tensor(number) for name, number in numbers.items()}
