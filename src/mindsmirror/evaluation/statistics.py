"""How sure a number is: intervals, paired tests, and the smallest difference that could have been seen.

Arms of a run answer the same questions, so they are compared question by question. All intervals cover
95 %, all tests are two-sided, and everything random takes a seed.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z95 = NormalDist().inv_cdf(0.975)
"""The normal deviate of a two-sided test at 5 %."""
Z_POWER = NormalDist().inv_cdf(0.8)
"""The normal deviate of a power of 80 %."""
MOST_LOG_ODDS = 500.0
"""Beyond it a share is 1 to all digits, and its odds overflow."""


class Difference(NamedTuple):
    """A difference of two shares with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The score interval of a share, which is honest near 0 and 1 and for small n.

    (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n) with p = successes/n; (0, 1) where n = 0.
    ValueError unless 0 <= successes <= n. Source: Wilson (1927), JASA 22, 209–212.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: there are at least 0 and at most n")
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    margin = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    # The two ends are exact where rounding would put them a hair inside.
    low = 0.0 if successes == 0 else (centre - margin) / scale
    high = 1.0 if successes == n else (centre + margin) / scale
    return low, high


def mcnemar(b: int, c: int) -> float:
    """p of the exact McNemar test: do two arms err on the same number of questions?

    b questions only the first arm has right, c only the second: under no difference b is binomial with
    n = b + c and 1/2, so p = min(1, 2·Σ_{i ≤ min(b, c)} C(n, i) / 2ⁿ), and 1 where n = 0. Summed in integers,
    so it is exact for every n. ValueError for negative counts.
    Source: McNemar (1947), Psychometrika 12, 153–157; the exact form is the sign test.
    """
    if b < 0 or c < 0:
        raise ValueError(f"discordant counts {b} and {c}: none can be negative")
    n = b + c
    term = tail = 1
    for i in range(min(b, c)):
        term = term * (n - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << n))


def holm(ps: Sequence[float]) -> list[float]:
    """The p values of tests that are looked at together, corrected for their number, in the same order.

    The i-th smallest of n becomes min(1, max over j ≤ i of (n − j + 1)·p_j): those below 5 % contain a false one in at
    most 5 % of cases, however the tests depend on each other. ValueError for a p outside [0, 1].
    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65–70.
    """
    if not all(0 <= p <= 1 for p in ps):
        raise ValueError(f"p values {list(ps)}: each is in [0, 1]")
    corrected = [0.0] * len(ps)
    least = 0.0
    for before, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, (len(ps) - before) * ps[index]))
        corrected[index] = least
    return corrected


def paired_difference(a: Sequence[bool], b: Sequence[bool]) -> Difference:
    """Accuracy of a minus that of b over the same questions, with an interval that is never of width zero.

    The interval spans two: Tango's score interval and the adjusted Wald interval of Agresti and Min. Either alone
    falls below its level somewhere (0.93 and 0.87 at 100 questions). Together they cover at least 0.945 of cases from
    10 to 200 questions, for every share of questions on which the two differ, 0 included (tests/unit/evaluation).
    ValueError where the lengths differ or are 0.
    Sources: Tango (1998), Statistics in Medicine 17, 891–908; Agresti and Min (2005), the same 24, 729–740.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"paired answers of {len(a)} and {len(b)} questions: they must be the same, at least one")
    ahead = sum(x and not y for x, y in zip(a, b, strict=True))
    behind = sum(y and not x for x, y in zip(a, b, strict=True))
    return Difference((ahead - behind) / len(a), *paired_interval(ahead, behind, len(a)))


def paired_interval(ahead: float, behind: float, n: float) -> tuple[float, float]:
    """The interval of `paired_difference` for n questions, `ahead` right in a alone and `behind` in b alone.

    Counts may be fractions, such as those of an effective number of rows (clustered.py).
    """
    score, wald = _tango(ahead, behind, n), _adjusted_wald(ahead, behind, n)
    return max(-1.0, min(score[0], wald[0])), min(1.0, max(score[1], wald[1]))


def _tango(ahead: float, behind: float, n: float) -> tuple[float, float]:
    """The differences d that a score test at 5 % does not reject.

    With q the likeliest share of `behind` if d is the difference, the test's statistic is
    (ahead − behind − n·d) / √(n·(2q + d·(1 − d))). It falls in d, so each end is found by halving.
    """

    def statistic(d: float) -> float:
        distance = ahead - behind - n * d
        second = (2 * n - ahead + behind) * d - ahead - behind
        q = (math.sqrt(max(0.0, second**2 + 8 * n * behind * d * (1 - d))) - second) / (4 * n)
        variance = n * (2 * q + d * (1 - d))
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)

    def end(low: float, high: float, bound: float) -> float:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if statistic(middle) > bound else (low, middle)
        return (low + high) / 2

    found = (ahead - behind) / n
    return end(-1.0, found, Z95), end(found, 1.0, -Z95)


def _adjusted_wald(ahead: float, behind: float, n: float) -> tuple[float, float]:
    """Wald's interval after half a question has been added to each of the four cells."""
    b, c, whole = ahead + 0.5, behind + 0.5, n + 2
    difference = (b - c) / whole
    margin = Z95 * math.sqrt(b + c - (b - c) ** 2 / whole) / whole
    return difference - margin, difference + margin


