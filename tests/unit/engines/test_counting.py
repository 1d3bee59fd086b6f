"""Without its tokenizer a text has bounds, and a server's report counts between them."""

import tempfile
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mindsmirror.engines.base import Message
from mindsmirror.engines.counting import (
    LARGEST,
    MARGIN,
    SURE_AFTER,
    Ratio,
    counted,
    least_read,
    most_read,
    proven,
    size,
)

COUNTS = st.none() | st.integers(0, 10**40)


@given(st.text(st.characters(), max_size=400))
@example("\ud83d half an emoji")
def test_a_text_has_at_least_and_at_most_so_many_tokens(text: str) -> None:
    assert (text == "") == (proven(text) == 0)
    assert proven(text) <= size(text)
    assert least_read([Message("user", text)]) <= proven(text) <= most_read([Message("user", text)])


@pytest.mark.parametrize(
    "text", ["The answer is 42.\n" * 30, "答案是四十二。" * 30, "x = (a + b)\n        return x\n" * 20]
)
def test_tokenizers_that_are_here_keep_to_the_bounds(text: str) -> None:
    from tokenizers import ByteLevelBPETokenizer

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as corpus:
        corpus.write("The answer is forty-two, as x = (a + b) says. 答案是四十二。\n" * 50)
        corpus.flush()
        for vocabulary in (260, 400, 2000):
            tokenizer = ByteLevelBPETokenizer()
            tokenizer.train([corpus.name], vocab_size=vocabulary)
            assert proven(text) <= len(tokenizer.encode(text).ids) <= size(text)


@given(COUNTS, st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_counts_is_never_less_than_proven_and_never_more_than_possible(
    said: int | None, least: int, most: int
) -> None:
    found, guessed = counted(said, least, most)
    assert least <= found <= max(least, most, LARGEST)
    assert guessed == (found != said)
    if said is not None and least <= said <= most:
        assert found == said and not guessed
    if said is None or said < least:
        assert found == max(least, most)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 5000)), max_size=20), st.integers(0, 5000))
def test_a_ratio_is_learnt_upwards_at_once_and_downwards_only_when_it_is_sure(
    reports: list[tuple[int, int]], bound: int
) -> None:
    ratio = Ratio()
    assert ratio.of(bound) == bound and not ratio.heard
    for said, of in reports:
        ratio.learn(said, of)
    largest = max((said / of for said, of in reports), default=0.0)
    assert ratio.heard == bool(reports)
    share = largest * MARGIN if len(reports) >= SURE_AFTER else max(1.0, largest * MARGIN)
    assert bound * share <= ratio.of(bound) + 1e-6 * bound and ratio.of(bound) <= bound * share + 1


@pytest.mark.parametrize("letters_a_token", [0.7, 1.0, 3.0, 4.5, 9.0])
def test_servers_of_any_ratio_are_bounded_once_they_have_reported(letters_a_token: float) -> None:
    ratio = Ratio()
    reported: Callable[[str], int] = lambda text: round(len(text) / letters_a_token)  # noqa: E731
    for number in range(20):
        text = "word " * (40 + 37 * number % 90)
        bound = most_read([Message("user", text)])
        assert number == 0 or reported(text) <= ratio.of(bound)
        ratio.learn(reported(text), bound)
    text = "word " * 100
    assert ratio.of(most_read([Message("user", text)])) <= 2 * max(reported(text), 60)
