"""Losses without logits: those of PyTorch's own cross-entropy, value and gradient, however they are cut."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mindsmirror.students import fused_cross_entropy
from mindsmirror.students.fused_cross_entropy import token_losses


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
