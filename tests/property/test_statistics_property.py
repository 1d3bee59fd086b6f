"""Properties that hold for all data: bounds, symmetry, and agreement with the textbook definition."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from mindsmirror.evaluation import (
    auroc,
    auroc_interval,
    auroc_within,
    balanced_accuracy,
    expected_calibration_error,
    holm,
    mcnemar,
    paired_difference,
    share_interval,
    smallest_detectable_difference,
    verdict_quality,
    wilson,
)
from mindsmirror.records import Verdict

of_questions = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from("abcdefgh")), max_size=40)
scored = st.lists(st.tuples(st.integers(-20, 20), st.booleans()), max_size=40)
pairs_of_flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
judged = st.lists(st.tuples(st.sampled_from(list(Verdict)), st.booleans()), max_size=40)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_wilson_holds_the_share_and_is_symmetric(successes: int, failures: int) -> None:
    n = successes + failures
    low, high = wilson(successes, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= successes / n <= high
    mirrored = wilson(failures, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_two_sided_binomial_test(b: int, c: int) -> None:
    n = b + c
    exact = sum(Fraction(math.comb(n, i), 2**n) for i in range(n + 1) if math.comb(n, i) <= math.comb(n, b))
    assert mcnemar(b, c) == pytest.approx(float(exact), rel=1e-12)
    assert mcnemar(b, c) == mcnemar(c, b)


@given(st.integers(1, 200))
def test_mcnemar_falls_as_the_split_grows(total: int) -> None:
    ps = [mcnemar(b, total - b) for b in range(total // 2 + 1)]
    assert ps == sorted(ps)
    assert all(0 < p <= 1 for p in ps)


@settings(max_examples=60)
@given(pairs_of_flags)
def test_a_paired_difference_lies_within_its_interval_and_is_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    found = paired_difference(a, b)
    assert found.value == pytest.approx((sum(a) - sum(b)) / len(a))
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert paired_difference(b, a) == pytest.approx((-found.value, -found.high, -found.low), abs=1e-9)


@given(st.integers(0, 100_000), st.floats(0, 1))
def test_smallest_difference_is_one_and_shrinks_with_n(n: int, share: float) -> None:
    least = smallest_detectable_difference(n, share)
    assert 0 < least <= 1
    assert smallest_detectable_difference(n + 1, share) <= least + 1e-12
    assert smallest_detectable_difference(n, min(1.0, share + 0.1)) >= least - 1e-12


@given(scored)
def test_auroc_is_the_share_of_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    positive = [score for score, label in rows if label]
    negative = [score for score, label in rows if not label]
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    found = auroc([score for score, _ in rows], [label for _, label in rows])
    if not positive or not negative:
        assert found is None
    else:
        assert found == pytest.approx(wins / (len(positive) * len(negative)))


@given(scored)
def test_auroc_under_monotone_and_reversed_scores(rows: list[tuple[int, bool]]) -> None:
    scores, labels = [float(score) for score, _ in rows], [label for _, label in rows]
    found = auroc(scores, labels)
    assert auroc([math.exp(score / 7) for score in scores], labels) == found
    if found is not None:
        assert 0 <= found <= 1
        assert auroc([1 - score for score in scores], labels) == pytest.approx(1 - found)
        assert auroc(scores, [not label for label in labels]) == pytest.approx(1 - found)


@settings(max_examples=60, deadline=None)
@given(of_questions)
def test_auroc_within_is_the_share_of_ordered_pairs_of_one_question(rows: list[tuple[int, bool, str]]) -> None:
    pairs = [
        (right - wrong, question)
        for right, label, question in rows
        for wrong, other, same in rows
        if label and not other and question == same
    ]
    found = auroc_within([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], seed=0)
    assert (found.pairs, found.questions) == (len(pairs), len({question for _, question in pairs}))
    if not pairs:
        assert found.auroc is None and found.ci95 is None
        return
    expected = sum((gap > 0) + 0.5 * (gap == 0) for gap, _ in pairs) / len(pairs)
    assert found.auroc == pytest.approx(expected)
    assert (found.ci95 is None) == (found.questions < 6)
    if found.ci95 is not None:
        assert 0 <= found.ci95[0] <= expected + 1e-12 and expected - 1e-12 <= found.ci95[1] <= 1
    # What is said of other questions changes nothing: a shift of a whole question's scores is no order within it.
    shifted = auroc_within([r[0] + 10 * ord(r[2]) for r in rows], [r[1] for r in rows], [r[2] for r in rows], seed=0)
    assert shifted == found


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.999))
def test_holm_rejects_what_stepping_down_rejects(ps: list[float], level: float) -> None:
    """Test the smallest at level/n, the next at level/(n − 1) and so on, and stop at the first that fails."""
    rejected = set()
    for step, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        if (len(ps) - step) * ps[index] > level:
            break
        rejected.add(index)
    corrected = holm(ps)
    assert {index for index, p in enumerate(corrected) if p <= level} == rejected
    assert all(raw <= p <= 1 for raw, p in zip(ps, corrected, strict=True))


@given(st.lists(st.booleans(), max_size=30), st.booleans())
def test_balanced_accuracy_of_a_constant_is_one_half(labels: list[bool], said: bool) -> None:
    expected = 0.5 if len(set(labels)) == 2 else None
    assert balanced_accuracy([said] * len(labels), labels) == expected


@settings(max_examples=25)
@given(judged)
def test_verdict_quality_adds_up(pairs: list[tuple[Verdict, bool]]) -> None:
    quality = verdict_quality(pairs)
    assert sum(sum(cells) for cells in quality.table.values()) == quality.n == len(pairs)
    assert quality.decided + quality.uncertain + quality.unparsed == quality.n
    assert sum(right for right, _ in quality.table.values()) == quality.right
    for share in (
        quality.accuracy,
        quality.majority_baseline,
        quality.recall_correct,
        quality.recall_wrong,
        quality.precision_correct,
        quality.precision_wrong,
        quality.balanced_accuracy,
    ):
        assert share is None or 0 <= share <= 1
    if quality.balanced_accuracy is not None:
        assert quality.recall_correct is not None
        assert quality.recall_wrong is not None
        assert quality.balanced_accuracy == pytest.approx((quality.recall_correct + quality.recall_wrong) / 2)
    assert type(quality).model_validate_json(quality.model_dump_json()) == quality


def by_copying(
    rows: NDArray[np.float64],
    questions: Sequence[str],
    statistic: Callable[[NDArray[np.float64], NDArray[np.bool_]], float | None],
) -> tuple[float, float]:
    """The interval as its definition says: of the rows (score, label) of the drawn questions, one after another."""
    of_question = [np.flatnonzero(np.array(questions) == name) for name in dict.fromkeys(questions)]
    random = np.random.default_rng(3)
    values = []
    for _ in range(2000):
        picked = random.integers(len(of_question), size=len(of_question))
        drawn = rows[np.concatenate([of_question[number] for number in picked])]
        value = statistic(drawn[:, 0], drawn[:, 1] > 0)
        if value is not None:
            values.append(value)
    share = statistic(rows[:, 0], rows[:, 1] > 0)
    assert share is not None
    of_class = [{q for q, label in zip(questions, rows[:, 1], strict=True) if label == kind} for kind in (0, 1)]
    quantile = stats.t.ppf(0.975, min(map(len, of_class)) - 1)
    reach = quantile * np.std(values, ddof=1) / (share * (1 - share))
    return float(expit(logit(share) - reach)), float(expit(logit(share) + reach))


many_questions = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from("abcdefgh")), min_size=30)


@settings(max_examples=5, deadline=None)
@given(many_questions)
def test_intervals_are_those_of_copied_rows(rows: list[tuple[int, bool, str]]) -> None:
    scores, labels, questions = zip(*rows, strict=True)
    table = np.column_stack([scores, labels]).astype(np.float64)
    found = auroc_interval(scores, labels, questions, seed=3)
    if found is not None and auroc(scores, labels) not in (0.0, 1.0):
        assert found == pytest.approx(by_copying(table, questions, auroc))
    verdicts = [(Verdict.CORRECT if score > 0 else Verdict.WRONG, label) for score, label, _ in rows]
    quality = verdict_quality(verdicts, questions, seed=3)
    ends = quality.balanced_accuracy_ci95
    if ends is not None and quality.balanced_accuracy not in (0.0, 1.0):
        assert ends == pytest.approx(
            by_copying(table, questions, lambda said, right: balanced_accuracy(said > 0, right))
        )


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), min_size=1, max_size=30))
def test_an_interval_of_a_share_holds_it_and_stays_between_0_and_1(rows: list[tuple[int, float]]) -> None:
    values = np.array([value for _, value in rows])
    names = [name for name, _ in rows]
    found = share_interval(names, lambda weights: float(weights @ values / weights.sum()), 5, seed=1, resamples=50)
    assert found is not None
    assert 0 <= found[0] <= float(values.mean()) + 1e-9
    assert float(values.mean()) - 1e-9 <= found[1] <= 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50), st.integers(1, 20))
def test_calibration_error_is_bounded(rows: list[tuple[float, bool]], bins: int) -> None:
    error = expected_calibration_error([c for c, _ in rows], [r for _, r in rows], bins)
    assert error is not None
    assert 0 <= error <= 1 + 1e-12
    single = expected_calibration_error([c for c, _ in rows], [r for _, r in rows], 1)
    assert single is not None
    assert single <= error + 1e-9  # merging bins can only let errors cancel
