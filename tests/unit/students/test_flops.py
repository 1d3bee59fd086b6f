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
from mindsmirror.students.base import Row
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.flops import Part, Work, attention_width, computed_tokens, prices_of, training_flops
from mindsmirror.students.load import with_adapter

Folder = Callable[..., Path]
FAMILY = (
    Row("q", Tag.PREDICT, (7, 8, 9, 10, 11, 12), (20, 1)),
    Row("q", Tag.EXPLAIN, (7, 8, 9, 10, 13, 12), (21, 22, 23, 24, 25, 1)),
    Row("q", Tag.EXPLAIN, (7, 8, 9, 10, 13, 12), (21, 22, 30, 31, 32, 1)),
)
"""Four tokens of the question are shared by all, two tokens of the source and two of the target by two rows."""


def counted(student: tiny.AnyStudent, model: Any, families: Sequence[Sequence[Row]]) -> int:
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
        whole[Part.DECODER_PAIRS] = work[Part.DECODER] ** 2
    else:
        # Two trees, the label's padded to the length of the rationales', of two sources of one length.
        whole[Part.DECODER] = 2 * 9
        whole[Part.DECODER_PAIRS] = 2 * 9 * 9
        whole[Part.CROSSING_PAIRS] = 2 * 6 * 9
    return whole


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "t5"])
def test_the_formula_is_what_pytorch_does(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    work = student.work([FAMILY])
    expected = training_flops(all_pairs(student, work), prices_of(student.model))
    assert counted(student, student.model, [FAMILY]) == expected
    assert training_flops(work, prices_of(student.model)) < expected


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_under_lora_frozen_matrices_have_no_gradient_of_their_own(kind: str, tiny_folder: Folder) -> None:
    """To the gradients of what the first layers read, which nothing below them needs, and which are priced."""
    student = tiny.load(tiny_folder(kind))
    whole = prices_of(student.model)
    model = with_adapter(student.model, StudentConfig(model="x", adapter="lora", lora_rank=4))
    prices = prices_of(model)
    work = student.work([FAMILY])
    expected = training_flops(all_pairs(student, work), prices)
    found = counted(student, model, [FAMILY])
    assert 0.85 * expected < found <= expected
    assert prices[Part.HEAD] * 6 == whole[Part.HEAD] * 4
    assert prices[Part.DECODER_PAIRS] == whole[Part.DECODER_PAIRS]
    adapter = sum(value.numel() for name, value in model.named_parameters() if "lora_" in name)
    matrices = (Part.ENCODER, Part.DECODER, Part.CROSSING)
    assert sum(prices[part] for part in matrices) * 6 == sum(whole[part] for part in matrices) * 4 + 36 * adapter


def test_prices_of_a_decoder_by_hand(tiny_folder: Folder) -> None:
    """Llama of 2 layers, width 32, 4 heads of 8, 2 of them for keys and values, 48 in the middle; its head is tied."""
    model = tiny.load(tiny_folder("llama")).model
    layer = 32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48
    prices = prices_of(model)
    assert prices[Part.DECODER] == 6 * 2 * layer
    assert prices[Part.HEAD] == 6 * 32 * model.config.vocab_size
    assert prices[Part.DECODER_PAIRS] == 12 * 32 * 2
    assert prices[Part.ENCODER] == prices[Part.CROSSING] == prices[Part.NEAR_PAIRS] == 0


def test_prices_of_an_encoder_decoder_by_hand(tiny_folder: Folder) -> None:
    """T5 of 2 and 2 layers, width 32, 4 heads of 8, two matrices into 48 and one back."""
    model = tiny.load(tiny_folder("t5")).model
    attention, middle = 4 * 32 * 32, 3 * 32 * 48
    prices = prices_of(model)
    assert prices[Part.ENCODER] == 6 * 2 * (attention + middle)
    assert prices[Part.CROSSING] == 6 * 2 * (attention // 2)
    assert prices[Part.DECODER] == 6 * 2 * (attention + attention // 2 + middle)
    assert prices[Part.HEAD] == 6 * 32 * model.config.vocab_size
    pairs = [prices[part] for part in (Part.ENCODER_PAIRS, Part.DECODER_PAIRS, Part.CROSSING_PAIRS)]
    assert pairs == [12 * 32 * 2] * 3


def test_a_tree_is_counted_as_it_is_computed(tiny_folder: Folder) -> None:
    """Root to leaf: 4 shared, then 2 + 1 nodes for the label, and 2 + 2 + 3 + 3 for both rationales."""
    student = tiny.load(tiny_folder("llama"))
    work = student.work([FAMILY])
    assert work[Part.DECODER] == computed_tokens(work) == 4 + 3 + 4 + 6 == student.size(FAMILY)
    assert work[Part.HEAD] == 2 + (2 + 4 + 4) == len(student.collate([FAMILY])["target"])
    seen = [1, 2, 3, 4, *(5, 6, 7), *(5, 6, 7, 8), *(9, 10, 11) * 2]
    assert work[Part.DECODER_PAIRS] == sum(seen) == int(student.collate([FAMILY])["mask"].sum())


@pytest.mark.parametrize("kind", ["gemma3", "mistral"])
def test_a_sliding_window_compares_fewer(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    row = Row("q", Tag.EXPLAIN, tuple(range(5, 5 + 2 * tiny.WINDOW)), (5, 1))
    work = student.work([[row]])
    length = 2 * tiny.WINDOW + 1
    assert work[Part.DECODER_PAIRS] == length * (length + 1) // 2
    assert work[Part.NEAR_PAIRS] == sum(min(place, tiny.WINDOW) for place in range(1, length + 1))
    prices = prices_of(student.model)
    one = 12 * attention_width(student.model.config)
    layers = (1, 1) if kind == "gemma3" else (0, 2)
    assert (prices[Part.DECODER_PAIRS], prices[Part.NEAR_PAIRS]) == (one * layers[0], one * layers[1])


def test_an_encoder_reads_a_source_once_and_every_tree_crosses_to_it(tiny_folder: Folder) -> None:
    """The label's two nodes, and of both rationales three that they share and three each."""
    student = tiny.load(tiny_folder("t5"))
    work = student.work([FAMILY])
    assert work == {
        Part.ENCODER: 2 * 6,
        Part.DECODER: 2 + 9,
        Part.CROSSING: 2 * 6,
        Part.HEAD: 2 + 2 + 4 + 4,
        Part.ENCODER_PAIRS: 2 * 36,
        Part.DECODER_PAIRS: (1 + 2) + (1 + 2 + 3) + 2 * (4 + 5 + 6),
        Part.CROSSING_PAIRS: 6 * 11,
    }
    assert computed_tokens(work) == student.size(FAMILY) == 12 + 11
    assert work[Part.HEAD] == len(student.collate([FAMILY])["target"])
