"""The likelihood of every token: the objective of most methods."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mindsmirror.training.objectives.base import Objective, TokenLosses


class Likelihood(Objective):
    """The negative log-likelihood of each token of each target."""

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        """One loss for each predicted token."""
        return TokenLosses(self.student.losses(model, batch), batch["weight"], batch["term"])
