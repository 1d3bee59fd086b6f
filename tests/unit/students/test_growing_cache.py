"""Keys and values that grow in place are those that Transformers would have concatenated."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from mindsmirror.students import growing_cache as growing
from mindsmirror.students.growing_cache import GrowingLayer, growing_cache

STEPS = st.lists(
    st.one_of(
        st.integers(1, 3).map(lambda count: ("add", count)),
        st.just(("add", 1)),
        st.lists(st.integers(0, 3), min_size=1, max_size=5).map(lambda rows: ("rows", rows)),
        st.just(("fork", 0)),
        st.just(("learn", 1)),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(steps=STEPS, room=st.integers(1, 4))
def test_whatever_is_done_to_a_layer_it_holds_what_the_plain_one_holds(
    steps: list[tuple[str, int | list[int]]], room: int
) -> None:
    made = torch.Generator().manual_seed(1)
    pairs: list[tuple[DynamicLayer, DynamicLayer]] = [(GrowingLayer(), DynamicLayer())]
    with pytest.MonkeyPatch.context() as patched, torch.no_grad():
        patched.setattr(growing, "ROOM", room)
        for turn, (what, how) in enumerate([("add", 2), *steps]):
            # Copies take turns, so that each would overwrite what another wrote into a room that they shared.
            ours, plain = pairs[turn % len(pairs)]
            rows = len(plain.keys) if plain.is_initialized else 2
            if isinstance(how, list):
                chosen = torch.tensor([row % rows for row in how])
                ours.reorder_cache(chosen)
                plain.reorder_cache(chosen)
            elif what == "fork":
                pairs.append((copy.copy(ours), copy.copy(plain)))
            else:
                new = torch.randn((2, rows, 2, how, 3), generator=made)
                with torch.set_grad_enabled(what == "learn"):
                    found, expected = ours.update(*new), plain.update(*new)
                assert all(torch.equal(*both) for both in zip(found, expected, strict=True))
            for mine, theirs in pairs:
                assert torch.equal(mine.keys, theirs.keys) and torch.equal(mine.values, theirs.values)


def test_a_token_is_written_behind_the_others_and_nothing_is_copied() -> None:
    layer = GrowingLayer()
    with torch.inference_mode():
        layer.update(*torch.zeros((2, 1, 1, 5, 2)))
        places = [layer.update(*torch.ones((2, 1, 1, 1, 2)))[0].data_ptr() for _ in range(growing.ROOM + 1)]
    assert len(set(places[:-1])) == 1 and places[-1] != places[0]
    assert layer.keys.shape == (1, 1, 5 + growing.ROOM + 1, 2)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_a_model_that_writes_reads_the_same(kind: str, tiny_folder: Callable[..., Path]) -> None:
    model = tiny.load(tiny_folder(kind)).model.eval()

    def written(cache: DynamicCache) -> list[Tensor]:
        logits, tokens = [], torch.arange(3, 13).reshape(2, 5)
        for _ in range(12):
            out = model(input_ids=tokens, past_key_values=cache, use_cache=True).logits[:, -1]
            logits.append(out)
            tokens = out.argmax(-1)[:, None]
        return logits

    with torch.inference_mode():
        found, expected = written(growing_cache(model)), written(DynamicCache(config=model.config))
    assert all(torch.allclose(*both, rtol=1e-5, atol=1e-5) for both in zip(found, expected, strict=True))
