"""Kernels for a processor: the same arithmetic as Transformers' modules in fewer passes over memory.

Dropout takes four numbers from 64 random bits, where PyTorch draws one number at a time. GELU is one operation instead
of eight, a norm is one function that keeps less for the backward pass, and attention with dropout uses this dropout,
because PyTorch has no fast kernel with dropout on a processor. Values are those of the replaced modules but for
rounding; dropout is another sample of the same distribution, its rate rounded to 1/65536. Parameters and their names
stay, so saved models do not change. On any other device the replaced modules compute as before.
benchmarks/cpu_kernels.py measures each kernel.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

NORMS = frozenset({"T5LayerNorm", "MT5LayerNorm", "LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm"})
"""What Transformers calls a division by the root mean square times a weight; Gemma's adds 1 to its weight."""
ATTENTION = "cpu_dropout"
"""Under what name our attention is known to Transformers."""
STEPS = 2**16
KERNELS = frozenset({"norm", "gelu", "dropout", "attention"})
"""All of them; benchmarks/cpu_kernels.py leaves some out."""


def use_cpu_kernels(model: Any, kernels: frozenset[str] = KERNELS) -> None:
    """Put the kernels into the model's modules, in place; on a GPU these compute as before."""
    kinds: set[type[Any]] = {type(module) for module in model.modules()}
    ours = {kind: _with(kernel, kind) for kind in kinds if (kernel := _kernel_for(kind, kernels)) is not None}
    for module in model.modules():
        module.__class__ = ours.get(type(module), type(module))
    drops = getattr(model.config, "dropout_rate", 0.0) > 0.0
    if "attention" in kernels and drops and model.config._attn_implementation == "sdpa":
        register_attention(ATTENTION, attention)
        model.set_attn_implementation(ATTENTION)


def _kernel_for(kind: type[Any], kernels: frozenset[str]) -> type[nn.Module] | None:
    if "norm" in kernels and kind.__name__ in NORMS:
        return _Norm
    if "gelu" in kernels and kind.__name__ == "NewGELUActivation":
        return _Gelu
    return _Dropout if "dropout" in kernels and kind is nn.Dropout else None


def _with(kernel: type[nn.Module], kind: type[Any]) -> type[Any]:
    """The module's class with the kernel's forward before its own, which is left for other devices."""
    return type(f"CPU{kind.__name__}", (kernel, kind), {"__module__": __name__})


class _Norm(nn.Module):
    weight: Tensor
    variance_epsilon: float

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden / rms(hidden) * weight, computed in fp32, in the precision of the matrix products that follow."""
        if hidden.device.type != "cpu":
            return cast(Tensor, super().forward(hidden))
        lower = torch.is_autocast_enabled("cpu")
        precision = torch.get_autocast_dtype("cpu") if lower else self.weight.dtype
        return applied(_Normed, hidden, self.weight, self.variance_epsilon, precision)


class _Normed(torch.autograd.Function):
    """Keeps its input, which the residual holds anyway, and not what it has divided."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, epsilon: float, precision: torch.dtype) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            values = hidden.float()
            scale = (values.square().mean(-1, keepdim=True) + epsilon).rsqrt_()
            ctx.save_for_backward(hidden, weight, scale)
            return (values * scale).mul_(weight).to(precision)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, weight, scale = ctx.saved_tensors
        by_hidden, by_weight = None, None
        values = hidden.float() * scale
        if ctx.needs_input_grad[1]:
            by_weight = (gradient * values).flatten(0, -2).sum(0).to(weight.dtype)
        if ctx.needs_input_grad[0]:
            scaled = gradient.float() * weight
            # What is left of it at right angles to the values: along them the norm changes nothing.
            along = (scaled * values).mean(-1, keepdim=True)
            by_hidden = scaled.sub_(values.mul_(along)).mul_(scale).to(hidden.dtype)
        return by_hidden, by_weight, None, None


class _Gelu(nn.Module):
    def forward(self, hidden: Tensor) -> Tensor:
        """The approximation by tanh, as NewGELUActivation spells it out."""
        if hidden.device.type != "cpu":
            return cast(Tensor, super().forward(hidden))
        return functional.gelu(hidden, approximate="tanh")


class _Dropout(nn.Module):
    p: float

    def forward(self, hidden: Tensor) -> Tensor:
        """Dropout by fewer random bits."""
        return dropout(hidden, self.p) if self.training else hidden


def dropout(hidden: Tensor, rate: float) -> Tensor:
    """A share `rate` of the values set to 0, to the nearest 1/65536, and the others scaled up to the same mean."""
    if rate == 0.0 or hidden.device.type != "cpu":
        return functional.dropout(hidden, rate)
    dropped = min(max(round(rate * STEPS), 0), STEPS - 1)
    bits = torch.empty(-(-hidden.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    # 0 up to the least that stays, 1 from there on; comparisons, which give bools, are several times slower.
    least = dropped - STEPS // 2
    kept = bits[: hidden.numel()].clamp_(least - 1, least).sub_(least - 1).to(torch.int8).view(hidden.shape)
    return applied(_Kept, hidden, kept, STEPS / (STEPS - dropped))


class _Kept(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, kept: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.scale = scale
        return torch.mul(hidden, kept).mul_(scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        return torch.mul(gradient, kept).mul_(ctx.scale), None, None


def attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    position_bias: Tensor | None = None,
    **named: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention of [B, H, T, D] as Transformers calls it; where there is dropout, with ours.

    PyTorch's own has no fast kernel with dropout on a processor, and draws its numbers one at a time.
    """
    if dropout == 0.0 or query.device.type != "cpu" or position_bias is None:
        settings = {"dropout": dropout, "scaling": scaling, "position_bias": position_bias, **named}
        return pytorch_attention(module, query, key, value, attention_mask, **settings)
    from transformers.integrations.sdpa_attention import create_position_bias_mask

    bias = create_position_bias_mask(position_bias, attention_mask, module.is_causal, query, key)
    scores = torch.matmul(query, key.transpose(2, 3))
    if scaling is not None and scaling != 1.0:
        scores = scores * scaling
    weights = torch.softmax(scores + bias, dim=-1, dtype=torch.float32)
    weights = _dropped(weights, dropout).to(value.dtype)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


def pytorch_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **settings: Any
) -> tuple[Tensor, None]:
    """PyTorch's own attention, as Transformers calls it."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    mixed: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    return mixed


_dropped = dropout


def applied(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """What the function gives of its arguments; torch has no types for this call."""
    return cast(Callable[..., Tensor], function.apply)(*arguments)


def register_attention(name: str, function: Callable[..., tuple[Tensor, None]]) -> None:
    """Make an attention known to Transformers, with the masks of PyTorch's own."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(name, function)
    ALL_MASK_ATTENTION_FUNCTIONS.register(name, sdpa_mask)
