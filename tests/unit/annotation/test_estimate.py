"""What a run will cost, judged by what is stored: the range holds what it then does cost."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.config import AnnotationConfig
from mindsmirror.annotation.estimate import Estimate, QuestionUsages, estimated, total_of
from mindsmirror.engines.config import Price

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

PRICE = Price(input=1.0, output=4.0)


def estimate(lab: "Lab", count: int, seen: int, price: Price | None = PRICE) -> Estimate:
    """Of `count` questions, after `seen` of them were asked."""
    teacher = lab.teacher(price=price)
    nothing = BudgetConfig(tokens=0)
    before = QuestionUsages.of(lab.accounts(lab.sums(count), budget=nothing, teacher=teacher).values(), count)
    lab.annotate(lab.sums(seen), teacher=teacher)
    tally, spending = lab.tally, lab.spending
    after = QuestionUsages.of(lab.accounts(lab.sums(count), budget=nothing, teacher=teacher).values(), count)
    assert spending is not None
    return estimated(after, before, AnnotationConfig(rationales=3), [teacher, teacher], spending, tally)


def test_the_range_holds_what_the_rest_costs(lab: "Lab") -> None:
    found = estimate(lab, 60, 6)
    assert (found.questions, found.rationales, found.self_evaluations, found.samples) == (60, 3, 1, 360)
    assert found.stored == found.asked > 18 and found.complete == 6
    lab.annotate(lab.sums(60), teacher=lab.teacher(price=PRICE))
    tokens_in, tokens_out = lab.tally.came.tokens_in, lab.tally.came.tokens_out
    for bounds, paid in (
        (found.tokens_in, tokens_in),
        (found.tokens_out, tokens_out),
        (found.usd, (tokens_in * 1.0 + tokens_out * 4.0) / 1e6),
    ):
        assert bounds is not None and bounds[0] <= paid <= bounds[1] < 2 * paid
    assert found.minutes is not None and 0 < found.minutes[0] <= found.minutes[1]
    done = estimate(lab, 60, 60)
    assert (done.complete, done.asked, done.tokens_out, done.usd, done.minutes) == (60, 0, (0, 0), (0, 0), (0, 0))


def test_what_cannot_be_known_is_said_to_be_unknown(lab: "Lab") -> None:
    found = estimate(lab, 5, 0, price=None)
    assert (found.tokens_in, found.tokens_out, found.usd, found.minutes) == (None, None, None, None)
    found = estimate(lab, 5, 2, price=None)
    assert found.tokens_in is not None and found.usd is None and found.paid_usd is None


def test_a_total_by_hand() -> None:
    assert total_of([], 3) is None
    assert total_of([], 0) == total_of([5.0], 0) == (0.0, 0.0)
    assert total_of([10.0], 3) == (15.0, 60.0)
    # Mean 10, deviation 2; t = 3.18 with three degrees of freedom: 40 +- 3.18 * 2 * sqrt(16 / 4 + 4).
    low, high = total_of([8.0, 9.0, 11.0, 12.0], 4) or (0.0, 0.0)
    spread = 3.18 * (10 / 3) ** 0.5 * 8**0.5
    assert low == pytest.approx(40 - spread) and high == pytest.approx(40 + spread)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 1e5))
def test_a_range_is_one(seen: list[float], left: float) -> None:
    low, high = total_of(seen, left) or (1.0, 0.0)
    mean = left * sum(seen) / len(seen)
    assert 0 <= low <= mean * (1 + 1e-9) and mean <= high * (1 + 1e-9)
