"""Which tokens are key: by hand, and against the shortest edits that a search over all of them finds."""

from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.training.objectives.edit_mask import key_tokens


def key(text: str, other: str) -> str:
    """The words of `text` that are key, with a dot for each that is not."""
    words: dict[str, int] = {}
    texts = [[words.setdefault(word, len(words)) for word in each.split()] for each in (text, other)]
    found = key_tokens(*texts)
    return " ".join(word if flag else "." for word, flag in zip(text.split(), found, strict=True))


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("3 + 4 = 7 so 7", "3 + 4 = 8 so 8", ". . . . 7 . 7"),
        ("3 + 4 = 8 so 8", "3 + 4 = 7 so 7", ". . . . 8 . 8"),
        ("a b c", "a b c", ". . ."),
        ("a b c d", "a d", ". b c ."),
        ("a d", "a b c d", ". ."),
        ("a b", "c d", "a b"),
        ("a b", "", "a b"),
        ("", "a b", ""),
        ("x a b c", "a b c", "x . . ."),
        # The common beginning is set aside, so it is the second of the two that is deleted.
        ("a a b", "a b", ". a ."),
    ],
)
def test_by_hand(text: str, other: str, expected: str) -> None:
    assert key(text, other) == expected


@cache
def distance(text: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Levenshtein's, by its definition."""
    if not text or not other:
        return len(text) + len(other)
    if text[0] == other[0]:
        return distance(text[1:], other[1:])
    return 1 + min(distance(text[1:], other), distance(text, other[1:]), distance(text[1:], other[1:]))


Text = st.lists(st.integers(0, 3), max_size=8)


@given(Text, Text)
def test_what_is_left_is_kept_by_a_shortest_edit(text: Sequence[int], other: Sequence[int]) -> None:
    """The tokens that are not key stand in the other text in their order, and the edit touches no more than it must."""
    flags = key_tokens(text, other)
    kept = [token for token, flag in zip(text, flags, strict=True) if not flag]
    left = iter(other)
    assert all(token in left for token in kept)
    shortest = distance(tuple(text), tuple(other))
    assert max(sum(flags), len(other) - len(kept)) <= shortest <= sum(flags) + len(other) - len(kept)


@given(Text, Text)
def test_both_sides_keep_as_many(text: Sequence[int], other: Sequence[int]) -> None:
    here, there = key_tokens(text, other), key_tokens(other, text)
    assert len(here) == len(text)
    assert (sum(here) == 0) == (here.count(False) == len(text))
    shortest = distance(tuple(text), tuple(other))
    assert sum(here) <= shortest and sum(there) <= shortest
