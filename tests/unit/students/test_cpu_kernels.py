"""Fewer passes over memory, the same values: against the modules that are replaced, and dropout's distribution."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.students.cpu_kernels import dropout, use_cpu_kernels

Folder = Callable[..., Path]
WORDS = len(tiny.tokenizer(None))


def learnt(model: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss of a few tokens and every gradient."""
    tokens = torch.arange(20, 44).reshape(2, 12)
    loss = model(input_ids=tokens, labels=tokens).loss
    loss.backward()
    return loss.detach(), {name: value.grad.clone() for name, value in model.named_parameters()}


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma3", "mistral", "t5"])
def test_a_lean_model_computes_what_it_computed(kind: str) -> None:
    model, stock = tiny.model(kind, WORDS), tiny.model(kind, WORDS)
    use_cpu_kernels(model)
    loss, gradients = learnt(model)
    expected, truth = learnt(stock)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    largest = max(float(value.norm()) for value in truth.values())
    for name, value in truth.items():
        assert float((gradients[name] - value).norm()) <= 1e-5 * float(value.norm()) + 1e-7 * largest, name
    assert model.state_dict().keys() == stock.state_dict().keys()


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_under_autocast_it_is_as_near_to_fp32_as_it_was(kind: str) -> None:
    model, stock = tiny.model(kind, WORDS), tiny.model(kind, WORDS)
    use_cpu_kernels(model)
    exact, _ = learnt(tiny.model(kind, WORDS))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = learnt(model)[0], learnt(stock)[0]
    assert abs(found - exact) <= abs(expected - exact) + 0.02 * exact


def test_a_lean_t5_drops_in_attention_and_only_when_it_learns() -> None:
    model = tiny.model("t5", WORDS, dropout=0.4)
    use_cpu_kernels(model)
    tokens = torch.arange(20, 32)[None]
    model.eval()
    asked = [model(input_ids=tokens, decoder_input_ids=tokens).logits for _ in range(2)]
    stock = tiny.model("t5", WORDS, dropout=0.4).eval()(input_ids=tokens, decoder_input_ids=tokens).logits
    torch.testing.assert_close(asked[0], stock, rtol=1e-4, atol=1e-4)
    assert torch.equal(*asked)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    learning = [model(input_ids=tokens, decoder_input_ids=tokens).logits for _ in range(2)]
    assert not torch.equal(*learning), "with all other dropout off, attention still drops"
    torch.manual_seed(4)
    first = model(input_ids=tokens, decoder_input_ids=tokens).logits
    torch.manual_seed(4)
    assert torch.equal(model(input_ids=tokens, decoder_input_ids=tokens).logits, first)


@given(st.integers(1, 50), st.integers(1, 7), st.sampled_from([0.1, 0.25, 0.9]))
def test_what_stays_is_scaled_and_its_gradient_too(rows: int, columns: int, rate: float) -> None:
    values = torch.rand(rows, columns) + 1.0
    values.requires_grad_()
    torch.manual_seed(rows)
    found = dropout(values, rate)
    (gradient,) = torch.autograd.grad(found.sum(), values)
    stays = found != 0
    torch.testing.assert_close(found[stays], values[stays] / (1 - rate), rtol=1e-4, atol=0)
    assert torch.equal(gradient != 0, stays)
    torch.testing.assert_close(gradient[stays], torch.full_like(gradient[stays], 1 / (1 - rate)), rtol=1e-4, atol=0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.03])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_rate_is_kept_and_neighbours_do_not_know_of_each_other(rate: float, dtype: torch.dtype) -> None:
    """A million draws: five standard deviations. Numbers that share their 64 bits must not fall together."""
    torch.manual_seed(0)
    kept = (dropout(torch.ones(2**20, dtype=dtype), rate) != 0).float()
    spread = (rate * (1 - rate) / len(kept)) ** 0.5
    assert abs(1 - kept.mean().item() - rate) < 5 * spread
    for distance in range(1, 5):
        together = ((kept[distance:] - (1 - rate)) * (kept[:-distance] - (1 - rate))).mean().item()
        assert abs(together) < 5 * rate * (1 - rate) / len(kept) ** 0.5, distance


def test_no_dropout_is_no_dropout() -> None:
    values = torch.randn(5)
    assert torch.equal(dropout(values, 0.0), values)
