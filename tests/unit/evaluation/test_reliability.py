"""Bins of confidences, against scikit-learn's and against the calibration error that they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from mindsmirror.evaluation.metrics import expected_calibration_error
from mindsmirror.evaluation.reliability import reliability

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60)


@given(answers)
def test_bins_make_the_calibration_error(rows: list[tuple[float, bool]]) -> None:
    sure, right = [p for p, _ in rows], [hit for _, hit in rows]
    bins = reliability(sure, right)
    assert (sum(each.n for each in bins), sum(each.right for each in bins)) == (len(rows), sum(right))
    error = expected_calibration_error(sure, right)
    made = sum(abs(each.right - each.n * each.confidence) for each in bins)
    assert made == pytest.approx((error or 0.0) * len(rows))


@given(answers.filter(lambda rows: len(rows) > 0))
def test_they_are_scikit_learns(rows: list[tuple[float, bool]]) -> None:
    """Whose bins are closed below where ours are closed above, so nothing lies on an edge here."""
    sure, right = [min(0.99, p) * 0.9 + 0.0501 + 1e-7 for p, _ in rows], [hit for _, hit in rows]
    shares, means = calibration_curve(right, sure, n_bins=10)
    ours = reliability(sure, right)
    assert [each.right / each.n for each in ours] == pytest.approx(shares.tolist())
    assert [each.confidence for each in ours] == pytest.approx(means.tolist())


@pytest.mark.parametrize(("sure", "right"), [([1.2], [True]), ([0.5], []), ([float("nan")], [True])])
def test_what_is_no_confidence_is_refused(sure: list[float], right: list[bool]) -> None:
    with pytest.raises(ValueError, match="one in"):
        reliability(sure, right)
