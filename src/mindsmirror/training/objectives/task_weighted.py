"""The papers' multi-task loss: a weighted sum of the mean token loss of each term, estimated step by step.

Over a stage, `L = sum_t lambda_t * (sum_i w_i * loss_i) / (sum_i w_i)` over the token losses i of term t. A term is one
kind of loss of one task. Of what is learnt, lambda is the paper's alpha and 1 - alpha (arXiv 2305.02301, eq. 4;
arXiv 2311.09214, eq. 2). The weights w of a term include those of tokens that count for nothing because only some of a
text's tokens do.

A step's loss divides by W_t, the weight that the term has in a step on average over the whole plan, so the mean of the
steps' losses is L whatever the size of a batch, and so is their gradient. If a step divided by its own weight, a token
would count for more in a step that has few of its term: with small batches, weights of targets would divide out.
"""

import math
from array import array
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def mean_weights(batches: Iterable[Sequence[float]], steps: int) -> Tensor:
    """W of each term, [terms], from the weights of the terms in each batch of the plan.

    The sums are exact before they are rounded, so every process has the same numbers.
    """
    terms: list[array[float]] = []
    for weights in batches:
        terms = terms or [array("d") for _ in weights]
        for term, weight in zip(terms, weights, strict=True):
            term.append(weight)
    return torch.tensor([math.fsum(term) / steps for term in terms])


def scales(factors: Tensor, means: Tensor) -> Tensor:
    """`lambda / W` of each term, [terms]: what a loss is multiplied by, beside the weight of its token."""
    return torch.where(means > 0, factors / means.clamp(min=1e-12), 0.0)


def term_sums(loss_M: Tensor, weight_M: Tensor, term_M: Tensor, terms: int) -> Tensor:
    """Weighted losses of each term, summed, [terms], in nats."""
    return torch.zeros(terms, device=loss_M.device).index_add(0, term_M, loss_M * weight_M)


def derivatives(weight_N: Tensor, term_N: Tensor, scale: Tensor) -> Tensor:
    """The derivative of the total by each token loss, [N]; `scale` is [terms]."""
    return scale[term_N] * weight_N


def task_weighted_loss(loss_M: Tensor, weight_M: Tensor, term_M: Tensor, scale: Tensor) -> Tensor:
    """What a batch adds to its step's loss, in nats. M token losses; `scale` is [terms]."""
    return (derivatives(weight_M, term_M, scale) * loss_M).sum()
