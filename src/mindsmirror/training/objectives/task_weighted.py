"""The papers' multi-task loss: a weighted sum of the mean token loss of each term.

`L = sum_t lambda_t * (sum_i w_i * loss_i) / W_t` over the token losses i of term t. A term is one kind of loss of one
task. Of what is learnt, lambda is the paper's alpha and 1 - alpha (arXiv 2305.02301, eq. 4; arXiv 2311.09214, eq. 2).
W_t is the weight of all tokens of the term's targets, those too that count for nothing because only some of a text's
tokens do. It runs over a whole optimizer step, so accumulation changes nothing; a term without tokens in a step adds 0.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def term_weights(batches: Iterable[Mapping[str, Tensor]]) -> Tensor:
    """W of each term over the batches of one step, [terms]."""
    first, *others = (batch["term_weights"] for batch in batches)
    totals = torch.zeros_like(first) + first
    for total in others:
        totals = totals + total
    return totals


def term_sums(loss_M: Tensor, weight_M: Tensor, term_M: Tensor, terms: int) -> Tensor:
    """Weighted losses of each term, summed, [terms], in nats."""
    return torch.zeros(terms, device=loss_M.device).index_add(0, term_M, loss_M * weight_M)


def task_weighted_loss(loss_M: Tensor, weight_M: Tensor, term_M: Tensor, totals: Tensor, factors: Tensor) -> Tensor:
    """What this batch adds to the step's loss, in nats: over the batches of one step it adds up to L.

    M token losses; totals and factors are [terms].
    """
    sums = term_sums(loss_M, weight_M, term_M, len(factors))
    return (factors * sums / totals.clamp(min=1e-12)).sum()


def derivatives(weight_N: Tensor, term_N: Tensor, totals: Tensor, factors: Tensor) -> Tensor:
    """The derivative of this loss by each token's negative log-likelihood, [N], where that is the token's loss."""
    return (factors / totals.clamp(min=1e-12))[term_N] * weight_N
