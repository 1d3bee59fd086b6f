"""The arithmetic of rationales: steps that hold, steps that do not, and texts in which there are none."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.answers.steps import MAX_STEPS, arithmetic_steps, valid_share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 bees * 6 legs = 30 legs", [True]),
        ("So there are 5 * 6 = 31 legs.", [False]),
        ("5 × 6 = 30, 2 × 4 = 8 and 30 + 8 = 38.", [True, True, True]),
        ("5*6 + 2*4 = 30 + 8 = 38", [True, True]),
        ("5*6 + 2*4 = 30 + 9 = 39", [False, True]),
        ("- 5 * 6 = 30", [True]),
        ("-5 * 6 = -30", [True]),
        ("1. 5 * 6 = 30\n2) 30 + 8 = 38", [True, True]),
        ("10 / 3 = 3.33", [True]),
        ("10 / 3 = 3.3", [True]),
        ("10 / 3 = 3.4", [False]),
        ("7 / 2 = 3", [False]),
        ("$1,200 - $200 = $1,000", [True]),
        ("20% of 50 = 10", [True]),
        ("(4 + 13) * 15 = 255", [True]),
        ("5 horses with 4 legs each: 5 x 4 = 20 legs", [True]),
        ("5 * 2 legs per bird = 10 legs", [True]),
        ("5 plus 6 = 11", [True]),
        ("Total = 5 + 6 = 11", [True]),
        ("3 + 4 = 7 animals + 2 animals = 9 animals", [True, True]),
        ("Half of 10 + 5 = 10", []),
        ("x = 5", []),
        ("2x + 3 = 7", []),
        ("The answer is 5 = five.", []),
        ("no arithmetic at all", []),
        ("= 5", []),
        ("5 = ", []),
        ("5 / 0 = 0", []),
        ("9**9**9**9 = 1", []),
        ("a = b = 3", []),
        ("2(3 + 4) = 14.", []),
        ("√(9 + 16) = 5.", []),
        ("2 1/2 + 1 1/2 = 4.", []),
        ("1 + 1 1/2 = 2 1/2", []),
        ("2n + 4 = 10", []),
        ("5g + 3g = 8g", [True]),
        ("4s + 16 = 2s + 32", []),
        ("192 / 1.2 = 1.2Y / 1.2", []),
        ("2/ 1/5 = 10", []),
        ("x + 3 + 4 = 12", []),
        ("So x - 3 + 4 = 12", []),
        ("7 % 3 + 1 = 2", []),
        ("10 mod 3 + 1 = 2", []),
        ("17 / 5 = 3 remainder 2", []),
        ("22 / 7 ≈ 3", [True]),
        ("22 / 7 ≈ 4", [False]),
        ("10 / 3 ≈ 3.33", [True]),
        ("3 hours 20 minutes + 40 minutes = 4 hours.", []),
        ("3 hours + 20 minutes = 3 hours 20 minutes.", []),
        ("5 * 6 = 30 and 4 * 2 = 9", [True, False]),
        ("the ratio 2:3 + 1 = 4", []),
        ("It has 3:\n5 * 6 = 30", [True]),
        ("legs: 5*6 = 31", [False]),
        ("2 * 3 = 3π", []),
        ("25 - 5 = 20%", [True]),
        ("(4/10)*100=40%", [True]),
        ("3 / 21 * 100% = 14.29", [True]),
        ("25 - 5 = 21%", [False]),
        ("60 questions x 40/100 = 24", []),
        ("4 W^2 = 100", []),
        ("500cm³ * 2/5 = 200cm³", []),
        ("He works M + 4 + 2 = 8 hours", []),
        ("60 / 3/4 = 80", []),
        ("21/7 = 90/x", []),
        ("2 + 1 = 3(b - 5)", []),
        ("17/3 = 5 and 2/3 loads", []),
        ("0900-0130 = 0730", []),
        ("30 + 8 = 38 - as it should be", [True]),
        ("* 5 * 6 = 31", [False]),
        ("+ 5 * 6 = 30", [True]),
        ("**5 * 6 = 31** legs", [False]),
        ("Total: **5 * 6** = **30**.", [True]),
        ("*5 * 6 = 30*.", [True]),
        ("2**3 = 8 and 2 ** 3 = 9", [True, False]),
    ],
)
def test_steps_are_found_and_checked(text: str, expected: list[bool]) -> None:
    assert [step.holds for step in arithmetic_steps(text)] == expected


def test_a_step_says_what_was_computed_and_what_was_stated() -> None:
    (step,) = arithmetic_steps("A horse has 4 legs, so 2 * 4 = 9.")
    assert (step.computed, step.stated) == (Fraction(8), Fraction(9))


def test_the_share_of_steps_that_hold() -> None:
    assert valid_share("2 * 4 = 8. 8 + 1 = 10.") == 0.5
    assert valid_share("nothing is computed") is None


@given(
    st.integers(0, 999), st.integers(1, 99), st.sampled_from("+-*"), st.integers(-3, 3), st.sampled_from(["", " legs"])
)
def test_a_step_holds_exactly_if_the_result_is_right(one: int, two: int, sign: str, off: int, unit: str) -> None:
    value = {"+": one + two, "-": one - two, "*": one * two}[sign] + off
    (step,) = arithmetic_steps(f"We get {one}{unit} {sign} {two}{unit} = {value}{unit}.")
    assert step.holds == (off == 0)


@given(st.text(alphabet="0123456789+-*/()=.,%x ab\n×½", max_size=300))
def test_nothing_that_is_written_breaks_it(text: str) -> None:
    steps = arithmetic_steps(text)
    assert all(isinstance(step.holds, bool) for step in steps)


@pytest.mark.parametrize(
    "hostile", ["1+" * 4000 + "1=1", "(" * 8000 + "=", "=" * 8000, "1 = " * 5000, "a b c 1 " * 2000 + "= 1"]
)
def test_hostile_texts_are_read_in_bounded_time_and_number(hostile: str) -> None:
    began = time.process_time()
    assert len(arithmetic_steps(hostile)) <= MAX_STEPS
    assert time.process_time() - began < 5
