"""Focal loss (Lin et al., 2017, arXiv 1708.02002): `(1 - p)^gamma * -log p`, of the targets that ask for it."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from mindsmirror.records import Record, Target
from mindsmirror.students.base import TASKS
from mindsmirror.training.objectives.base import LEARN, Objective, TokenLosses, TokenWeights


class FocalParameters(Record):
    """Of a stage."""

    gamma: float = Field(ge=0)


class FocalData(Record):
    """Of a target."""

    focal: bool = False


class FocalObjective(Objective):
    """Likelihood of some targets, focal loss of the others."""

    Parameters = FocalParameters
    TargetData = FocalData
    kinds = (LEARN, "focal")

    def weigh(self, target: Target, tokens: tuple[int, ...], data: FocalData) -> TokenWeights:
        return TokenWeights(kind=int(data.focal))

    def sums_likelihoods(self, batch: Mapping[str, Tensor]) -> bool:
        return False

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        nll = self.student.losses(model, batch)
        focal = (-torch.expm1(-nll)) ** self.parameters.gamma * nll
        hard = batch["term"] // len(TASKS) == self.kinds.index("focal")
        return TokenLosses(torch.where(hard, focal, nll), batch["weight"], batch["term"])
