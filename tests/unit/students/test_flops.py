"""What a batch computes and what it costs, against PyTorch's own count of the operations that were done."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.flops import Component, Work, attention_width, computed_tokens, training_flops, unit_flops_of
from mindsmirror.students.load import with_adapter

Folder = Callable[..., Path]
FAMILY = (
    TokenisedTarget("q", Tag.PREDICT, (7, 8, 9, 10, 11, 12), (20, 1)),
    TokenisedTarget("q", Tag.EXPLAIN, (7, 8, 9, 10, 13, 12), (21, 22, 23, 24, 25, 1)),
    TokenisedTarget("q", Tag.EXPLAIN, (7, 8, 9, 10, 13, 12), (21, 22, 30, 31, 32, 1)),
)
"""Four tokens of the question are shared by all, two tokens of the source and two of the target by two rows."""


def counted(student: tiny.AnyStudent, model: Any, families: Sequence[Sequence[TokenisedTarget]]) -> int:
    """What PyTorch did, forward and backward, with attention as plain matrix products."""
    batch = student.collate(families)
    batch["expected"] = torch.ones(len(batch["target"]))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        torch.autograd.backward(student.losses(model, batch).sum())
    return int(counter.get_total_flops())


def all_pairs(student: tiny.AnyStudent, work: Work) -> Work:
    """The same work with the pairs that are masked, too, which plain matrix products compute."""
    whole = Work(work)
    if isinstance(student, CausalStudent):
        whole[Component.DECODER_PAIRS] = work[Component.DECODER] ** 2
    else:
        # Two trees, the label's padded to the length of the rationales', of two sources of one length.
        whole[Component.DECODER] = 2 * 9
        whole[Component.DECODER_PAIRS] = 2 * 9 * 9
        whole[Component.CROSSING_PAIRS] = 2 * 6 * 9
    return whole


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "t5"])
def test_the_formula_is_what_pytorch_does(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    work = student.work([FAMILY])
    expected = training_flops(all_pairs(student, work), unit_flops_of(student.model))
    assert counted(student, student.model, [FAMILY]) == expected
    assert training_flops(work, unit_flops_of(student.model)) < expected


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_under_lora_frozen_matrices_have_no_gradient_of_their_own(kind: str, tiny_folder: Folder) -> None:
    """To the gradients of what the first layers read, which nothing below them needs, and which are priced."""
    student = tiny.load(tiny_folder(kind))
    whole = unit_flops_of(student.model)
    model = with_adapter(student.model, StudentConfig(model="x", adapter="lora", lora_rank=4))
    prices = unit_flops_of(model)
    work = student.work([FAMILY])
    expected = training_flops(all_pairs(student, work), prices)
    found = counted(student, model, [FAMILY])
    assert 0.85 * expected < found <= expected
    assert prices[Component.HEAD] * 6 == whole[Component.HEAD] * 4
    assert prices[Component.DECODER_PAIRS] == whole[Component.DECODER_PAIRS]
    adapter = sum(value.numel() for name, value in model.named_parameters() if "lora_" in name)
    matrices = (Component.ENCODER, Component.DECODER, Component.CROSSING)
    assert sum(prices[part] for part in matrices) * 6 == sum(whole[part] for part in matrices) * 4 + 36 * adapter


def test_prices_of_a_decoder_by_hand(tiny_folder: Folder) -> None:
    """Llama of 2 layers, width 32, 4 heads of 8, 2 of them for keys and values, 48 in the middle; its head is tied."""
    model = tiny.load(tiny_folder("llama")).model
    layer = 32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48
    prices = unit_flops_of(model)
    assert prices[Component.DECODER] == 6 * 2 * layer
    assert prices[Component.HEAD] == 6 * 32 * model.config.vocab_size
    assert prices[Component.DECODER_PAIRS] == 12 * 32 * 2
    assert prices[Component.ENCODER] == prices[Component.CROSSING] == prices[Component.NEAR_PAIRS] == 0


def test_prices_of_an_encoder_decoder_by_hand(tiny_folder: Folder) -> None:
    """T5 of 2 and 2 layers, width 32, 4 heads of 8, two matrices into 48 and one back."""
    model = tiny.load(tiny_folder("t5")).model
    attention, middle = 4 * 32 * 32, 3 * 32 * 48
    prices = unit_flops_of(model)
    assert prices[Component.ENCODER] == 6 * 2 * (attention + middle)
    assert prices[Component.CROSSING] == 6 * 2 * (attention // 2)
    assert prices[Component.DECODER] == 6 * 2 * (attention + attention // 2 + middle)
    assert prices[Component.HEAD] == 6 * 32 * model.config.vocab_size
    pairs = [prices[part] for part in (Component.ENCODER_PAIRS, Component.DECODER_PAIRS, Component.CROSSING_PAIRS)]
    assert pairs == [12 * 32 * 2] * 3


def test_a_tree_is_counted_as_it_is_computed(tiny_folder: Folder) -> None:
    """Root to leaf: 4 shared, then 2 + 1 nodes for the label, and 2 + 2 + 3 + 3 for both rationales."""
    student = tiny.load(tiny_folder("llama"))
    work = student.work([FAMILY])
    assert work[Component.DECODER] == computed_tokens(work) == 4 + 3 + 4 + 6 == student.size(FAMILY)
    assert work[Component.HEAD] == 2 + (2 + 4 + 4) == len(student.collate([FAMILY])["target"])
    seen = [1, 2, 3, 4, *(5, 6, 7), *(5, 6, 7, 8), *(9, 10, 11) * 2]
    assert work[Component.DECODER_PAIRS] == sum(seen) == int(student.collate([FAMILY])["mask"].sum())


@pytest.mark.parametrize("kind", ["gemma3", "mistral"])
def test_a_sliding_window_compares_fewer(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    row = TokenisedTarget("q", Tag.EXPLAIN, tuple(range(5, 5 + 2 * tiny.WINDOW)), (5, 1))
    work = student.work([[row]])
    length = 2 * tiny.WINDOW + 1
    assert work[Component.DECODER_PAIRS] == length * (length + 1) // 2
    assert work[Component.NEAR_PAIRS] == sum(min(place, tiny.WINDOW) for place in range(1, length + 1))
    prices = unit_flops_of(student.model)
    one = 12 * attention_width(student.model.config)
    layers = (1, 1) if kind == "gemma3" else (0, 2)
    assert (prices[Component.DECODER_PAIRS], prices[Component.NEAR_PAIRS]) == (one * layers[0], one * layers[1])


def test_an_encoder_reads_a_source_once_and_every_tree_crosses_to_it(tiny_folder: Folder) -> None:
    """The label's two nodes, and of both rationales three that they share and three each."""
    student = tiny.load(tiny_folder("t5"))
    work = student.work([FAMILY])
    assert work == {
        Component.ENCODER: 2 * 6,
        Component.DECODER: 2 + 9,
        Component.CROSSING: 2 * 6,
        Component.HEAD: 2 + 2 + 4 + 4,
        Component.ENCODER_PAIRS: 2 * 36,
        Component.DECODER_PAIRS: (1 + 2) + (1 + 2 + 3) + 2 * (4 + 5 + 6),
        Component.CROSSING_PAIRS: 6 * 11,
    }
    assert computed_tokens(work) == student.size(FAMILY) == 12 + 11
    assert work[Component.HEAD] == len(student.collate([FAMILY])["target"])
