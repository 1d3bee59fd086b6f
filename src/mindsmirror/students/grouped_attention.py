"""Attention of a few tokens to a long beginning, as a judge's adapter trains it on a processor.

PyTorch's attention wants a key and a value for every head, so Transformers repeats those that heads share, and its
backward pass works through blocks of hundreds of queries where there are four: two thirds of a judge's training step
(docs/benchmarks.md). Here the queries of the heads that share a key stand side by side in one matrix product.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mindsmirror.students.cpu_kernels import pytorch_attention, register_attention

GROUPED = "cpu_grouped"
"""Under what name it is known to Transformers."""


@contextmanager
def grouped_attention(model: Any) -> Iterator[None]:
    """Inside, the model attends in this way, if it is on a processor and attends by PyTorch's own otherwise."""
    config = model.config.get_text_config()
    if model.device.type != "cpu" or config._attn_implementation != "sdpa":
        yield
        return
    register_attention(GROUPED, attention)
    config._attn_implementation = GROUPED
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"


def attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **named: Any,
) -> tuple[Tensor, None]:
    """Attention as Transformers calls it: queries [B, H, t, D], keys and values [B, G, T, D], G a divisor of H.

    Returns [B, t, H, D]. With dropout, or a bias of positions, it is PyTorch's own.
    """
    if dropout or named.get("position_bias") is not None:
        settings = {"dropout": dropout, "scaling": scaling, **named}
        return pytorch_attention(module, query, key, value, attention_mask, **settings)
    rows, heads, length, width = query.shape
    kinds, seen = key.shape[1], key.shape[2]
    if attention_mask is None:
        # All is seen but what comes later.
        attention_mask = torch.ones((length, seen), dtype=torch.bool).tril(seen - length)
    scale = width**-0.5 if scaling is None else scaling
    grouped = (query * scale).reshape(rows, kinds, -1, width)
    scores = (grouped @ key.transpose(2, 3)).view(rows, kinds, heads // kinds, length, seen).float()
    masked = attention_mask.dtype == torch.bool
    shown = attention_mask[:, :, None] if attention_mask.dim() == 4 else attention_mask
    scores = scores.masked_fill(~shown, -torch.inf) if masked else scores + shown
    weights = torch.softmax(scores, dim=-1).to(value.dtype).view(rows, kinds, -1, seen)
    mixed = (weights @ value).view(rows, heads, length, value.shape[-1])
    return mixed.transpose(1, 2).contiguous(), None
