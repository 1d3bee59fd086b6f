"""Losses without logits: those of PyTorch's own cross-entropy, value and gradient, however they are cut."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mindsmirror.students import fused_cross_entropy
from mindsmirror.students.fused_cross_entropy import selected_logits, selected_states, token_losses
from mindsmirror.students.probe import head_is_plain

Folder = Callable[..., Path]


def drawn(count: int, words: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """States, weight, targets, and by what the losses are multiplied; some of it negative, some nothing."""
    torch.manual_seed(seed)
    factors = torch.randn(count)
    factors[::5] = 0.0
    states = torch.randn(count, 6, requires_grad=True)
    return states, torch.randn(words, 6, requires_grad=True), torch.randint(words, (count,)), factors


def gradients(losses: Tensor, factors: Tensor, *parameters: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad((losses * factors).sum(), parameters))


@given(st.integers(1, 40), st.integers(2, 50), st.integers(1, 8), st.sampled_from(["right", "wrong", "none"]))
def test_losses_and_gradients_are_those_of_cross_entropy(count: int, words: int, rows: int, known: str) -> None:
    """Whether the derivatives are known beforehand, are not, or come out as others."""
    states, weight, target, factors = drawn(count, words)
    expected = functional.cross_entropy(states @ weight.T, target, reduction="none")
    given = {"right": factors, "wrong": factors + 1.0, "none": None}[known]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_cross_entropy, "CHUNK_BYTES", 4 * words * rows)
        found = token_losses(states, weight, target, given)
        made = gradients(found, factors, states, weight)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for one, other in zip(made, gradients(expected, factors, states, weight), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_target_that_is_all_but_impossible_has_a_finite_loss() -> None:
    states, weight = torch.tensor([[1.0]], requires_grad=True), torch.tensor([[0.0], [500.0]])
    losses = token_losses(states, weight, torch.tensor([0]))
    assert losses.item() == pytest.approx(500.0)
    assert torch.autograd.grad(losses.sum(), states)[0].item() == pytest.approx(500.0)


def test_a_frozen_head_has_no_gradient() -> None:
    states, weight, target, factors = drawn(9, 20)
    frozen = weight.detach()
    found = token_losses(states, frozen, target, factors)
    expected = functional.cross_entropy(states @ frozen.T, target, reduction="none")
    torch.testing.assert_close(gradients(found, factors, states), gradients(expected, factors, states))


def test_under_autocast_products_are_in_bf16_and_gradients_in_fp32() -> None:
    states, weight, target, factors = drawn(30, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = token_losses(states, weight, target, factors)
        expected = functional.cross_entropy(functional.linear(states, weight).float(), target, reduction="none")
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    for one, other in zip(
        gradients(found, factors, states, weight), gradients(expected, factors, states, weight), strict=True
    ):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("kind", ["llama", "gemma3", "t5"])
def test_states_times_the_head_are_the_logits(kind: str, tiny_folder: Folder) -> None:
    model = tiny.load(tiny_folder(kind)).model
    tokens = torch.arange(5, 13).reshape(2, 4)
    inputs: dict[str, Any] = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if kind == "t5" else {})
    places = torch.tensor([6, 0, 3])
    whole = model(**inputs).logits.reshape(8, -1)[places]
    torch.testing.assert_close(selected_logits(model, places, **inputs)[0], whole)
    states = selected_states(model, places, **inputs)
    torch.testing.assert_close(states @ model.get_output_embeddings().weight.T, whole)
    torch.testing.assert_close(model(**inputs).logits.reshape(8, -1)[places], whole)


@pytest.mark.parametrize(("kind", "plain"), [("llama", True), ("t5", True), ("gpt2", True), ("gemma2", False)])
def test_whose_logits_are_the_heads_product(kind: str, plain: bool, tiny_folder: Folder) -> None:
    """Gemma 2 caps its logits."""
    assert head_is_plain(tiny.load(tiny_folder(kind)).model) is plain


def test_a_head_with_a_bias_or_an_adapter_is_not_plain(tiny_folder: Folder) -> None:
    model = tiny.load(tiny_folder("llama")).model
    own = model.lm_head
    model.lm_head = torch.nn.Linear(32, model.config.vocab_size, bias=True)
    assert not head_is_plain(model)
    model.lm_head = torch.nn.Sequential(own)
    assert not head_is_plain(model)
