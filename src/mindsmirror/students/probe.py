"""What a model can do, tested at start-up on a few tokens and not guessed from its name.

Two questions: does a prefix tree give the losses of its rows one by one, and are the logits only the head's product?
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from mindsmirror.records import Tag
from mindsmirror.students.base import Student, TokenisedTarget

PROBE_TOLERANCE = 1e-3
"""Largest difference of one predicted token's loss, in nats, between trees and rows in fp32. Seen: 3e-5 where
trees are right, 5e-3 and more where they are not (SmolLM2 under eager attention: 14)."""
UNABLE = (ValueError, TypeError, RuntimeError, AttributeError, KeyError)
"""What models raise for masks and inputs that they do not support."""


class TreeStudent(Student, Protocol):
    """A student that can compute with trees or without."""

    trees: bool
    """Whether rows share what they have in common; if not, each is computed by itself."""


@torch.no_grad()
def trees_are_rows(student: TreeStudent) -> bool:
    """Whether every token of a tree has the loss that it has in its row; leaves `student.trees` to be set."""
    rows = probe_rows(student.model.get_input_embeddings().num_embeddings)
    training = student.model.training
    student.model.eval()
    try:
        found = []
        for student.trees in (True, False):
            batch = {name: part.to(student.model.device) for name, part in student.collate([rows]).items()}
            found.append(student.losses(student.model, batch).sort().values)
        return bool((found[0] - found[1]).abs().max() < PROBE_TOLERANCE)
    except UNABLE:
        return False
    finally:
        student.model.train(training)


@torch.no_grad()
def head_is_plain(model: Any) -> bool:
    """Whether the logits are nothing but the head's product: no bias, no scale, no cap."""
    head = model.get_output_embeddings()
    if type(head) is not nn.Linear or head.bias is not None:
        return False
    tokens = torch.arange(4, device=model.device)[None]
    inputs = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if model.config.is_encoder_decoder else {})
    seen: list[Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    try:
        logits = model(**inputs).logits
    except UNABLE:
        return False
    finally:
        handle.remove()
    return torch.allclose(functional.linear(seen[0], head.weight), logits, rtol=1e-5, atol=1e-5)


def probe_rows(words: int, length: int = 8) -> list[TokenisedTarget]:
    """A family whose rows part in the question and in the reply, of tokens from all over the vocabulary.

    A handful of neighbouring tokens would hide a leak: attention to them is all but nothing. The tags differ, so
    that no prediction is merged with another.
    """
    drawn = [(7919 * index + 5) % words for index in range(3 * length)]
    a, b, c = drawn[:length], drawn[length : 2 * length], drawn[2 * length :]
    return [
        TokenisedTarget("probe", Tag.EXPLAIN, tuple(a), tuple(b)),
        TokenisedTarget("probe", Tag.PREDICT, (*a[:-1], c[0]), tuple(c[:2])),
        TokenisedTarget("probe", Tag.CRITIQUE, tuple(a), (*b[:2], *c)),
    ]
