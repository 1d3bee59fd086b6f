"""How sure a number is that several seeds share: a question that several of them were asked is one cluster.

Every row is one question as one seed answered it. Two kinds of interval are given, since two things can be meant. The
first is about these students on new questions: questions are drawn anew, students stay. The second is about students of
new seeds too; of three seeds it is wide, because three values say little about how much a fourth may differ.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mindsmirror.evaluation.statistics import numbered, paired_interval, smallest_detectable_difference

Interval = tuple[float, float]


class Pooled(NamedTuple):
    """A share, or a difference of two, over all rows, with its 95 % intervals."""

    value: float
    ci95: Interval
    """Of these students on new questions."""
    new_seeds: Interval | None
    """Of new seeds on new questions; None for one seed."""
    effective: float
    """So many independent rows would tell as much as these."""


def pooled_share(right: Sequence[bool], questions: Sequence[Hashable], seeds: Sequence[Hashable]) -> Pooled:
    """The share of right answers, with the exact binomial interval for the effective number of rows.

    ValueError where there are no rows, or not one question and one seed for each.
    Source: Korn and Graubard (1998), Survey Methodology 24, 193–201.
    """
    from scipy.stats import beta

    values = _checked(right, questions, seeds)
    size = effective_size(values, questions)
    share = float(values.mean())
    hits = share * size
    low = float(beta.ppf(0.025, hits, size - hits + 1)) if share > 0 else 0.0
    high = float(beta.ppf(0.975, hits + 1, size - hits)) if share < 1 else 1.0
    ci95 = low, high
    return Pooled(share, ci95, over_new_seeds(share, ci95, seed_means(values, seeds), (0.0, 1.0)), size)


def pooled_difference(
    a: Sequence[bool], b: Sequence[bool], questions: Sequence[Hashable], seeds: Sequence[Hashable]
) -> Pooled:
    """Accuracy of a minus that of b over the same rows, with `paired_interval` for the effective number of rows.

    ValueError as in `pooled_share`.
    """
    values = _checked(a, questions, seeds) - _checked(b, questions, seeds)
    size = effective_size(values, questions)
    ahead, behind = float((values > 0).mean()), float((values < 0).mean())
    ci95 = paired_interval(ahead * size, behind * size, size)
    found = ahead - behind
    return Pooled(found, ci95, over_new_seeds(found, ci95, seed_means(values, seeds), (-1.0, 1.0)), size)


def effective_size(values: Sequence[float] | NDArray[np.float64], questions: Sequence[Hashable]) -> float:
    """How many independent rows tell as much of the mean: n / D, in [questions, n].

    D is the design effect, the variance of the mean with whole questions drawn over that with single rows drawn:
    Σ_q (Σ_{i in q} (v_i − v̄))² over Σ_i (v_i − v̄)², at least 1. Both sums hold one imaginary question more, of average
    size, on which all seeds differ from the mean by 1 and agree: else D would be near 1 where little was seen, however
    much seeds agree. Where nothing varies, a question so counts as one row.
    Source: Rao and Scott (1992), Biometrics 48, 577–585.
    """
    rows = np.asarray(values, dtype=np.float64)
    cluster = numbered(questions)
    n, m = len(rows), int(cluster.max()) + 1
    if n == m:
        return float(n)
    apart, size = rows - rows.mean(), n / m
    whole = float((np.bincount(cluster, apart) ** 2).sum()) + size**2
    single = float(apart @ apart) + size
    return max(float(m), n / max(1.0, whole / single))


def over_new_seeds(value: float, ci95: Interval, by_seed: Sequence[float], bounds: Interval) -> Interval | None:
    """An interval that holds for students of new seeds too; None for fewer than two seeds.

    The interval over questions and Student's t interval over the seeds' own values, added in quadrature on each side
    (the method of variance estimates recovery). It counts twice what questions add to the difference of seeds, so it
    is rather too wide. Source: Zou and Donner (2008), Statistics in Medicine 27, 1693–1702.
    """
    k = len(by_seed)
    if k < 2:
        return None
    from scipy.stats import t

    margin = float(t.ppf(0.975, k - 1) * np.std(by_seed, ddof=1) / math.sqrt(k))
    low, high = value - math.hypot(value - ci95[0], margin), value + math.hypot(ci95[1] - value, margin)
    return max(bounds[0], low), min(bounds[1], high)


def seed_means(values: Sequence[float] | NDArray[np.float64], seeds: Sequence[Hashable]) -> list[float]:
    """The mean of each seed's rows, in the order in which the seeds first appear."""
    of_seed = numbered(seeds)
    sums, counts = np.bincount(of_seed, np.asarray(values, dtype=np.float64)), np.bincount(of_seed)
    return [float(mean) for mean in sums / counts]


def swap_test(a: Sequence[bool], b: Sequence[bool], questions: Sequence[Hashable]) -> float:
    """p of the exact permutation test: would the difference be as large if arms were swapped at random by question?

    With d_q how many more rows of question q a has right than b, |Σ ±d_q| is compared with |Σ d_q| over all signs; the
    distribution is summed, not drawn. Where every question has one row it is the exact McNemar test.
    ValueError where the lengths differ.
    Source: Gail et al. (1996), Statistics in Medicine 15, 1069–1092, whose communities are our questions.
    """
    if not len(a) == len(b) == len(questions):
        raise ValueError(f"{len(a)} and {len(b)} answers to {len(questions)} questions: one pair for each")
    if not len(a):
        return 1.0
    apart = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    leads = np.bincount(numbered(questions), apart).astype(int).tolist()
    sizes = Counter(abs(lead) for lead in leads if lead)
    # chances[s] is that of a sum of s − reach; each question moves it by its lead, up or down.
    chances = np.ones(1)
    for size, times in sizes.items():
        step = np.zeros(2 * size + 1)
        step[0] = step[-1] = 0.5
        for _ in range(times):
            chances = np.convolve(chances, step)
    reach = (len(chances) - 1) // 2
    least = abs(sum(leads))
    if not least:
        return 1.0
    return min(1.0, 2 * float(chances[reach + least :].sum()))


def detectable(a: Sequence[bool], b: Sequence[bool], effective: float) -> float:
    """`smallest_detectable_difference` of these answers for the effective number of rows."""
    apart = sum(x != y for x, y in zip(a, b, strict=True)) / len(a)
    return smallest_detectable_difference(math.floor(effective), apart)


def _checked(right: Sequence[bool], questions: Sequence[Hashable], seeds: Sequence[Hashable]) -> NDArray[np.float64]:
    if not len(right) == len(questions) == len(seeds) or not len(right):
        raise ValueError(
            f"{len(right)} answers to {len(questions)} questions of {len(seeds)} seeds: one of each, at least one"
        )
    return np.asarray(right, dtype=np.float64)
