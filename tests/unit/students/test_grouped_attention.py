"""Attention with a key for several heads gives PyTorch's values and gradients."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from mindsmirror.students.grouped_attention import attention, grouped_attention


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 3),
    kinds=st.integers(1, 3),
    shared=st.integers(1, 4),
    length=st.integers(1, 5),
    before=st.integers(0, 9),
    masked=st.sampled_from(["nothing", "bool", "float"]),
    scaling=st.sampled_from([None, 0.3]),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_those_of_pytorch(
    rows: int, kinds: int, shared: int, length: int, before: int, masked: str, scaling: float | None, seed: int
) -> None:
    made = torch.Generator().manual_seed(seed)
    seen = before + length

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=made, dtype=torch.float64)

    query, key, value = drawn(rows, kinds * shared, length, 8), drawn(rows, kinds, seen, 8), drawn(rows, kinds, seen, 8)
    causal = torch.ones((length, seen), dtype=torch.bool).tril(before)
    padded = torch.rand((rows, 1, 1, seen), generator=made) < 0.7
    shown = causal & (padded | torch.eye(length, seen, dtype=torch.bool).roll(before, 1))
    mask = shown if masked == "bool" else torch.where(shown, 0.0, -1e9).double()
    # Without a mask, PyTorch takes the first query for the first key's; ours stands at the end.
    given_mask, plain_mask = (None, causal[None, None]) if masked == "nothing" else (mask, mask)
    module = SimpleNamespace(num_key_value_groups=shared, is_causal=True)
    found, expected = (
        [tensor.clone().requires_grad_() for tensor in (query, key, value)],
        [tensor.clone().requires_grad_() for tensor in (query, key, value)],
    )
    mixed, _ = attention(module, found[0], found[1], found[2], given_mask, scaling=scaling)
    plain, _ = sdpa_attention_forward(module, *expected, plain_mask, scaling=scaling)
    assert mixed.shape == plain.shape
    torch.testing.assert_close(mixed, plain, rtol=1e-5, atol=1e-6)
    direction = drawn(*mixed.shape)
    torch.autograd.backward((mixed * direction).sum())
    torch.autograd.backward((plain * direction).sum())
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_a_model_attends_in_this_way_only_inside(kind: str, tiny_folder: Callable[..., Path]) -> None:
    model = tiny.load(tiny_folder(kind)).model.eval()
    before = model.config.get_text_config()._attn_implementation
    tokens = torch.arange(3, 19).reshape(2, 8)
    with torch.inference_mode():
        expected = model(input_ids=tokens).logits
        with grouped_attention(model):
            inside = model.config.get_text_config()._attn_implementation
            found = model(input_ids=tokens).logits
    assert model.config.get_text_config()._attn_implementation == before
    assert (inside == "cpu_grouped") is (before == "sdpa")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
