"""Statistics against literals worked out elsewhere, and against scipy."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from mindsmirror.evaluation import (
    holm,
    mcnemar,
    paired_difference,
    share_interval,
    smallest_detectable_difference,
    wilson,
)
from mindsmirror.evaluation.metrics import pairs_within, weighted_auroc
from mindsmirror.evaluation.statistics import _tango


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
    for b, c in [(3, 10), (0, 7), (40, 61), (999, 1100)]:
        assert mcnemar(b, c) == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-9)
    for k, n in [(1, 9), (50, 100), (199, 200)]:
        theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def answers(ahead: int, behind: int, n: int) -> tuple[list[bool], list[bool]]:
    """Of n questions so many that only the first has right, and so many that only the second has."""
    both = n - ahead - behind
    return [True] * ahead + [False] * behind + [True] * both, [False] * ahead + [True] * (behind + both)


def test_a_paired_difference_without_any_is_as_wide_as_nothing_seen_allows() -> None:
    # Tango's ends are then ± z² / (n + z²).
    assert paired_difference(*answers(0, 0, 100)) == pytest.approx((0.0, -0.0370, 0.0370), abs=1e-4)


@pytest.mark.parametrize(("ahead", "behind", "n"), [(9, 2, 40), (1, 1, 10), (30, 12, 100), (0, 4, 25), (5, 0, 8)])
def test_the_score_interval_is_where_the_likelihoods_score_test_ends(ahead: int, behind: int, n: int) -> None:
    def statistic(d: float) -> float:
        """The score test, its nuisance share found by a search instead of the closed form."""

        def unlikely(share: float) -> float:
            shares = np.maximum([share + d, share, 1 - 2 * share - d], 1e-300)
            return -float(np.dot([ahead, behind, n - ahead - behind], np.log(shares)))

        least = max(0.0, -d)
        share = optimize.minimize_scalar(
            unlikely, bounds=(least, (1 - d) / 2), options={"xatol": 1e-12}, method="bounded"
        ).x
        return float((ahead - behind - n * d) / np.sqrt(n * (2 * share + d - d * d)))

    low, high = _tango(ahead, behind, n)
    assert (statistic(low), statistic(high)) == pytest.approx((1.95996, -1.95996), abs=1e-3)


@pytest.mark.parametrize("n", [10, 40, 100])
def test_the_interval_of_a_paired_difference_covers(n: int) -> None:
    """Exactly, summed over all that can be seen; each pair of shares is who is right alone how often."""
    seen = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
    ends = np.array([paired_difference(*answers(b, c, n))[1:] for b, c in seen])
    counts = np.array([(b, c, n - b - c) for b, c in seen])
    shares = (0.002, 0.01, 0.05, 0.1, 0.3, 0.45)
    for one in shares:
        for other in (0.0, *shares):
            covering = (ends[:, 0] <= one - other) & (one - other <= ends[:, 1])
            chances = stats.multinomial.pmf(counts, n, [one, other, 1 - one - other])
            assert chances[covering].sum() >= 0.945, (one, other)


@pytest.mark.parametrize(("a", "b"), [([], []), ([True], [True, False])])
def test_paired_difference_refuses_what_is_not_paired(a: list[bool], b: list[bool]) -> None:
    with pytest.raises(ValueError, match="must be the same"):
        paired_difference(a, b)


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
    values = np.repeat(random.random(30), 10)
    names = [i // 10 for i in range(300)]

    def mean(weights: NDArray[np.float64]) -> float:
        return float(weights @ values / weights.sum())

    whole = share_interval(names, mean, 30, seed=0)
    single = share_interval(range(300), mean, 300, seed=0)
    assert whole is not None
    assert single is not None
    assert whole[1] - whole[0] > 2 * (single[1] - single[0])


def test_rows_of_a_cluster_are_drawn_together_and_as_many_clusters_as_there_are() -> None:
    seen = []

    def watched(weights: NDArray[np.float64]) -> float:
        seen.append(weights.tolist())
        return 0.5

    share_interval("aabcb", watched, 3, seed=0, resamples=40)
    whole, *drawn = seen
    assert whole == [1.0] * 5
    assert all(w[0] == w[1] and w[2] == w[4] and w[0] + w[2] + w[3] == 3 for w in drawn)
    assert len(drawn) == 40 and len({tuple(w) for w in drawn}) > 5


def test_no_interval_without_a_share_or_units() -> None:
    assert share_interval([0, 0, 1, 1], lambda weights: None, 2, seed=0) is None
    assert share_interval([], lambda weights: 0.5, 2, seed=0) is None
    assert share_interval([0, 1], lambda weights: float(weights[0] / 2), 1, seed=0) is None


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_won_or_lost_has_the_interval_of_wilson(share: float) -> None:
    assert share_interval(range(20), lambda weights: share, 12, seed=0) == wilson(int(share) * 12, 12)


@pytest.mark.parametrize(("questions", "apart"), [(12, 0.0), (12, 1.0), (12, 2.5), (40, 1.0), (40, 2.5)])
@pytest.mark.parametrize("within", [False, True])
def test_intervals_of_an_auroc_cover_what_is_true(questions: int, apart: float, *, within: bool) -> None:
    """Five rationales of each question; a score that knows how hard it is, and by `apart` which of them are right."""
    random = np.random.default_rng(5)

    def drawn(n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        easy = np.repeat(random.normal(size=n), 5)
        right = random.random(5 * n) < 1 / (1 + np.exp(-1.5 * easy))
        return 0.7 * easy + apart * right + random.normal(size=5 * n), right, np.repeat(np.arange(n), 5)

    def statistic(n: int) -> tuple[Callable[[NDArray[np.float64]], float | None], int, NDArray[np.int64]]:
        scores, right, names = drawn(n)
        if not within:
            return weighted_auroc(scores, right), min(len(set(names[right])), len(set(names[~right]))), names
        won, pairs = pairs_within(scores, right, names)
        won, pairs = won[pairs > 0], pairs[pairs > 0]
        return (lambda times: float((times * won).sum() / (times * pairs).sum())), len(won), np.arange(len(won))

    area, _, rows = statistic(20_000)
    truth = area(np.ones(len(rows)))
    assert truth is not None
    found = [
        share_interval(names.tolist(), area, units, 0, resamples=200)
        for area, units, names in map(statistic, [questions] * 300)
    ]
    known = [each for each in found if each is not None]
    assert len(known) > 250
    # A coverage of 0.95 has a standard error of 0.013 here; percentiles had 0.78 to 0.94.
    assert np.mean([low <= truth <= high for low, high in known]) >= 0.93
