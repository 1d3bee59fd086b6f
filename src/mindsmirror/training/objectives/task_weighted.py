"""The papers' multi-task loss: a weighted sum of the mean token cost of each term.

`L = sum_t lambda_t * (sum_i w_i * cost_i) / W_t` over the costs i of term t. A term is a task with an aim: to learn its
tokens, to unlearn them, or to agree on them. Of what is learnt, lambda is the paper's alpha and 1 - alpha
(arXiv 2305.02301, eq. 4; arXiv 2311.09214, eq. 2). W_t is the weight of all tokens of the term's rows, those too that
count for nothing because only some of a text's tokens do. It runs over a whole optimizer step, so accumulation changes
nothing; a term without tokens in a step adds 0.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.base import TERMS, LossKind
from mindsmirror.training.objectives.unlikelihood import UNLEARNT


def term_factors(weights: Mapping[Tag, float], unlearning: float = 1.0) -> Tensor:
    """lambda as a vector over the terms, [terms]; what is unlearnt weighs `unlearning` times its task."""
    scale = {LossKind.LEARN: 1.0, LossKind.UNLEARN: unlearning, LossKind.AGREE: 1.0}
    return torch.tensor([weights.get(term.tag, 0.0) * scale[term.aim] for term in TERMS])


def weight_totals(batches: Iterable[Mapping[str, Tensor]]) -> Tensor:
    """W of each term over the batches of one step, [terms]."""
    totals = torch.zeros(len(TERMS))
    for batch in batches:
        totals = totals.to(batch["total"].device) + batch["total"]
    return totals


def term_sums(cost_M: Tensor, weight_M: Tensor, term_M: Tensor) -> Tensor:
    """Weighted costs of each term, summed, [terms], in nats."""
    return torch.zeros(len(TERMS), device=cost_M.device).index_add(0, term_M, cost_M * weight_M)


def task_weighted_loss(cost_M: Tensor, weight_M: Tensor, term_M: Tensor, totals: Tensor, factors: Tensor) -> Tensor:
    """This batch's part of the step's loss, in nats: parts of one step add up to L.

    M costs; totals and factors are [terms].
    """
    sums = term_sums(cost_M, weight_M, term_M)
    return (factors * sums / totals.clamp(min=1e-12)).sum()


def expected_derivatives(weight_N: Tensor, term_N: Tensor, totals: Tensor, factors: Tensor) -> dict[str, Tensor]:
    """As `expected`, the derivative of this loss by each token's negative log-likelihood, [N]: known before it is.

    Empty if some tokens are unlearnt, whose cost is another function of their likelihood.
    """
    if bool(UNLEARNT.to(term_N.device)[term_N].any()):
        return {}
    return {"expected": (factors / totals.clamp(min=1e-12))[term_N] * weight_N}
