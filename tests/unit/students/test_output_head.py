"""The output head is given only what predicts, and what it would be given can be had without it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from mindsmirror.students.output_head import selected_logits, selected_states
from mindsmirror.students.probe import head_is_plain

Folder = Callable[..., Path]


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
