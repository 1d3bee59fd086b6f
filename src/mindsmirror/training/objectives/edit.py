"""EDIT's loss (Dai et al., 2024, arXiv 2405.19737): key tokens of right texts become likely, of wrong ones unlikely.

A target names its counterpart (`contrast`); only the tokens count in which it departs from it (edit_mask.py). Those of
a target that is to be unlearnt (`unlearn`) are made unlikely. EDIT does so by a negative weight on their negative
log-likelihood, which has no lower bound: one token driven towards probability 0 can outweigh all the others. Here it
is the unlikelihood `-log(1 - p)` of Welleck et al. (2020, arXiv 1908.04319): 0 at p = 0, and its gradient by the
token's own logit is p, so it lets go of what is already unlikely.
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from mindsmirror import limits
from mindsmirror.records import Record, Target
from mindsmirror.students.base import TASKS
from mindsmirror.training.objectives.base import LEARN, Objective, TokenLosses, TokenWeights
from mindsmirror.training.objectives.edit_mask import key_tokens

SURE = 1e-6
"""Nats below which a token is taken to be no likelier: 1 - p has no digits left in fp32."""
UNLEARN = 1
"""Index of the kind of loss."""


class EditParameters(Record):
    """Of a stage."""

    unlikelihood: float = Field(1.0, gt=0, le=limits.LARGEST, description="weight of what is unlearnt")


class EditTargetData(Record):
    """Of a target; without it all of its tokens are learnt."""

    contrast: str | None = Field(
        None, description="its counterpart: the tokens count in which the target departs from it"
    )
    unlearn: bool = Field(False, description="its tokens are to become unlikely instead of likely")


class EditObjective(Objective):
    """Likelihood of what is learnt, unlikelihood of what is unlearnt."""

    Parameters = EditParameters
    TargetData = EditTargetData
    kinds = (LEARN, "unlearn")
    weightless = "no key token"

    def weigh(self, target: Target, tokens: tuple[int, ...], data: EditTargetData) -> TokenWeights:
        """1 for each key token, 0 for the others."""
        if data.contrast is None:
            return TokenWeights(UNLEARN if data.unlearn else 0)
        key = key_tokens(tokens, self.student.target(data.contrast))
        return TokenWeights(UNLEARN if data.unlearn else 0, tuple(map(float, key)))

    def kind_weights(self) -> tuple[float, ...]:
        """1 for what is learnt."""
        return (1.0, self.parameters.unlikelihood)

    def sums_likelihoods(self, batch: Mapping[str, Tensor]) -> bool:
        """Not where a token is unlearnt."""
        return not bool(_unlearnt(batch["term"]).any())

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        """One loss for each predicted token."""
        nll = self.student.losses(model, batch)
        return TokenLosses(token_losses(nll, batch["term"]), batch["weight"], batch["term"])


def unlikelihood(nll_N: Tensor) -> Tensor:
    """`-log(1 - p)` of tokens with the negative log-likelihood `-log p`, [N], in nats; at most 14."""
    return -torch.log(-torch.expm1(-nll_N.clamp(min=SURE)))


def token_losses(nll_N: Tensor, term_N: Tensor) -> Tensor:
    """The loss of each token by the term that it adds to, [N], in nats."""
    # Both branches are finite everywhere, and so are their gradients: none leaks as 0 times infinity.
    return torch.where(_unlearnt(term_N), unlikelihood(nll_N), nll_N)


def _unlearnt(term_N: Tensor) -> Tensor:
    return term_N // len(TASKS) == UNLEARN
