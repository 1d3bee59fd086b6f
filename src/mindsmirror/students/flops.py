"""What a batch makes a model compute, and what that costs in floating-point operations (FLOPs).

A student counts the `Work` of a batch: tokens through each component of the model, and pairs of tokens that attention
compares. A model needs a number of FLOPs for each unit of them (`UnitFlops`). The two are kept apart, so that a plan
can be counted before it is trained, and for full fine-tuning as well as for LoRA.

The formula, for one training step (forward and backward):

    FLOPs = sum over components of  c * its matrix parameters * tokens through it
          + c * head parameters * predicted tokens
          + 12 * attention width * pairs, summed over layers

c is 6 for a matrix that is trained: 2 for a multiplication and an addition forward, 2 for the gradient of its input, 2
for its own gradient (Kaplan et al., 2020, arXiv 2001.08361, §2.1). A frozen matrix has no gradient of its own, so c is
4: under LoRA that is all of the student but the adapters. Attention's 12 are 3 times 4: scores and their mix of values,
forward and twice backward (Hoffmann et al., 2022, arXiv 2203.15556, appendix F, without the softmax).

Counted is what the mathematics needs. Not counted, as in both papers or because it is small: looking up embeddings,
norms, biases, activations, softmaxes, the optimizer, padding and masked-out pairs, validation. A student's first
layer is counted like the others, though frozen embeddings would spare it the gradient of its input. A mixture of
experts is counted as if every token went through every expert.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from torch import nn

TRAINED, FROZEN = 6, 4
ATTENTION = 12
CROSS_ATTENTION = ("EncDecAttention", "encoder_attn", "crossattention")
"""What Transformers calls the attention from decoder to encoder: T5, Bart and its kin, BERT as a decoder."""
KEYS_AND_VALUES = frozenset({"k", "v", "k_proj", "v_proj", "key", "value"})


class Component(StrEnum):
    """What work is counted in."""

    ENCODER = "encoder"
    """Tokens through the encoder: each distinct source of a batch once."""
    DECODER = "decoder"
    """Tokens through the decoder, which a decoder-only model is as a whole: shared beginnings once."""
    CROSSING = "crossing"
    """Source tokens that become keys and values for a decoder; each row needs its own."""
    HEAD = "head"
    """Places at which the vocabulary's logits are computed: only those that predict a token."""
    ENCODER_PAIRS = "encoder pairs"
    DECODER_PAIRS = "decoder pairs"
    NEAR_PAIRS = "near pairs"
    """Pairs in a layer with a sliding window."""
    CROSSING_PAIRS = "crossing pairs"


Work = Counter[Component]
"""How much a batch computes in each component; pairs are those of one layer."""

UnitFlops = Mapping[Component, int]
"""FLOPs of one unit (a token or a pair) of each component, forward and backward."""


def computed_tokens(work: Work) -> int:
    """Tokens that go through the model: shared ones once, padding never."""
    return work[Component.ENCODER] + work[Component.DECODER]


def training_flops(work: Work, unit_flops: UnitFlops) -> int:
    """FLOPs of learning from that work once; see the formula above."""
    return sum(unit_flops[component] * amount for component, amount in work.items() if amount)


def generation_flops(
    units: UnitFlops, encodes: bool, read: Sequence[int], written: Sequence[int], samples: int = 1
) -> int:
    """FLOPs of reading sources of so many tokens and writing so many tokens after each, over all `samples` of it.

    Forward only: 2 for each matrix parameter that a token goes through, 4 times the attention's width for each pair.
    A source is read once for all of its samples, which are taken to be of equal length. `units` are those of a frozen
    model; `encodes`: it is an encoder-decoder.
    """
    work: Work = Counter()
    for source, text in zip(read, written, strict=True):
        each = text / samples
        before = 0 if encodes else source
        work[Component.ENCODER if encodes else Component.DECODER] += source
        work[Component.ENCODER_PAIRS if encodes else Component.DECODER_PAIRS] += source * (source + 1) // 2
        work[Component.DECODER] += text
        work[Component.DECODER_PAIRS] += round(samples * each * (before + (each + 1) / 2))
        work[Component.HEAD] += text
        if encodes:
            work[Component.CROSSING] += source
            work[Component.CROSSING_PAIRS] += text * source
    return forward_flops(work, units)


def forward_flops(work: Work, units: UnitFlops) -> int:
    """FLOPs of computing that work once without learning; `units` are those of a frozen model."""
    # A frozen matrix costs 4 in training, 2 of them forward; attention 12 and 4.
    return sum(
        units[component] * amount // (3 if component.value.endswith("pairs") else 2)
        for component, amount in work.items()
    )


def unit_flops_of(model: Any, *, frozen: bool = False) -> UnitFlops:
    """The FLOPs of each unit, of a model as it is about to be trained, with its adapter if it has one.

    `frozen`: as if none of its weights were trained.
    """
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = core.config.get_text_config()
    found: Counter[Component] = Counter(dict.fromkeys(Component, 0))
    head = core.get_output_embeddings().weight
    found[Component.HEAD] = _flops(head, frozen)
    looked_up = {id(value) for module in core.modules() if isinstance(module, nn.Embedding) for value in _own(module)}
    encoder = {id(value) for value in core.get_encoder().parameters()} if core.config.is_encoder_decoder else set()
    for name, value in core.named_parameters():
        if value.dim() >= 2 and value is not head and id(value) not in looked_up:
            found[_component(name, id(value) in encoder)] += _flops(value, frozen)
    layers = config.num_hidden_layers
    near = windowed_layers(config)
    width = ATTENTION * attention_width(config)
    if core.config.is_encoder_decoder:
        decoders = getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", layers)
        found[Component.ENCODER_PAIRS] = width * layers
        found[Component.DECODER_PAIRS] = found[Component.CROSSING_PAIRS] = width * decoders
    else:
        found[Component.DECODER_PAIRS] = width * (layers - near)
        found[Component.NEAR_PAIRS] = width * near
    return found


def attention_width(config: Any) -> int:
    """Width of all heads of a layer together: what a query is compared in, and a value is mixed in."""
    heads: int = config.num_attention_heads
    one: int = getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or config.hidden_size // heads
    return heads * one


def windowed_layers(config: Any) -> int:
    """Layers of a decoder-only model in which a token sees only its `sliding_window` nearest."""
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return sum(kind == "sliding_attention" for kind in kinds)
    windowed = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    layers: int = config.num_hidden_layers if windowed else 0
    return layers


def _own(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _component(name: str, encoder: bool) -> Component:
    if encoder:
        return Component.ENCODER
    crossing = any(attention in name for attention in CROSS_ATTENTION) and KEYS_AND_VALUES & set(name.split("."))
    return Component.CROSSING if crossing else Component.DECODER


def _flops(value: nn.Parameter, frozen: bool) -> int:
    return value.numel() * (TRAINED if value.requires_grad and not frozen else FROZEN)
