"""Risk-coverage curves against all orders of ties, and a promised risk against what new questions show."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.evaluation.selective import guaranteed_threshold, risk_coverage


def test_a_curve_by_hand() -> None:
    found = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, True, False, True])
    assert found is not None
    assert [coverage for coverage, _ in found.curve] == [0.25, 0.5, 0.75, 1.0]
    assert [accuracy for _, accuracy in found.curve] == pytest.approx([1.0, 1.0, 2 / 3, 0.75])
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found.aurc_random == 0.25 and found.aurc_best == pytest.approx(0.25 / 4)
    assert found.accuracy_at_half == 1.0


def test_nothing_has_no_curve_and_what_is_not_paired_is_refused() -> None:
    assert risk_coverage([], []) is None
    with pytest.raises(ValueError, match="one number for each"):
        risk_coverage([0.5], [])
    with pytest.raises(ValueError, match="one number for each"):
        guaranteed_threshold([float("nan")], [True], 0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        guaranteed_threshold([0.5], [True], 0.0)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_ties_are_the_mean_of_all_their_orders(rows: list[tuple[int, bool]]) -> None:
    found = risk_coverage([score for score, _ in rows], [right for _, right in rows])
    assert found is not None
    areas, halves = [], []
    for order in permutations(rows):
        ranked = [right for _, right in sorted(order, key=lambda row: -row[0])]
        accuracy = [sum(ranked[:k]) / k for k in range(1, len(rows) + 1)]
        areas.append(np.mean([1 - share for share in accuracy]))
        halves.append(accuracy[-(-len(rows) // 2) - 1])
    assert found.aurc == pytest.approx(np.mean(areas))
    assert found.accuracy_at_half == pytest.approx(np.mean(halves))
    assert found.aurc_best - 1e-12 <= found.aurc


@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=1, max_size=60))
def test_a_curve_ends_at_the_accuracy_of_all(rows: list[tuple[float, bool]]) -> None:
    found = risk_coverage([score for score, _ in rows], [right for _, right in rows])
    assert found is not None
    assert found.curve[-1] == pytest.approx((1.0, 1 - found.aurc_random))
    coverages = [coverage for coverage, _ in found.curve]
    assert coverages == sorted(set(coverages)) and len(coverages) <= 50


def drawn(random: np.random.Generator, n: int) -> tuple[list[float], list[bool]]:
    """Answers that are right with probability confidence ** 0.3: their confidence orders them."""
    sure = random.random(n)
    return sure.tolist(), (random.random(n) < sure**0.3).tolist()


@pytest.mark.parametrize("risk", [0.15, 0.2])
def test_a_promised_risk_is_kept(risk: float) -> None:
    random = np.random.default_rng(int(100 * risk))
    new, right = drawn(random, 200_000)
    known, hits = np.array(new), np.array(right)
    broken = chosen = 0
    for _ in range(300):
        threshold = guaranteed_threshold(*drawn(random, 300), risk)
        if threshold is not None:
            chosen += 1
            assert threshold.bound <= risk
            broken += 1 - hits[known >= threshold.confidence].mean() > risk
    assert chosen > 50
    assert broken <= 0.05 * 300


def test_no_threshold_is_promised_where_answers_are_no_better_than_the_risk() -> None:
    assert guaranteed_threshold([0.9, 0.8, 0.7], [False, False, False], 0.2) is None
    assert guaranteed_threshold([0.9] * 10, [True] * 10, 0.01) is None
    assert guaranteed_threshold([], [], 0.2) is None


def test_all_is_answered_where_all_is_right() -> None:
    found = guaranteed_threshold([0.9 - 0.001 * i for i in range(200)], [True] * 200, 0.1)
    assert found is not None and found.coverage == 1.0
