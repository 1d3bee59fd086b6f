"""Answering selectively: accuracy against coverage by a confidence, and a threshold that keeps a promised risk.

Coverage is the share of questions that are answered, the most confident first; risk is the share of wrong answers among
them. Answers of equal confidence are taken in random order: what stands here is the expectation over those orders.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mindsmirror.records import Record

POINTS = 50
"""Points of a curve, at most."""


class RiskCoverage(Record):
    """How accuracy rises as the least confident answers are withheld."""

    n: int
    aurc: float = Field(description="area under the risk-coverage curve: mean risk over the coverages 1/n, 2/n … 1")
    aurc_random: float = Field(description="the same for a confidence that says nothing: the risk at full coverage")
    aurc_best: float = Field(description="the same if every right answer were more confident than every wrong one")
    accuracy_at_half: float = Field(description="of the more confident half of the questions, rounded up")
    curve: tuple[tuple[float, float], ...] = Field(description="(coverage, accuracy), coverage rising to 1")


class Threshold(NamedTuple):
    """Answers whose confidence is at least this keep the promised risk."""

    confidence: float
    coverage: float
    """Share of the questions on which it was chosen that are answered."""
    bound: float
    """What their risk on new questions does not pass, except with the probability that was allowed."""


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> RiskCoverage | None:
    """The curve and what it comes to; None for no questions.

    ValueError for lengths that differ or a confidence that is NaN.
    Source: Geifman, Uziel and El-Yaniv (2019), ICLR, arXiv 1805.08206.
    """
    sure, hit = _checked(confidence, right)
    n = len(hit)
    if not n:
        return None
    answered = np.arange(1, n + 1)
    accuracy = _expected_hits(sure, hit) / answered
    best = np.minimum(answered, hit.sum()) / answered
    half = -(-n // 2)
    shown = np.unique(np.linspace(1, n, min(n, POINTS)).round().astype(int))
    return RiskCoverage(
        n=n,
        aurc=float(np.mean(1 - accuracy)),
        aurc_random=float(1 - hit.mean()),
        aurc_best=float(np.mean(1 - best)),
        accuracy_at_half=float(accuracy[half - 1]),
        curve=tuple((float(k / n), float(accuracy[k - 1])) for k in shown),
    )


def accuracy_at_half(confidence: Sequence[float], right: Sequence[bool]) -> Callable[[NDArray[np.float64]], float]:
    """`RiskCoverage.accuracy_at_half` as a statistic of how often each question counts, whole numbers, [n].

    Sorted once for all weights, for a bootstrap. ValueError as in `risk_coverage`.
    """
    sure, hit = _checked(confidence, right)
    _, group = np.unique(-sure, return_inverse=True)

    def statistic(times: NDArray[np.float64]) -> float:
        answered = np.concatenate([[0.0], np.cumsum(np.bincount(group, times))])
        hits = np.concatenate([[0.0], np.cumsum(np.bincount(group, times * hit))])
        half = math.ceil(answered[-1] / 2)
        return float(np.interp(half, answered, hits) / half)

    return statistic


def guaranteed_threshold(
    confidence: Sequence[float], right: Sequence[bool], risk: float, delta: float = 0.05
) -> Threshold | None:
    """The lowest confidence found above which answers to new questions are wrong at most `risk` of the time.

    It holds with probability 1 - delta over the choice of these questions, if new ones come from where they came from.
    A binary search looks at ceil(log2 n) thresholds; at each the exact binomial upper bound at level delta divided by
    their number is compared with the risk. None if no threshold of the search keeps the promise.
    ValueError for a risk or delta outside (0, 1), lengths that differ, or NaN.
    Source: Geifman and El-Yaniv (2017), NeurIPS, arXiv 1705.08500, algorithm 1.
    """
    if not (0 < risk < 1 and 0 < delta < 1):
        raise ValueError(f"risk {risk} and delta {delta}: both lie between 0 and 1")
    sure, hit = _checked(confidence, right)
    # A threshold takes in all answers of one confidence.
    levels, group, counts = np.unique(-sure, return_inverse=True, return_counts=True)
    answered, hits = np.cumsum(counts), np.cumsum(np.bincount(group, weights=hit))
    steps = max(1, math.ceil(math.log2(max(2, len(levels)))))
    found: Threshold | None = None
    low, high = 0, len(levels) - 1
    for _ in range(steps):
        if low > high:
            break
        middle = (low + high + 1) // 2
        bound = _upper_bound(int(answered[middle] - hits[middle]), int(answered[middle]), delta / steps)
        if bound <= risk:
            found = Threshold(float(-levels[middle]), float(answered[middle] / len(hit)), bound)
            low = middle + 1
        else:
            high = middle - 1
    return found


def _upper_bound(wrong: int, n: int, delta: float) -> float:
    """The risk at which at most so many wrong answers of n come with probability delta (Clopper and Pearson, 1934)."""
    from scipy.stats import beta

    return 1.0 if wrong == n else float(beta.ppf(1 - delta, wrong + 1, n - wrong))


def _expected_hits(sure: NDArray[np.float64], hit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected right answers among the k most confident, for k = 1 … n, [n]."""
    order = np.argsort(-sure, kind="stable")
    # Each answer counts as the mean of those that share its confidence.
    _, group = np.unique(-sure[order], return_inverse=True)
    means = np.bincount(group, weights=hit[order]) / np.bincount(group)
    return np.cumsum(means[group])


def _checked(confidence: Sequence[float], right: Sequence[bool]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if sure.shape != hit.shape or np.isnan(sure).any():
        raise ValueError(f"{len(sure)} confidences for {len(hit)} answers: one number for each")
    return sure, hit
