"""The losses written out plainly: every row by itself, no packing, no padding, no sharing.

What the fast forms in `students` and `training` are compared with. Nothing here uses their code.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mindsmirror.methods.dynsdpb import Agreement
from mindsmirror.records import Prediction, Tag
from mindsmirror.students.base import TokenisedTarget


def row_logits(model: Any, row: TokenisedTarget) -> Tensor:
    """Logits from which each token of the row's target is predicted, [U, V], fp32."""
    if model.config.is_encoder_decoder:
        read = torch.tensor([row.source])
        begun = torch.tensor([[model.config.decoder_start_token_id, *row.target[:-1]]])
        logits: Tensor = model(input_ids=read, decoder_input_ids=begun, use_cache=False).logits[0]
    else:
        read = torch.tensor([[*row.source, *row.target[:-1]]])
        logits = model(input_ids=read, use_cache=False).logits[0, len(row.source) - 1 :]
    return logits.float()


def row_nll(model: Any, row: TokenisedTarget) -> Tensor:
    """Negative log-likelihood of each token of the row's target, [U]."""
    likelihood: Tensor = torch.log_softmax(row_logits(model, row), dim=-1)
    return -likelihood[torch.arange(len(row.target)), torch.tensor(row.target)]


def plain_loss(
    model: Any, rows: Iterable[TokenisedTarget], task_weights: Mapping[Tag, float], unlearning: float = 1.0
) -> Tensor:
    """The sum over tasks of the task's weight times the weighted mean over all tokens of its targets.

    Rows that are unlearnt have means of their own, of -log(1 - p), which weigh `unlearning` times their task's.
    """
    sums: dict[tuple[Tag, bool], Tensor] = {}
    tokens: dict[tuple[Tag, bool], float] = {}
    for row in rows:
        cost = row_nll(model, row)
        if bool(row.kind):
            cost = -torch.log(1 - torch.exp(-cost))
        if row.factors:
            cost = cost * torch.tensor(row.factors)
        term = row.tag, bool(row.kind)
        sums[term] = sums.get(term, torch.tensor(0.0)) + row.weight * cost.sum()
        tokens[term] = tokens.get(term, 0.0) + row.weight * len(row.target)
    total = torch.tensor(0.0)
    for (tag, unlearn), summed in sums.items():
        weight = task_weights.get(tag, 0.0) * (unlearning if unlearn else 1.0)
        total = total + weight * summed / tokens[tag, unlearn]
    return total


def plain_agreement(
    model: Any,
    rows: Sequence[TokenisedTarget],
    before: Sequence[Tensor],
    task_weights: Mapping[Tag, float],
    wanted: Agreement,
) -> Tensor:
    """What DynSDPB adds for rows whose logits were `before` one step ago: each task's weighted mean over its tokens."""
    sums: dict[Tag, Tensor] = {}
    tokens: dict[Tag, float] = {}
    for row, then in zip(rows, before, strict=True):
        now = row_logits(model, row)
        for place in range(len(row.target)):
            p = then[place].softmax(-1)
            first, second = p.sort(descending=True).values[:2]
            uncertainty = -(p * p.log()).sum() / math.log(len(p))
            sure = float((1 - uncertainty + first - second) / 2) if wanted.dynamic else 1.0
            heat = wanted.temperature * (2 - sure)
            taught = (then[place] / heat).softmax(-1)
            gap = (taught * (taught.log() - (now[place] / heat).log_softmax(-1))).sum()
            cost = row.weight * wanted.weight * sure * heat**2 * gap
            sums[row.tag] = sums.get(row.tag, torch.tensor(0.0)) + cost
            tokens[row.tag] = tokens.get(row.tag, 0.0) + row.weight
    return torch.stack([task_weights.get(tag, 0.0) * summed / tokens[tag] for tag, summed in sums.items()]).sum()


def gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    """The gradient of every parameter, by name; zeros where the loss does not reach."""
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    found = {
        name: torch.zeros_like(value) if value.grad is None else value.grad.clone()
        for name, value in model.named_parameters()
    }
    model.zero_grad(set_to_none=True)
    return found


def without_log_probabilities(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Predictions of which only what rounds differently in another batch or on another device is left out."""
    left_out = {"log_probability": None}
    return [
        prediction.model_copy(
            update={**left_out, "samples": tuple(each.model_copy(update=left_out) for each in prediction.samples)}
        )
        for prediction in predictions
    ]
