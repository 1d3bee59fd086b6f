"""What a token costs by itself: its negative log-likelihood, or its unlikelihood where it is to become unlikely.

EDIT (arXiv 2405.19737) unlearns the key steps of wrong thoughts by a negative weight on their negative
log-likelihood, which has no lower bound: one token driven towards probability 0 can outweigh all the others. Here it
is the unlikelihood `-log(1 - p)` of Welleck et al. (2020, arXiv 1908.04319): 0 at p = 0, and its gradient by the
token's own logit is p, so it lets go of what is already unlikely.
"""

import torch
from torch import Tensor

from mindsmirror.students.base import TERMS, LossKind

SURE = 1e-6
"""Nats below which a token is taken to be no likelier: 1 - p has no digits left in fp32."""

UNLEARNT = torch.tensor([term.aim is LossKind.UNLEARN for term in TERMS])


def unlikelihood(nll_N: Tensor) -> Tensor:
    """`-log(1 - p)` of tokens with the negative log-likelihood `-log p`, [N], in nats; at most 14."""
    return -torch.log(-torch.expm1(-nll_N.clamp(min=SURE)))


def token_costs(nll_N: Tensor, term_N: Tensor) -> Tensor:
    """The cost of each token by the term that it adds to, [N], in nats."""
    unlearnt = UNLEARNT.to(term_N.device)[term_N]
    # Both branches are finite everywhere, and so are their gradients: none leaks as 0 times infinity.
    return torch.where(unlearnt, unlikelihood(nll_N), nll_N)
