import pytest

from mindsmirror.answers import Number
from mindsmirror.answers.number import looks_numeric


@pytest.mark.parametrize(
    ("raw", "text", "key"),
    [
        ("42", "42", "42"),
        ("42.0", "42", "42"),
        ("$1,234.50", "1234.5", "2469/2"),
        ("-3", "-3", "-3"),
        ("−3", "-3", "-3"),
        ("-$5", "-5", "-5"),
        (".5", "0.5", "1/2"),
        ("3/4", "3/4", "3/4"),
        ("6/8", "3/4", "3/4"),
        ("2 1/2", "5/2", "5/2"),
        ("50%", "50", "50"),
        ("42 apples.", "42", "42"),
        ("about 42", "42", "42"),
        ("x = -7", "-7", "-7"),
        ("84 / 2 = 42", "42", "42"),
        ("84 / 2 = 41", "41", "41"),
        ("\\boxed{42}", "42", "42"),
        ("twelve apples", "12", "12"),
        ("1.5 million", "1500000", "1500000"),
        ("Rs. 42", "42", "42"),
        ("007", "7", "7"),
    ],
)
def test_reads_in_canonical_form(raw: str, text: str, key: str) -> None:
    answer = Number().read(raw, {})
    assert answer is not None
    assert (answer.text, answer.key) == (text, key)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "many",
        "not 42",
        "A4",
        "5 feet 3 inches",
        "12/05/2020",
        "10:30",
        "2,5",
        "1.000.000",
        "3/0",
        "4 or 5",
        "more than 5",
        "5 + 3",
        "9" * 40,
        "3π",
        "7/x",
        "5x^2",
    ],
)
def test_what_is_no_single_number_is_none(raw: str) -> None:
    assert Number().read(raw, {}) is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("60 miles/hour", "60"),
        ("60 km/h", "60"),
        ("$5/hour", "5"),
        ("1/2 km/h", "1/2"),
        ("12 m^2", "12"),
        ("12 cm²", "12"),
        ("100 feet²", "100"),
    ],
)
def test_units_of_rates_and_areas_are_units(raw: str, value: str) -> None:
    answer = Number().read(raw, {})
    assert answer is not None and answer.key == value


def test_looks_numeric_wants_a_numeral_with_no_more_than_a_unit() -> None:
    assert all(map(looks_numeric, ["42", "-1,200.5", "$3", "3/4", "9 (apples)", "50%", "12 (star-shaped stones)"]))
    assert not any(map(looks_numeric, ["Apollo 13", "10:30", "3:4", "a 5", "", "2 Fast 2 Furious"]))
