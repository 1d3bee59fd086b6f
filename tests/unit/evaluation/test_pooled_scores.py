"""Scores over seeds: the mean of what each seed has by itself, with whole questions drawn for all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mindsmirror.evaluation.metrics import auroc, auroc_interval, auroc_within
from mindsmirror.evaluation.pooled_scores import Scored, pooled_auroc, pooled_half, pooled_within
from mindsmirror.evaluation.selective import accuracy_at_half, risk_coverage

scored = st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.integers(0, 9)), min_size=1, max_size=30)


def rows(seed: int, n: int = 60, told: float = 1.0) -> Scored:
    random = np.random.default_rng(seed)
    right = random.random(n) < 0.5
    scores = told * right + random.standard_normal(n)
    return Scored(scores.tolist(), right.tolist(), [number // 3 for number in range(n)])


def test_a_seeds_auroc_is_scikit_learns_and_the_pooled_one_their_mean() -> None:
    of_seed = {"0": rows(0), "1": rows(1), "2": rows(2)}
    found = pooled_auroc(of_seed, seed=0)
    theirs = {name: float(roc_auc_score(each.right, each.scores)) for name, each in of_seed.items()}
    assert found.by_seed == pytest.approx(theirs)
    assert found.value == pytest.approx(np.mean(list(theirs.values())))
    assert found.n == 180 and found.value is not None
    assert found.ci95 is not None and found.new_seeds is not None
    assert found.new_seeds[0] < found.ci95[0] < found.value < found.ci95[1] < found.new_seeds[1]


@given(scored)
def test_one_seed_is_what_a_single_run_reports(given_rows: list[tuple[int, bool, int]]) -> None:
    of_seed = Scored(*(list(column) for column in zip(*given_rows, strict=True)))
    found = pooled_auroc({"0": of_seed}, seed=3)
    assert found.value == auroc(of_seed.scores, of_seed.right)
    assert found.ci95 == auroc_interval(*of_seed, seed=3)
    assert found.new_seeds is None
    within, alone = pooled_within({"0": of_seed}, seed=3), auroc_within(*of_seed, seed=3)
    assert (within.auroc, within.pairs, within.questions) == (alone.auroc, alone.pairs, alone.questions)
    half = pooled_half({"0": of_seed}, seed=3)
    curve = risk_coverage(of_seed.scores, of_seed.right)
    assert curve is not None and half.value == pytest.approx(curve.accuracy_at_half)


@given(scored, st.data())
def test_the_weighted_half_is_the_half_of_copied_rows(
    given_rows: list[tuple[int, bool, int]], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(given_rows), max_size=len(given_rows)).filter(any))
    scores, right, _ = (list(column) for column in zip(*given_rows, strict=True))
    copied = risk_coverage(np.repeat(scores, times).tolist(), np.repeat(right, times).tolist())
    assert copied is not None
    assert accuracy_at_half(scores, right)(np.array(times, dtype=float)) == pytest.approx(copied.accuracy_at_half)


def test_pairs_are_of_one_seed_and_what_seeds_say_of_a_question_is_drawn_together() -> None:
    """Across seeds every right rationale scores above every wrong one; within each it is the other way round."""
    one = Scored([1.0, 2.0] * 8, [True, False] * 8, [n // 2 for n in range(16)])
    other = Scored([11.0, 12.0] * 8, [True, False] * 8, [n // 2 for n in range(16)])
    found = pooled_within({"0": one, "1": other}, seed=0)
    assert (found.auroc, found.pairs, found.questions) == (0.0, 16, 8)
    alone = pooled_within({"0": one}, seed=0)
    assert found.ci95 == alone.ci95, "two seeds that agree tell no more than one"


def test_a_seed_without_both_classes_is_left_out_of_the_mean() -> None:
    silent = Scored([0.1, 0.2], [True, True], [0, 1])
    found = pooled_auroc({"0": rows(0), "1": silent}, seed=0)
    assert found.by_seed["1"] is None and found.value == found.by_seed["0"] and found.new_seeds is None
    nothing = pooled_auroc({"1": silent}, seed=0)
    assert (nothing.value, nothing.ci95, nothing.n) == (None, None, 2)
    assert pooled_within({}, seed=0).pairs == 0
