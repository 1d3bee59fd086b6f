"""Statistics against literals worked out elsewhere, and against scipy where it is installed."""

import numpy as np
import pytest

from mindsmirror.evaluation import (
    cluster_bootstrap,
    holm,
    mcnemar,
    paired_bootstrap,
    smallest_detectable_difference,
    wilson,
)


def test_wilson_literals() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == pytest.approx((0.0, 0.27754), abs=1e-5)
    assert wilson(10, 10) == pytest.approx((0.72246, 1.0), abs=1e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe (1998), table I


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_wilson_refuses_what_is_no_count(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="at least 0 and at most n"):
        wilson(successes, n)


def test_holm_literals() -> None:
    assert holm([]) == [] and holm([0.03]) == [0.03]
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.6]) == [1.0, 1.0]
    with pytest.raises(ValueError, match="each is in"):
        holm([0.5, 1.1])


def test_mcnemar_literals() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(0, 5) == 0.0625
    assert mcnemar(6, 0) == 0.03125
    assert mcnemar(7, 7) == 1.0
    assert mcnemar(20_000, 20_000) == 1.0
    assert 0 < mcnemar(10_300, 10_000) < 0.05
    assert mcnemar(0, 5000) == 0.0  # smaller than any float
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_against_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for b, c in [(3, 10), (0, 7), (40, 61), (999, 1100)]:
        assert mcnemar(b, c) == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-9)
    for k, n in [(1, 9), (50, 100), (199, 200)]:
        theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_paired_bootstrap_equals_drawing_questions() -> None:
    a = [True] * 60 + [False] * 40
    b = [True] * 40 + [False] * 40 + [True] * 20
    found = paired_bootstrap(a, b, seed=3)
    assert found.value == pytest.approx(0.0)
    each = np.array(a, dtype=float) - np.array(b, dtype=float)
    drawn = np.random.default_rng(0).choice(each, size=(10_000, 100)).mean(axis=1)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.011)


def test_paired_bootstrap_of_equal_arms_is_zero() -> None:
    assert paired_bootstrap([True, False], [True, False], seed=0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("a", "b"), [([], []), ([True], [True, False])])
def test_paired_bootstrap_refuses_what_is_not_paired(a: list[bool], b: list[bool]) -> None:
    with pytest.raises(ValueError, match="must be the same"):
        paired_bootstrap(a, b, seed=0)


def test_smallest_difference_has_the_promised_power() -> None:
    n, share = 400, 0.3
    least = smallest_detectable_difference(n, share)
    ahead = (share + least) / 2
    random = np.random.default_rng(7)
    counts = random.multinomial(n, [ahead, share - ahead, 1 - share], size=2000)
    power = np.mean([mcnemar(int(b), int(c)) < 0.05 for b, c, _ in counts])
    assert power == pytest.approx(0.8, abs=0.06)  # the exact test is a little conservative


def test_smallest_difference_with_few_questions() -> None:
    assert smallest_detectable_difference(0, 0.5) == 1.0
    assert smallest_detectable_difference(3, 0.5) == 1.0
    # Where no arm errs alone, only a lead on nearly eight questions of a hundred could have shown.
    assert smallest_detectable_difference(100, 0.0) == pytest.approx(0.0767, abs=1e-4)
    with pytest.raises(ValueError, match="cannot be"):
        smallest_detectable_difference(10, 1.2)


def test_clusters_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    rows = np.repeat(random.random(30), 10).reshape(-1, 1)
    names = [i // 10 for i in range(300)]
    whole = cluster_bootstrap(rows, names, lambda drawn: float(drawn.mean()), seed=0)
    single = cluster_bootstrap(rows, range(300), lambda drawn: float(drawn.mean()), seed=0)
    assert whole is not None
    assert single is not None
    assert whole[1] - whole[0] > 2 * (single[1] - single[0])


def test_cluster_bootstrap_without_a_statistic() -> None:
    rows = np.zeros((4, 1))
    assert cluster_bootstrap(rows, [0, 0, 1, 1], lambda drawn: None, seed=0) is None
    assert cluster_bootstrap(rows[:0], [], lambda drawn: 1.0, seed=0) is None
    with pytest.raises(ValueError, match="each row has one"):
        cluster_bootstrap(rows, [1], lambda drawn: 1.0, seed=0)