def smallest_detectable_difference(n: int, discordant_share: float) -> float:
    """The smallest true difference in accuracy that n paired questions show at 5 % with 80 % power.

    Solves √n·d = z_α·√ψ + z_β·√(ψ − d²) for d, ψ the share of questions on which just one arm is right.
    As d cannot exceed ψ, a ψ that is too small for any visible difference is raised to the smallest that is
    not (every such question in favour of one arm). In [0, 1]; 1 where even that could not be seen.
    ValueError for n < 0 or a share outside [0, 1].
    Source: Miettinen (1968), Biometrics 24, 339–352; Connor (1987), Biometrics 43, 207–211.
    """
    if n < 0 or not 0 <= discordant_share <= 1:
        raise ValueError(f"{n} questions with a discordant share of {discordant_share} cannot be")
    if n <= Z95**2:
        return 1.0
    root = math.sqrt(Z95**2 * Z_POWER**2 + (n + Z_POWER**2) * (n - Z95**2))
    one_sided = 1 - ((root - Z95 * Z_POWER) / (n + Z_POWER**2)) ** 2
    share = max(discordant_share, one_sided)
    reach = math.sqrt(n) * Z95 + Z_POWER * math.sqrt(n + Z_POWER**2 - Z95**2)
    return min(1.0, math.sqrt(share) * reach / (n + Z_POWER**2))


def share_interval(
    clusters: Sequence[Hashable],
    statistic: Callable[[NDArray[np.float64]], float | None],
    units: int,
    seed: int,
    resamples: int = 2000,
) -> tuple[float, float] | None:
    """A 95 % interval of a share p whose rows come in clusters, from its standard error over resampled clusters.

    logit p ± t · s / (p(1 − p)), s the standard deviation over the resamples, t Student's quantile of `units` − 1
    degrees of freedom. Several rationales of one question are not independent, so whole questions are drawn. `clusters`
    names each row's cluster; `units` is how many clusters bear on the share, such as those of the rarer class.
    The statistic gets a resample as the number of times that each row is in it, [rows], and gives a value in [0, 1]; it
    costs a count and a weighted sum, and no row is copied. Resamples on which it is None are left out. Where all is won
    or lost no resample can differ, and the interval is Wilson's over the units. None for fewer than 2 units, and where
    the statistic is None on all rows or on more than half of the resamples. Percentiles of the same resamples cover
    less (docs/log.md). Source: Davison and Hinkley (1997), sections 2.4, 3.8 and 5.2.
    """
    whole = statistic(np.ones(len(clusters))) if len(clusters) else None
    if whole is None or units < 2:
        return None
    if whole in (0.0, 1.0):
        return wilson(round(whole * units), units)
    cluster_of = numbered(clusters)
    number = int(cluster_of.max()) + 1
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        times = np.bincount(random.integers(number, size=number), minlength=number).astype(np.float64)
        value = statistic(times if number == len(clusters) else times[cluster_of])
        if value is not None:
            values.append(value)
    if 2 * len(values) < resamples:
        return None
    return _around(whole, float(np.std(values, ddof=1)), units)


def _around(share: float, error: float, units: int) -> tuple[float, float]:
    """The interval of a share between 0 and 1 with this standard error, on the scale of its log-odds."""
    from scipy.stats import t

    reach = float(t.ppf(0.975, units - 1)) * error / (share * (1 - share))
    odds = share / (1 - share)
    low, high = odds * math.exp(-reach), odds * math.exp(min(reach, MOST_LOG_ODDS))
    return low / (1 + low), high / (1 + high)


def numbered(names: Sequence[Hashable]) -> NDArray[np.int64]:
    """The number of each name, from 0 in the order in which they first appear."""
    places: dict[Hashable, int] = {}
    return np.fromiter((places.setdefault(name, len(places)) for name in names), np.int64, len(names))
