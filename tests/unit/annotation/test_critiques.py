"""Critiques that the rationale itself contradicts are found out; those that may be true are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.critiques import fault_of
from mindsmirror.records import Verdict

STARFISH = "A horse has 4 legs: 5 * 4 = 20. A starfish has 5 legs: 4 * 5 = 20. Together 20 + 20 = 40. The answer is 40."
DEMANDS = "the rationale says what it demands"
ABSENT = "it corrects what the rationale does not say"


@pytest.mark.parametrize(
    ("critique", "verdict", "fault"),
    [
        # As a 1.5B teacher writes them beside verdicts from gold.
        ("A starfish has 5 legs, not 4, so 4 starfish have 20 legs.", Verdict.WRONG, DEMANDS),
        ("A starfish has 6 legs, not 5, so 4 starfishes have 24 legs.", Verdict.WRONG, ""),
        ("A starfish has 6 legs instead of 5.", Verdict.WRONG, ""),
        ("Starfishes have not 5 legs but 6.", Verdict.WRONG, ""),
        ("A starfish has 6 legs, not 7.", Verdict.WRONG, ABSENT),
        ("The right answer is 44, not 40.", Verdict.WRONG, ""),
        ("The right answer is 44, not 41.", Verdict.WRONG, ABSENT),
        ("The sum is wrong: 20 + 20 = 44.", Verdict.WRONG, "its arithmetic is wrong"),
        ("The second product should be 4 * 6 = 24.", Verdict.WRONG, ""),
        ("A horse has 4 legs and a starfish has 5 legs; the sum is right.", Verdict.CORRECT, ""),
        (
            "A horse has 4 legs and a starfish has 5 legs; the sum is right.",
            Verdict.WRONG,
            "it only praises what is judged wrong",
        ),
        ("It multiplies.", Verdict.WRONG, ""),
        ("A starfish has 6 legs, not 5.", Verdict.CORRECT, "it finds fault with what is judged correct"),
        ("The second step is wrong.", Verdict.CORRECT, "it finds fault with what is judged correct"),
        ("Nobody can tell.", Verdict.UNCERTAIN, ""),
        ("The solution correctly finds the missing number.", Verdict.CORRECT, ""),
        ("All products are right, and there are no errors in it.", Verdict.CORRECT, ""),
        ("It rightly does not count the tail.", Verdict.CORRECT, ""),
        ("It has no errors but one mistake.", Verdict.CORRECT, "it finds fault with what is judged correct"),
        ("", Verdict.WRONG, ""),
    ],
)
def test_what_speaks_against_a_critique(critique: str, verdict: Verdict, fault: str) -> None:
    assert fault_of(critique, STARFISH, verdict) == fault


def test_a_false_sum_that_the_rationale_has_is_quoted_and_not_made() -> None:
    rationale = "A bee has 6 legs: 3 * 6 = 16. The answer is 16."
    assert fault_of("It says that 3 * 6 = 16, but 3 * 6 = 18.", rationale, Verdict.WRONG) == ""
    assert fault_of("It forgets that 3 * 6 = 17.", rationale, Verdict.WRONG) == "its arithmetic is wrong"


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(Verdict))
def test_any_text_is_read(critique: str, rationale: str, verdict: Verdict) -> None:
    assert isinstance(fault_of(critique, rationale, verdict), str)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.sampled_from(["legs", "coins", "apples"]))
def test_a_correction_passes_exactly_if_it_corrects_what_is_said(said: int, wrong: int, right: int, unit: str) -> None:
    rationale = f"A box holds {said} {unit}. The answer is {said}."
    fault = fault_of(f"A box holds {right} {unit}, not {wrong}.", rationale, Verdict.WRONG)
    assert fault == (DEMANDS if right == said else "" if wrong == said else ABSENT)
