"""Our statistics and those of statsmodels, on any data: where both have one they agree."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from mindsmirror.evaluation.clustered import effective_size, pooled_share
from mindsmirror.evaluation.statistics import holm, mcnemar, wilson

counts = st.integers(0, 200)


@given(counts, counts)
def test_mcnemar(b: int, c: int) -> None:
    assert mcnemar(b, c) == pytest.approx(float(their_mcnemar([[0, b], [c, 0]], exact=True).pvalue), rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1].tolist(), abs=1e-12)


@given(counts, st.integers(1, 200))
def test_intervals_of_a_share(right: int, wrong: int) -> None:
    n = right + wrong
    assert wilson(right, n) == pytest.approx(proportion_confint(right, n, method="wilson"), abs=1e-9)
    exact = pooled_share([True] * right + [False] * wrong, range(n), [0] * n).ci95
    assert exact == pytest.approx(proportion_confint(right, n, method="beta"), abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_the_effective_size_follows_from_a_clustered_variance(seed: int) -> None:
    """The variance of a mean of that many rows is the cluster-robust one, where enough was seen to estimate it."""
    random = np.random.default_rng(seed)
    questions = np.repeat(np.arange(400), 3)
    right = (random.random(1200) * 0.5 + np.repeat(random.random(400), 3) * 0.5 < 0.5).astype(float)
    fitted = sm.OLS(right, np.ones(1200)).fit(
        cov_type="cluster", cov_kwds={"groups": questions, "use_correction": False}
    )
    share = right.mean()
    ours = share * (1 - share) / effective_size(right, questions.tolist())
    assert ours == pytest.approx(float(fitted.bse[0] ** 2), rel=0.02)
