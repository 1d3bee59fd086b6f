"""The output head: the last matrix of a model, from hidden states to the vocabulary's logits.

It is the largest product of a step, so only the places that predict something reach it, or it is left out and its input
is kept; and where verdicts are read off, it multiplies in fp32.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn import functional


@contextmanager
def head_in_fp32(model: Any, tokens: Sequence[int] | None = None) -> Iterator[None]:
    """Inside, the model's head multiplies in fp32, whatever the precision of the model; with `tokens`, only for those.

    Logits of 40 lie 0.25 apart in bf16, and all that tells one verdict from another may be less.
    """
    head = model.get_output_embeddings()
    rows = slice(None) if tokens is None else list(tokens)
    weight, bias = head.weight[rows].float(), getattr(head, "bias", None)
    bias = None if bias is None else bias[rows].float()

    def multiply(hidden: Tensor) -> Tensor:
        return functional.linear(hidden.float(), weight, bias)

    head.forward = multiply
    try:
        yield
    finally:
        del head.forward


def selected_states(model: Any, nodes: Tensor, **inputs: Any) -> Tensor:
    """What the model gives its head at flat places `nodes` of [B, T], [N, D]; the head itself is left out."""
    found: list[Tensor] = []
    head = model.get_output_embeddings()

    def keep(hidden: Tensor) -> Tensor:
        found.append(hidden.reshape(-1, hidden.shape[-1])[nodes])
        # Logits of no place: whatever the model does to them, it costs nothing.
        return hidden.new_empty((len(hidden), 0, len(head.weight)))

    head.forward = keep
    try:
        model(**inputs)
    finally:
        del head.forward
    return found[0]


def selected_logits(model: Any, nodes: Tensor, **inputs: Any) -> tuple[Tensor, Any]:
    """Logits at flat places `nodes` of [B, T] only, [N, V], and the model's cache.

    The head is given just the hidden states that predict something; the model's own forward still applies what it
    does to logits (scaling, capping), because only what goes into its head is changed. `logits_to_keep` would hand
    the head a strided slice, for which PyTorch copies the vocabulary's weights once per row: 9 of 12 s for 64 rows.
    """

    def select(_head: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = arguments[0]
        return (hidden.reshape(-1, hidden.shape[-1])[nodes][None], *arguments[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        out = model(**inputs)
    finally:
        handle.remove()
    return out.logits.reshape(-1, out.logits.shape[-1]), out.past_key_values
