"""How far one distribution over the vocabulary is from another: the loss of soft labels.

`KL(softmax(a / T) || softmax(b / T))`, with a from the teacher (the student itself one step before, a mentor, a teacher
of the same vocabulary) and b from the student. The temperature may differ from token to token. Distributions
of a whole batch are larger than everything else in training, so they are made a few tokens at a time, and made again
for the gradient.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK = 64
"""Tokens whose distributions are held at once."""


def divergence(taught_NV: Tensor, logits_NV: Tensor, temperature_N: Tensor) -> Tensor:
    """`KL(softmax(taught / T) || softmax(logits / T))` of each token, [N], in nats, fp32.

    N tokens, V vocabulary. No gradient reaches `taught`. Multiply by T squared to keep the gradient's size
    (Hinton et al., 2015, arXiv 1503.02531, section 2.1).
    """
    found = [
        _checkpointed(_divergence, taught.detach(), logits, temperature)
        for taught, logits, temperature in zip(
            *(torch.split(each, CHUNK) for each in (taught_NV, logits_NV, temperature_N)), strict=True
        )
    ]
    return torch.cat(found) if found else temperature_N.new_zeros(0)


def _divergence(taught: Tensor, logits: Tensor, temperature: Tensor) -> Tensor:
    other = torch.log_softmax(logits.float() / temperature[:, None], dim=-1)
    own = torch.log_softmax(taught.float() / temperature[:, None], dim=-1)
    return (own.exp() * (own - other)).sum(-1)


def _checkpointed(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Nothing between inputs and output is kept for the gradient; there is no randomness to repeat."""
    found: Tensor = checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False)
    return found
