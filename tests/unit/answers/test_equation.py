import time
from fractions import Fraction

import pytest

from mindsmirror.answers import Equation


def key(raw: str) -> str | None:
    answer = Equation().read(raw, {})
    return answer.key if answer else None


@pytest.mark.parametrize(
    ("raw", "text", "value"),
    [
        ("84 / 2", "84 / 2", "42"),
        ("( 84.0 / 2.0 )", "84 / 2", "42"),
        ("(84 ÷ 2).", "84 / 2", "42"),
        ("84 / 2 = 42.", "84 / 2", "42"),
        ("42 = 84/2", "84 / 2", "42"),
        ("84/2 = 41", "84 / 2", "42"),
        ("x = 5 + 3", "5 + 3", "8"),
        ("( ( 4.0 + 13.0 ) * 15.0 )", "(4 + 13) * 15", "255"),
        ("(4 + 13) * 15)", "(4 + 13) * 15", "255"),
        ("((4 + 13) * 15", "(4 + 13) * 15", "255"),
        ("(84 / 2", "84 / 2", "42"),
        ("1,234.50 × 2", "1234.5 * 2", "2469"),
        (".5 + 1", "0.5 + 1", "3/2"),
        ("3x4", "3 * 4", "12"),
        ("3 X 4", "3 * 4", "12"),
        ("12 : 4", "12 / 4", "3"),
        ("7 − 5", "7 - 5", "2"),
        ("$5 + $ 3", "5 + 3", "8"),
        ("5 apples + 3 apples", "5 + 3", "8"),
        ("42 apples", "42", "42"),
        ("50% of 30", "0.5 * 30", "15"),
        ("2(3+4)", "2 * (3 + 4)", "14"),
        ("5 - (3 - 2)", "5 - (3 - 2)", "4"),
        ("8 / (4 / 2)", "8 / (4 / 2)", "4"),
        ("2 * (3 * 4)", "2 * 3 * 4", "24"),
        ("-5 - -3", "-5 - (-3)", "-2"),
        ("(-3)^2", "(-3) ^ 2", "9"),
        ("-3^2", "-3 ^ 2", "-9"),
        ("2**3**2", "2 ^ 3 ^ 2", "512"),
        ("5²", "5 ^ 2", "25"),
        ("\\boxed{84 / 2}", "84 / 2", "42"),
        ("$\\frac{1}{2} \\times 4$", "1 / 2 * 4", "2"),
        ("**84 / 2**", "84 / 2", "42"),
        ("1 / 3", "1 / 3", "1/3"),
        ("½ * 4", "1 / 2 * 4", "2"),
    ],
)
def test_reads_in_canonical_form(raw: str, text: str, value: str) -> None:
    answer = Equation().read(raw, {})
    assert answer is not None
    assert (answer.text, answer.key) == (text, value)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no idea",
        "1/0",
        "2x + 3 = 7",
        "(some - 8)",
        "5 and 6",
        "(29/2) and (30/2)",
        "42 (84 / 2)",
        "10:30",
        "1,2",
        "(4 + 13 * 15",
        "4 * 13 + 15)",
        "42 = 41",
        "5 apples 3",
        "__import__('os')",
        "1 +",
        "²",
        "1½ * 4",
        "1\\frac{1}{2} * 4",
        "5k + 3",
        "5 thousand + 3",
        "5 dozen * 2",
        "5 + 3 is wrong",
        "not 5 + 3",
    ],
)
def test_what_is_no_equation_or_ambiguous_is_none(raw: str) -> None:
    assert Equation().read(raw, {}) is None


@pytest.mark.parametrize(
    "raw",
    [
        "9**9**9**9",
        "10^(10^9)",
        "2 ^ 64 ^ 64",
        "(((2^64)^64)^64)^64",
        "0 ^ -1",
        "9" * 31,
        "1" + "+1" * 200,
        "(" * 300 + "1" + ")" * 300,
        "-" * 300 + "1",
        "*".join(["9" * 29] * 38),
        "1e99 * 1e99 * 1e99 * 1e99",
        "(" * 39 + "1",
    ],
)
def test_bounds_end_at_once(raw: str) -> None:
    begun = time.process_time()
    assert Equation().read(raw, {}) is None
    assert time.process_time() - begun < 1


def test_decimals_are_exact() -> None:
    assert key("0.1 + 0.2") == str(Fraction(3, 10)) == key("0.3")
    assert key("1 / 3 * 3") == "1"
