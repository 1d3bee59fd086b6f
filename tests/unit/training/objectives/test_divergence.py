"""Divergences and unlikelihoods against their definitions, in value and gradient, and by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.training.objectives import divergence as module
from mindsmirror.training.objectives.divergence import divergence
from mindsmirror.training.objectives.dynsdpb import certainty
from mindsmirror.training.objectives.edit import UNLEARN, token_losses, unlikelihood


def plain(taught: Tensor, logits: Tensor, temperature: Tensor) -> Tensor:
    """TokenisedTarget by row, as PyTorch defines it."""
    rows = [
        functional.kl_div((b / t).log_softmax(-1), (a / t).log_softmax(-1), reduction="sum", log_target=True)
        for a, b, t in zip(taught, logits, temperature, strict=True)
    ]
    return torch.stack(rows)


@pytest.mark.parametrize("tokens", [1, 7, 64, 65, 130])
def test_value_and_gradient_are_those_of_the_definition(tokens: int) -> None:
    torch.manual_seed(1)
    taught, logits = 3 * torch.randn(2, tokens, 50)
    temperature = 0.5 + 3 * torch.rand(tokens)
    weight = torch.rand(tokens)
    found, truth = (logits.clone().requires_grad_() for _ in range(2))
    ours, theirs = divergence(taught, found, temperature), plain(taught, truth, temperature)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    torch.autograd.backward([(ours * weight).sum(), (theirs * weight).sum()])
    torch.testing.assert_close(found.grad, truth.grad, rtol=1e-5, atol=1e-6)


def test_by_hand() -> None:
    """(1/2, 1/2) from (3/4, 1/4): ln(2/3)/2 + ln(2)/2."""
    taught, logits = torch.zeros(1, 2), torch.tensor([[math.log(3.0), 0.0]])
    found = divergence(taught, logits, torch.ones(1))
    assert found.item() == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert divergence(logits, logits, torch.ones(1)).item() == pytest.approx(0.0, abs=1e-7)
    assert divergence(taught[:0], logits[:0], torch.ones(0)).tolist() == []


def test_no_gradient_reaches_whoever_teaches() -> None:
    taught, logits = (torch.randn(3, 5, requires_grad=True) for _ in range(2))
    torch.autograd.backward(divergence(taught, logits, torch.ones(3)).sum())
    assert taught.grad is None and logits.grad is not None


def test_a_few_distributions_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plainly = module._divergence

    def counted(taught: Tensor, logits: Tensor, temperature: Tensor) -> Tensor:
        seen.append(len(logits))
        return plainly(taught, logits, temperature)

    monkeypatch.setattr(module, "_divergence", counted)
    logits = torch.randn(150, 5, requires_grad=True)
    torch.autograd.backward(divergence(torch.randn(150, 5), logits, torch.ones(150)).sum())
    assert sorted(seen) == [22, 22, 64, 64, 64, 64]


@given(st.floats(1e-4, 60.0))
def test_unlikelihood_is_what_it_is_called(nll: float) -> None:
    found = unlikelihood(torch.tensor([nll], dtype=torch.float64)).item()
    assert found == pytest.approx(-math.log(-math.expm1(-nll)), rel=1e-6)


def test_unlikelihood_is_bounded_and_lets_go() -> None:
    """Its gradient by the token's own logit is p: a half at even odds, none where the token is gone."""
    logits = torch.tensor([[30.0, 0.0], [0.0, 0.0], [-30.0, 0.0]], requires_grad=True)
    nll = functional.cross_entropy(logits, torch.zeros(3, dtype=torch.long), reduction="none")
    cost = unlikelihood(nll)
    assert cost.isfinite().all() and cost.max() < 14
    torch.autograd.backward(cost.sum())
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert logits.grad[1:, 0].tolist() == pytest.approx([0.5, 0.0], abs=1e-6)


def test_only_what_is_unlearnt_costs_its_unlikelihood() -> None:
    learn, unlearn = (TokenisedTarget("q", Tag.EXPLAIN, (1,), (2,), kind=kind).term for kind in (0, UNLEARN))
    nll = torch.tensor([2.0, 2.0], requires_grad=True)
    cost = token_losses(nll, torch.tensor([learn, unlearn]))
    p = math.exp(-2.0)
    assert cost.tolist() == pytest.approx([2.0, -math.log(1 - p)])
    torch.autograd.backward(cost.sum())
    assert nll.grad is not None and nll.grad.tolist() == pytest.approx([1.0, -p / (1 - p)])


def test_certainty_runs_from_none_to_all() -> None:
    """Even: u = 1, d = 0. One-hot: u = 0, d = 1. Two alike of four: u = 1/2, d = 0, so 1/4."""
    sure, low = torch.tensor([40.0, 0.0, 0.0, 0.0]), -1e4
    logits = torch.stack([torch.zeros(4), sure, torch.tensor([0.0, 0.0, low, low])])
    assert certainty(logits).tolist() == pytest.approx([0.0, 1.0, 0.25], abs=1e-5)
    many = torch.randn(200, 9)
    assert certainty(many).shape == (200,) and (certainty(many) >= 0).all() and (certainty(many) <= 1).all()
