"""Lines that fit: whole figures, the preferred ones first, whatever is to be shown and however wide the terminal is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.system.terminal import brief, columns_of, figures_of, fitted, folded, headed, shortened

WORDS = st.text("abc-.", min_size=1, max_size=12)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(WORDS, st.lists(st.tuples(st.integers(0, 5), TEXTS), max_size=9), st.integers(10, 120))
def test_as_many_whole_figures_as_fit_stand_in_the_order_of_their_places(
    head: str, offers: list[tuple[int, str]], columns: int
) -> None:
    line = fitted(head, offers, columns)
    assert line == head or len(line) <= columns
    shown = line.split(", ")[1:]
    places: list[int] = []
    for figure in shown:
        later = [place for place, offered in offers if offered == figure and place > max(places, default=-1)]
        assert later, "a figure that was not offered, or not for this place"
        places.append(min(later))
    if offers and len(f"{head}, {offers[0][1]}") <= columns:
        assert any(place == offers[0][0] for place, figure in offers if figure in shown)
    without = [figure for place, figure in offers if place not in places]
    assert all(len(f"{head}, {figure}") > columns for figure in without) or shown


def test_a_later_offer_for_a_place_takes_it_where_it_fits() -> None:
    offers = [(1, "loss 1.2"), (0, "3m left"), (1, "loss 1.2 (think 1.4)")]
    assert fitted("arm: 1/9", offers, 80) == "arm: 1/9, 3m left, loss 1.2 (think 1.4)"
    assert fitted("arm: 1/9", offers, 30) == "arm: 1/9, 3m left, loss 1.2"
    assert fitted("arm: 1/9", offers, 20) == "arm: 1/9, loss 1.2"
    assert fitted("arm: 1/9", offers, 5) == "arm: 1/9"


@given(TEXTS, TEXTS, st.integers(1, 80))
def test_what_is_counted_is_never_shortened_and_no_word_is_cut(label: str, count: str, columns: int) -> None:
    line = headed(label, count, columns)
    assert line.endswith(count)
    assert len(line) <= columns or line == count
    before = line.removesuffix(count).removesuffix(": ").removesuffix(" …")
    assert f"{label} ".startswith(f"{before} ".lstrip())
    assert shortened(label, " … 5s", columns).removesuffix(" … 5s").split(" ")[0] == label.split(" ")[0]


def test_figures_are_parted_at_commas_outside_of_parentheses() -> None:
    note = "100 tokens/s, loss 1.250 (predict 0.500, explain 2.000), $0.01 of $2 paid"
    assert figures_of(note) == ["100 tokens/s", "loss 1.250 (predict 0.500, explain 2.000)", "$0.01 of $2 paid"]
    assert [brief(figure) for figure in figures_of(note)] == ["100 tokens/s", "loss 1.250", "$0.01 of $2 paid"]
    assert figures_of("") == []


@given(st.lists(TEXTS, min_size=1, max_size=4).map("\n".join), st.integers(13, 80))
def test_folded_text_keeps_its_words_and_fits(text: str, columns: int) -> None:
    lines = folded(text, columns).split("\n")
    assert " ".join(lines).split() == text.split()
    assert max(map(len, lines)) <= columns


def test_a_log_has_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert columns_of(io.StringIO()) is None

    class Odd(io.StringIO):
        """Says that it is a terminal, and not how wide."""

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "70")
    assert columns_of(Odd()) == 69
