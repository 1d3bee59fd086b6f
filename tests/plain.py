"""The losses written out plainly: every row by itself, no packing, no padding, no sharing.

What the fast forms in `students` and `training` are compared with. Nothing here uses their code.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.base import Row


def row_nll(model: Any, row: Row) -> Tensor:
    """Negative log-likelihood of each token of the row's target, [U]."""
    if model.config.is_encoder_decoder:
        read = torch.tensor([row.source])
        begun = torch.tensor([[model.config.decoder_start_token_id, *row.target[:-1]]])
        logits = model(input_ids=read, decoder_input_ids=begun, use_cache=False).logits[0]
    else:
        read = torch.tensor([[*row.source, *row.target[:-1]]])
        logits = model(input_ids=read, use_cache=False).logits[0, len(row.source) - 1 :]
    likelihood: Tensor = torch.log_softmax(logits.float(), dim=-1)
    return -likelihood[torch.arange(len(row.target)), torch.tensor(row.target)]


def plain_loss(model: Any, rows: Iterable[Row], task_weights: Mapping[Tag, float]) -> Tensor:
    """The sum over tasks of the task's weight times the weighted mean over all tokens of its targets."""
    sums: dict[Tag, Tensor] = {}
    tokens: dict[Tag, float] = {}
    for row in rows:
        sums[row.tag] = sums.get(row.tag, torch.tensor(0.0)) + row.weight * row_nll(model, row).sum()
        tokens[row.tag] = tokens.get(row.tag, 0.0) + row.weight * len(row.target)
    total = torch.tensor(0.0)
    for tag, summed in sums.items():
        total = total + task_weights.get(tag, 0.0) * summed / tokens[tag]
    return total


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
