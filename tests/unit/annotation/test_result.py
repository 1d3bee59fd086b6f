"""What an annotation step leaves behind: usages that add up, and a result that says whether it is enough."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.result import AnnotationResult, Spent
from mindsmirror.records import Purpose, Usage

COUNTS = st.integers(0, 10**12)
USAGES = st.builds(
    Usage,
    samples=COUNTS,
    tokens_in=COUNTS,
    tokens_out=COUNTS,
    usd=st.none() | st.integers(0, 10**6).map(float),
    seconds=st.integers(0, 10**6).map(float),
)


def result(**changes: object) -> AnnotationResult:
    steps = {Purpose.RATIONALE: Usage(samples=6, tokens_in=9), Purpose.SELF_EVALUATION: Usage(samples=2)}
    whole = {"questions": 3, "expected": 4, "complete": 3, "asked": 8, "usable": 5, "steps": steps}
    return AnnotationResult.model_validate({**whole, **changes})


@given(USAGES, USAGES, USAGES)
def test_usages_add_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == one + (two + three) == sum([three, two, one], Usage())
    assert (one + two).tokens == one.tokens + two.tokens
    assert one.times(3) == one + one + one and one + Usage() == one


def test_a_usage_without_a_price_adds_no_usd() -> None:
    assert (Usage() + Usage()).usd is None
    assert (Usage(usd=0.5) + Usage(samples=1)).usd == 0.5 and Usage(usd=0.5).times(2).usd == 1.0


def test_a_result_is_what_it_was_after_it_was_written_down() -> None:
    before = result(paid=Spent(usd=0.25, tokens_in=3, wasted=1), reasons={"no route": 2}, stopped="a cap")
    document = json.loads(json.dumps(before.model_dump(mode="json")))
    assert AnnotationResult.model_validate(document) == before
    assert document["steps"]["self-evaluation"]["samples"] == 2 and document["paid"]["usd"] == 0.25


def test_it_is_final_once_nothing_failed_and_nothing_was_left_out() -> None:
    assert result().final and not result(failed=1).final and not result(unasked=1).final
    found = result().as_found()
    assert (found.found, found.asked, found.samples) == (8, 0, 8)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"failed": 8}, ""),
        ({"failed": 9, "reasons": {"no route": 9}}, "9 of 17 samples failed, .*answered: 9 times: no route"),
        ({"usable": 0}, "not one of 8 replies can be used"),
        ({"usable": 0, "stopped": "a cap"}, ""),
    ],
)
def test_too_little_to_train_on(changes: dict[str, object], said: str) -> None:
    found = result(**changes).too_little(0.5)
    assert (found == "") == (said == "")
    assert re.search(said, found)
