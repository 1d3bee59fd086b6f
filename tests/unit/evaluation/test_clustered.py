"""Intervals over questions that several seeds were asked: what they cover, and what they agree with."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mindsmirror.evaluation import clustered
from mindsmirror.evaluation.clustered import (
    detectable,
    effective_size,
    over_new_seeds,
    pooled_difference,
    pooled_share,
    swap_test,
)
from mindsmirror.evaluation.statistics import (
    mcnemar,
    paired_difference,
    paired_interval,
    smallest_detectable_difference,
)

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
asked = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=2, max_size=12)


@given(pairs)
def test_one_seed_is_a_paired_comparison(rows: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in rows], [y for _, y in rows]
    found = pooled_difference(a, b, range(len(rows)), [0] * len(rows))
    assert (found.value, *found.ci95) == pytest.approx(paired_difference(a, b))
    assert found.new_seeds is None and found.effective == len(rows)
    ahead, behind = sum(x > y for x, y in rows), sum(y > x for x, y in rows)
    assert swap_test(a, b, range(len(rows))) == pytest.approx(mcnemar(ahead, behind), rel=1e-9)
    assert detectable(a, b, found.effective) == smallest_detectable_difference(len(a), (ahead + behind) / len(a))


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_share_of_one_seed_has_the_exact_binomial_interval(right: int, wrong: int) -> None:
    n = right + wrong
    if not n:
        with pytest.raises(ValueError, match="at least one"):
            pooled_share([], [], [])
        return
    theirs = stats.binomtest(right, n).proportion_ci(method="exact")
    found = pooled_share([True] * right + [False] * wrong, range(n), [0] * n)
    assert found.ci95 == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@settings(max_examples=40)
@given(asked)
def test_the_swap_test_is_scipys_exact_permutation_test_of_whole_questions(rows: list[tuple[bool, bool, int]]) -> None:
    a, b, questions = (list(column) for column in zip(*rows, strict=True))
    leads = np.array([sum(int(x) - int(y) for x, y, q in rows if q == each) for each in sorted(set(questions))])
    theirs = 1.0
    if len(leads) > 1:
        theirs = stats.permutation_test(
            (leads, np.zeros_like(leads)),
            lambda x, y, axis=-1: (x - y).sum(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=10_000,
        ).pvalue
    assert swap_test(a, b, questions) == pytest.approx(theirs)


@given(asked)
def test_the_effective_size_lies_between_questions_and_answers(rows: list[tuple[bool, bool, int]]) -> None:
    values, questions = [float(x) - float(y) for x, y, _ in rows], [q for *_, q in rows]
    assert len(set(questions)) <= effective_size(values, questions) <= len(rows)


def test_seeds_that_agree_tell_no_more_than_one_and_seeds_that_do_not_tell_more() -> None:
    random = np.random.default_rng(0)
    one = random.random(200) < 0.5
    questions = list(range(200)) * 3
    assert effective_size(np.tile(one, 3), questions) == pytest.approx(200)
    assert effective_size((random.random(600) < 0.5).astype(float), questions) > 450
    assert effective_size(np.zeros(600), questions) == 200, "where nothing varies nothing is assumed"


def drawn(
    random: np.random.Generator, n: int, seeds: int, shares: tuple[float, float], alike: float
) -> NDArray[np.int64]:
    """1, -1 or 0 (who alone is right), [n * seeds]: `alike` is the share of questions on which a seed says the same."""
    chances = [*shares, 1 - sum(shares)]
    own = random.choice([1, -1, 0], size=(n, seeds), p=chances)
    shared = random.choice([1, -1, 0], size=(n, 1), p=chances)
    return np.where(random.random((n, seeds)) < alike, shared, own).ravel()


@pytest.mark.parametrize("seeds", [1, 3, 6])
@pytest.mark.parametrize("n", [10, 40])
def test_intervals_over_questions_cover(n: int, seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 1 % of questions on which the sides differ, too, whether seeds agree or not."""
    monkeypatch.setattr(clustered, "paired_interval", cache(paired_interval))
    random = np.random.default_rng(n + seeds)
    questions, labels = np.repeat(np.arange(n), seeds).tolist(), list(range(seeds)) * n
    for shares in [(0.005, 0.005), (0.05, 0.0), (0.1, 0.05), (0.2, 0.3)]:
        for alike in (0.0, 0.6, 1.0)[: 1 if seeds == 1 else 3]:
            covered = np.zeros(2)
            for _ in range(400):
                said = drawn(random, n, seeds, shares, alike)
                difference = pooled_difference((said > 0).tolist(), (said < 0).tolist(), questions, labels).ci95
                share = pooled_share((said > 0).tolist(), questions, labels).ci95
                covered += [
                    low <= true <= high
                    for (low, high), true in ((difference, shares[0] - shares[1]), (share, shares[0]))
                ]
            assert (covered / 400 >= 0.94).all(), (shares, alike, covered / 400)


@pytest.mark.parametrize("shared", [True, False], ids=["the same questions", "questions of each seed's own"])
@pytest.mark.parametrize("apart", [0.0, 0.05, 0.15], ids=str)
def test_intervals_for_new_seeds_cover(apart: float, shared: bool) -> None:
    """Each seed's students are better or worse by a normal amount: the interval holds the mean over all seeds."""
    random, n, seeds, hits = np.random.default_rng(7), 60, 3, 0
    labels = np.tile(np.arange(seeds), n)
    questions = np.repeat(np.arange(n), seeds) if shared else np.arange(n * seeds)
    for _ in range(400):
        ahead = np.clip(0.3 + apart * random.standard_normal(seeds), 0, 1)
        hard = np.broadcast_to(random.random((n, 1)), (n, seeds)) if shared else random.random((n, seeds))
        said = hard < ahead
        found = pooled_difference(said.ravel().tolist(), [False] * (n * seeds), questions.tolist(), labels.tolist())
        assert found.new_seeds is not None
        hits += found.new_seeds[0] <= 0.3 <= found.new_seeds[1]
    assert hits / 400 >= 0.94


def test_new_seeds_widen_the_interval_by_students_t() -> None:
    margin = float(stats.t.ppf(0.975, 2)) * 0.02 / 3**0.5
    found = over_new_seeds(0.1, (0.07, 0.14), [0.08, 0.1, 0.12], (-1.0, 1.0))
    assert found == pytest.approx((0.1 - np.hypot(0.03, margin), 0.1 + np.hypot(0.04, margin)))
    assert over_new_seeds(0.1, (0.07, 0.14), [0.1], (-1.0, 1.0)) is None
    assert over_new_seeds(0.5, (0.4, 0.6), [0.0, 1.0], (0.0, 1.0)) == (0.0, 1.0)


@pytest.mark.parametrize("call", [pooled_difference, lambda a, b, q, s: pooled_share(b, q, s)])
def test_what_does_not_fit_together_is_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="one of each"):
        call([True], [True], ["q"], [])
    with pytest.raises(ValueError, match="one pair for each"):
        swap_test([True], [], ["q"])
    assert swap_test([], [], []) == 1.0
