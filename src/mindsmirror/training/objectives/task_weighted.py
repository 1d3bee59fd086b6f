"""The papers' multi-task loss: a weighted sum of each task's mean token cross-entropy.

`L = sum_t lambda_t * (sum_i w_i * nll_i) / (sum_i w_i)` over the predicted tokens i of task t, with lambda the
paper's alpha and 1 - alpha (arXiv 2305.02301, eq. 4; arXiv 2311.09214, eq. 2). The denominators run over a whole
optimizer step, so accumulation changes nothing; a task without tokens in a step adds 0.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.base import TASKS


def task_factors(weights: Mapping[Tag, float]) -> Tensor:
    """lambda as a vector over the tasks, [tasks]."""
    return torch.tensor([weights.get(tag, 0.0) for tag in TASKS])


def weight_totals(batches: Iterable[Mapping[str, Tensor]]) -> Tensor:
    """Sum of the predicted tokens' weights for each task over the batches of one step, [tasks]."""
    totals = torch.zeros(len(TASKS))
    for batch in batches:
        totals = totals.to(batch["weight"].device).index_add(0, batch["task"], batch["weight"])
    return totals


def task_sums(nll_N: Tensor, weight_N: Tensor, task_N: Tensor) -> Tensor:
    """Weighted negative log-likelihood of each task's tokens, summed, [tasks], in nats."""
    return torch.zeros(len(TASKS), device=nll_N.device).index_add(0, task_N, nll_N * weight_N)


def task_weighted_loss(nll_N: Tensor, weight_N: Tensor, task_N: Tensor, totals: Tensor, factors: Tensor) -> Tensor:
    """This batch's part of the step's loss, in nats: parts of one step add up to L.

    N predicted tokens; totals and factors are [tasks].
    """
    sums = torch.zeros_like(totals).index_add(0, task_N, nll_N * weight_N)
    return (factors * sums / totals.clamp(min=1e-12)).sum()


def expected_derivatives(weight_N: Tensor, task_N: Tensor, totals: Tensor, factors: Tensor) -> Tensor:
    """The derivative of this loss by each token's negative log-likelihood, [N]: known before any is computed."""
    return (factors / totals.clamp(min=1e-12))[task_N] * weight_N
