"""Sums put right: what holds stays, what does not is computed, and what follows from it goes along."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.answers.mend import mended
from mindsmirror.answers.steps import arithmetic_steps, valid_share


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2 * 4 = 8. Together 8 + 16 = 26. The answer is 26.", "2 * 4 = 8. Together 8 + 16 = 24. The answer is 24."),
        # A result is carried on to where it is used.
        ("3 * 6 = 16. 16 + 2 = 20. The answer is 20.", "3 * 6 = 18. 18 + 2 = 20. The answer is 20."),
        ("5 cows * 4 legs = 22 legs.\nAnd 22 legs / 2 = 11.", "5 cows * 4 legs = 20 legs.\nAnd 20 legs / 2 = 10."),
        # Signs stay as they are, and numbers that only contain the old one, too.
        ("6 × 7 = 41, not 410 or 4.41 or 1,041.", "6 × 7 = 42, not 410 or 4.41 or 1,041."),
        ("9 / 2 = 4. So 4 each.", "9 / 2 = 4.5. So 4.5 each."),
        ("1,000 + 1 = 1,002.", "1,000 + 1 = 1001."),
    ],
)
def test_a_wrong_result_is_computed_and_carried_on(text: str, right: str) -> None:
    assert mended(text) == right


@pytest.mark.parametrize(
    "text",
    [
        "No sums here.",
        "2 + 2 = 4.",
        "10 / 3 = 3.33 holds.",
        # No plain number stands where the result is, or none can.
        "2 + 3 = 4 + 2.",
        "10 / 3 = 4.",
        # Where a fraction is one sign, places cannot be told.
        "½ + ½ = 3.",
        "2 + 2 = 5. " * 2000,
    ],
)
def test_what_holds_or_cannot_be_put_right_is_left(text: str) -> None:
    assert mended(text) is None


_SUM = st.tuples(st.integers(0, 60), st.sampled_from("+*"), st.integers(0, 60), st.integers(0, 3))


@given(st.lists(_SUM, min_size=1))
def test_all_steps_of_a_mended_text_hold(sums: list[tuple[int, str, int, int]]) -> None:
    results = [a + b if sign == "+" else a * b for a, sign, b, _ in sums]
    lines = [f"So {a} {sign} {b} = {right + off}." for (a, sign, b, off), right in zip(sums, results, strict=True)]
    text = "\n".join(lines)
    result = mended(text)
    if result is None:
        assert all(step.holds for step in arithmetic_steps(text))
    else:
        assert valid_share(text) != 1 and valid_share(result) == 1
        assert len(arithmetic_steps(result)) == len(arithmetic_steps(text)) == len(sums)


@given(st.text(alphabet="0123456789+-*/=().,½×≈＝ legs\n", max_size=60))
def test_a_steps_place_is_that_of_its_result(text: str) -> None:
    for step in arithmetic_steps(text):
        if step.place is not None:
            begin, end = step.place
            assert Fraction(text[begin:end].replace(",", "")) == step.stated
