"""Packed examples are those that were put in, whatever they hold."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Example
from mindsmirror.tasks.packed import Packed

TEXTS = st.text(st.characters(exclude_categories=()))
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
EXAMPLES = st.builds(
    Example,
    id=TEXTS,
    text=TEXTS,
    choices=st.dictionaries(st.sampled_from("abc"), TEXTS, max_size=3),
    gold=st.none() | TEXTS,
    extra=st.dictionaries(TEXTS, VALUES, max_size=2),
)


@given(st.lists(EXAMPLES, max_size=6), st.slices(6))
def test_what_comes_out_is_what_went_in(examples: list[Example], part: slice) -> None:
    packed = Packed(examples)
    assert list(packed) == examples and len(packed) == len(examples)
    assert list(packed[part]) == examples[part]
    assert [packed[index - len(examples)] for index in range(len(examples))] == examples
    assert packed == Packed(examples) and (packed == Packed(examples[1:])) == (not examples)


def test_there_is_nothing_beyond_the_last() -> None:
    packed = Packed([Example(id="a", text="q")])
    with pytest.raises(IndexError):
        packed[1]
    with pytest.raises(IndexError):
        packed[-2]


def test_a_thousand_take_less_than_a_third_of_what_they_do_as_objects() -> None:
    def made() -> list[Example]:
        return [
            Example(id=f"q{n}", text=f"What is {n} + {n} in the end, all told?", gold=str(2 * n)) for n in range(1000)
        ]

    def size(hold: Any) -> int:
        tracemalloc.start()
        held = hold()
        found = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(held) == 1000
        return found

    assert size(lambda: Packed(made())) < size(made) / 3
