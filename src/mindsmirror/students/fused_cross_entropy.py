"""The vocabulary's softmax without its logits: losses of predicted tokens, some hundreds at a time.

A batch's logits are its largest tensor by far (1,000 predictions of 50,000 words are 200 MB in fp32, and PyTorch holds
several copies). Here a chunk of them lives at a time. If it is known beforehand by what factor each loss enters the
total, its gradient is formed while its chunk is there; otherwise the backward pass computes the chunks again. The idea
is that of fused linear cross-entropy (Hsu et al., 2024, arXiv 2410.10989), in PyTorch's own operations.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mindsmirror.students.cpu_kernels import applied
from mindsmirror.students.output_head import selected_logits, selected_states

CHUNK_BYTES = 2**26
"""Size of a chunk's logits in fp32: few enough to be cheap to hold, enough for a matmul at full speed."""


def batch_losses(
    model: Any, plain: bool, passes: Iterable[tuple[Tensor, Mapping[str, Any]]], batch: Mapping[str, Tensor]
) -> Tensor:
    """Negative log-likelihood of each prediction of a batch, [N], over its passes (places that predict, and inputs)."""
    if plain:
        states = torch.cat([selected_states(model, nodes, **inputs) for nodes, inputs in passes])
        return token_losses(states, model.get_output_embeddings().weight, batch["target"], batch.get("expected"))
    logits = torch.cat([selected_logits(model, nodes, **inputs)[0] for nodes, inputs in passes])
    return functional.cross_entropy(logits.float(), batch["target"], reduction="none")


def token_losses(states_ND: Tensor, weight_VD: Tensor, target_N: Tensor, expected_N: Tensor | None = None) -> Tensor:
    """Negative log-likelihood of each target, [N], in nats, fp32.

    `expected_N` are the derivatives of the total by each loss, if they are known; right or wrong, gradients are right.
    """
    return applied(_TokenLosses, states_ND, weight_VD, target_N, expected_N)


class _TokenLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states_ND: Tensor, weight_VD: Tensor, target_N: Tensor, expected_N: Tensor | None) -> Tensor:
        device = states_ND.device.type
        lower = torch.is_autocast_enabled(device)
        precision = torch.get_autocast_dtype(device) if lower else states_ND.dtype
        with torch.autocast(device, enabled=False):
            states, weight = states_ND.to(precision), weight_VD.to(precision)
            gradients = None
            if expected_N is not None and any(ctx.needs_input_grad[:2]):
                gradients = _Gradients(ctx, states, weight)
            losses = torch.empty(len(states), dtype=torch.float32, device=states.device)
            for part, logits, shares in _chunks(states, weight):
                chosen = logits.gather(1, target_N[part, None])[:, 0]
                # -log(share of the target), without dividing by a share that has rounded to 0.
                losses[part] = logits.amax(-1).float() - chosen.float() - shares.amax(-1).log()
                if gradients is not None and expected_N is not None:
                    gradients.add(part, logits, shares, target_N[part], expected_N[part])
        ctx.save_for_backward(states_ND, weight_VD, target_N, expected_N)
        ctx.precision, ctx.gradients = precision, gradients
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor_N: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        states_ND, weight_VD, target_N, expected_N = ctx.saved_tensors
        gradients, ctx.gradients = ctx.gradients, None
        if gradients is None or not torch.allclose(factor_N, expected_N, rtol=1e-5, atol=0.0):
            states, weight = states_ND.to(ctx.precision), weight_VD.to(ctx.precision)
            gradients = _Gradients(ctx, states, weight)
            for part, logits, shares in _chunks(states, weight):
                gradients.add(part, logits, shares, target_N[part], factor_N[part])
        by_states = None if gradients.by_states is None else gradients.by_states.to(states_ND.dtype)
        by_weight = None if gradients.by_weight is None else gradients.by_weight.to(weight_VD.dtype)
        return by_states, by_weight, None, None


class _Gradients:
    """Gradients of a weighted sum of losses, by states [N, D] and by weight [V, D], as its chunks come by."""

    by_weight: Tensor | None = None

    def __init__(self, ctx: Any, states: Tensor, weight: Tensor) -> None:
        self._states, self._weight = states, weight
        by_states, self._by_weight = ctx.needs_input_grad[:2]
        self.by_states = torch.empty_like(states) if by_states else None

    def add(self, part: slice, logits: Tensor, shares: Tensor, target: Tensor, factor: Tensor) -> None:
        """Those of one chunk; its logits and their softmax are used up."""
        shares.mul_(factor[:, None])
        shares[torch.arange(len(target), device=target.device), target] -= factor
        by_logits = logits.copy_(shares)
        if self.by_states is not None:
            torch.mm(by_logits, self._weight, out=self.by_states[part])
        if self._by_weight:
            added = torch.mm(by_logits.T, self._states[part])
            # Sums over chunks are kept in fp32.
            self.by_weight = added.float() if self.by_weight is None else self.by_weight.add_(added)


def _chunks(states: Tensor, weight: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Where a chunk is, its logits and their softmax in fp32; the next chunk writes over both."""
    rows = max(1, CHUNK_BYTES // (4 * len(weight)))
    # Kept from chunk to chunk: fresh memory of this size is paid for by the page.
    room = states.new_empty((min(rows, len(states)), len(weight)))
    shares = torch.empty(room.shape, device=room.device)
    for start in range(0, len(states), rows):
        part = slice(start, min(start + rows, len(states)))
        logits = torch.mm(states[part], weight.T, out=room[: part.stop - start])
        yield part, logits, torch.softmax(logits, -1, dtype=torch.float32, out=shares[: part.stop - start])
