"""What sources share is read once, and nothing that follows can tell."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mindsmirror.students.causal_state import CausalState, reading_work, shared_prefixes
from mindsmirror.students.flops import Component

Folder = Callable[..., Path]
TOKENS = st.integers(3, 40)


def some(least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(TOKENS, min_size=least, max_size=most)


@st.composite
def asked_about(draw: st.DrawFn) -> list[tuple[int, ...]]:
    """Sources as a judge reads them: words that all share, questions, and some rationales of each, in any order."""
    common = draw(some(0, 30))
    sources = [
        (*common, *question, *rationale)
        for question in draw(st.lists(some(0, 40), min_size=1, max_size=4))
        for rationale in draw(st.lists(some(1, 12), min_size=1, max_size=5))
    ]
    return draw(st.permutations(sources))


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@settings(max_examples=40, deadline=None)
@given(sources=asked_about(), rows=st.data())
def test_shared_beginnings_change_nothing(
    kind: str, tiny_folder: Folder, sources: list[tuple[int, ...]], rows: st.DataObject
) -> None:
    model = tiny.load(tiny_folder(kind)).model.eval()
    kept = torch.tensor(rows.draw(st.lists(st.integers(0, len(sources) - 1), min_size=1, max_size=6)))
    found: list[list[Tensor]] = []
    with torch.inference_mode():
        for share in (True, False):
            state = CausalState(model, sources, 0, share=share)
            first = state.read()
            state.keep(kept)
            found.append([first, state.step(torch.full((len(kept),), 7))])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, atol=2e-4, rtol=1e-4)


@settings(deadline=None)
@given(asked_about())
def test_what_is_counted_is_what_is_computed(sources: list[tuple[int, ...]]) -> None:
    shared = shared_prefixes(sources)
    together = [sources[0][: shared.common], *shared.heads]
    rest = [source[shared.begun(place) :] for place, source in enumerate(sources)]
    assert all(rest) and all(shared.heads)
    for place, source in enumerate(sources):
        head = shared.heads[shared.group[place]] if shared.group else ()
        assert (*sources[0][: shared.common], *head, *rest[place]) == source
    work, plain = reading_work(sources, share=True), reading_work(sources, share=False)
    assert work[Component.DECODER] == sum(map(len, together)) + sum(map(len, rest))
    # A pair for each token and each token before it, and itself; what is read once attends once.
    pairs = sum(sum(range(1, len(source) + 1)) for source in sources)
    assert plain == {Component.DECODER: sum(map(len, sources)), Component.DECODER_PAIRS: pairs}
    assert work[Component.DECODER] <= plain[Component.DECODER]


def test_rationales_of_a_question_share_it_wherever_they_stand() -> None:
    task, questions = tuple(range(100, 120)), [tuple(range(200 + 50 * q, 240 + 50 * q)) for q in range(3)]
    sources = [(*task, *questions[number % 3], number) for number in range(12)]
    shared = shared_prefixes(sources)
    assert shared.common == 0 or len(task) * 2 >= 64
    assert {len(head) + shared.common for head in shared.heads} == {60}
    assert reading_work(sources, share=True)[Component.DECODER] <= 3 * 60 + 12
