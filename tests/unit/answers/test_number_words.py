from fractions import Fraction

import pytest

from mindsmirror.answers.number_words import read_words


@pytest.mark.parametrize(
    ("text", "value", "rest"),
    [
        ("twelve apples", "12", " apples"),
        ("one hundred and thirty-five", "135", ""),
        ("twenty five hundred", "2500", ""),
        ("a thousand and one nights", "1001", " nights"),
        ("one million, two hundred thousand", "1200000", ""),
        ("one third of it", "1/3", " of it"),
        ("half", "1/2", ""),
        ("half of it", "1/2", " of it"),
        ("three and a half miles", "7/2", " miles"),
        ("two and two thirds", "8/3", ""),
        ("zero point zero five", "1/20", ""),
        ("one second", "1", " second"),
        ("Forty-Two", "42", ""),
    ],
)
def test_the_number_that_a_text_begins_with(text: str, value: str, rest: str) -> None:
    worded = read_words(text)
    assert worded is not None
    assert (worded.value, text[worded.end :]) == (Fraction(value), rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "apples",
        "a",
        "and five",
        "hundred",
        "two two",
        "twenty ten",
        "one hundred hundred",
        "one thousand million",
        "half a million",
        "one and a half million",
        "three quarters",
        "two dozen",
        "twenty third",
        "two hundred thirds",
        "two and three",
    ],
)
def test_words_that_make_no_number_for_sure_are_none(text: str) -> None:
    assert read_words(text) is None
