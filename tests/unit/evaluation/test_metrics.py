"""Metrics against literals."""

import math

import pytest
from scipy import stats

from mindsmirror.evaluation import (
    auroc,
    auroc_interval,
    auroc_within,
    balanced_accuracy,
    expected_calibration_error,
    majority_baseline,
    verdict_quality,
)
from mindsmirror.records import Verdict


def test_auroc_literals() -> None:
    assert auroc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == 0.75
    assert auroc([0.5, 0.5, 0.5], [True, False, True]) == 0.5
    assert auroc([], []) is None
    assert auroc([0.2, 0.9], [True, True]) is None


@pytest.mark.parametrize(("scores", "labels"), [([float("nan")], [True]), ([0.1, 0.2], [True])])
def test_auroc_refuses_what_it_cannot_rank(scores: list[float], labels: list[bool]) -> None:
    with pytest.raises(ValueError, match="one number for each label"):
        auroc(scores, labels)


def test_auroc_against_scipy() -> None:
    scores = [0.3, 0.3, 0.9, 0.1, 0.5, 0.5, 0.5, 0.7]
    labels = [True, False, True, False, False, True, True, False]
    positive = [s for s, label in zip(scores, labels, strict=True) if label]
    negative = [s for s, label in zip(scores, labels, strict=True) if not label]
    u = stats.mannwhitneyu(positive, negative).statistic
    assert auroc(scores, labels) == pytest.approx(u / (len(positive) * len(negative)))


def test_auroc_interval_draws_whole_questions() -> None:
    scores = [0.9, 0.8, 0.3, 0.2, 0.6, 0.7, 0.4, 0.1] * 10
    labels = [True, True, False, False, False, True, True, False] * 10
    found = auroc_interval(scores, labels, [i // 4 for i in range(80)], seed=0)
    point = auroc(scores, labels)
    assert found is not None
    assert point is not None
    assert found[0] < point < found[1]
    assert auroc_interval(scores, labels, [i // 4 for i in range(80)], seed=0) == found
    assert auroc_interval([0.5, 0.1], [True, True], ["q", "r"], seed=0) is None
    assert auroc_interval([], [], [], seed=0) is None


def test_auroc_within_questions_literals() -> None:
    """Question a: right 0.9 and 0.4 against wrong 0.5, one pair of two in order; b: a tie; c has no wrong one."""
    found = auroc_within([0.9, 0.4, 0.5, 0.2, 0.2, 0.1], [True, True, False, True, False, True], "aaabbc", seed=0)
    assert (found.auroc, found.pairs, found.questions, found.ci95) == (1.5 / 3, 3, 2, None)
    assert auroc_within([], [], [], seed=0).auroc is None
    infinite = auroc_within([math.inf, math.inf, -math.inf], [True, False, False], "aaa", seed=0)
    assert (infinite.auroc, infinite.pairs) == (1.5 / 2, 2)
    with pytest.raises(ValueError, match="NaN"):
        auroc_within([math.nan, 1.0], [True, False], "aa", seed=0)


def test_a_judge_that_tells_questions_apart_and_not_rationales() -> None:
    """Its scores follow how hard a question is, so that it seems good until one looks within questions."""
    rows = [(0.1 * question, sample < question, question) for question in range(1, 8) for sample in range(8)]
    scores, labels, questions = zip(*rows, strict=True)
    overall = auroc(scores, labels)
    assert overall is not None and overall > 0.75
    within = auroc_within(scores, labels, questions, seed=0)
    assert within.auroc == 0.5 and within.questions == 7


@pytest.mark.parametrize("right", [0.9, 0.1])
def test_an_interval_of_what_is_wholly_won_or_lost_is_no_point(right: float) -> None:
    """Seven of seven: Wilson's interval begins at 7 / (7 + z²)."""
    scores, labels = [right, 0.5] * 7, [True, False] * 7
    questions = [row // 2 for row in range(14)]
    end = 7 / (7 + 3.841459)
    expected = (end, 1.0) if right > 0.5 else (0.0, 1 - end)
    assert auroc_within(scores, labels, questions, seed=0).ci95 == pytest.approx(expected)
    assert auroc_interval(scores, labels, questions, seed=0) == pytest.approx(expected)


def test_five_questions_of_one_class_are_too_few_for_an_interval() -> None:
    scores, labels = [0.9, 0.5] * 5 + [0.4] * 20, [True, False] * 5 + [False] * 20
    questions = [row // 2 for row in range(30)]
    assert auroc_interval(scores, labels, questions, seed=0) is None
    assert auroc_within(scores, labels, questions, seed=0).ci95 is None
    verdicts = [Verdict.CORRECT if score > 0.6 else Verdict.WRONG for score in scores]
    quality = verdict_quality(list(zip(verdicts, labels, strict=True)), questions)
    assert quality.balanced_accuracy == 1.0 and quality.balanced_accuracy_ci95 is None


def test_a_judge_that_always_says_the_same() -> None:
    always = verdict_quality([(Verdict.CORRECT, True), (Verdict.CORRECT, False), (Verdict.UNCERTAIN, False)])
    assert always.always is Verdict.CORRECT and always.balanced_accuracy == 0.5
    assert verdict_quality([(Verdict.CORRECT, True), (Verdict.WRONG, True)]).always is None
    assert verdict_quality([(Verdict.UNPARSED, True)]).always is None


def test_balanced_accuracy_literals() -> None:
    assert balanced_accuracy([True, True, False, True], [True, True, False, False]) == 0.75
    assert balanced_accuracy([True], [True]) is None
    with pytest.raises(ValueError, match="one for each"):
        balanced_accuracy([True], [True, False])


def test_majority_baseline() -> None:
    assert majority_baseline([True, False, False]) == pytest.approx(2 / 3)
    assert majority_baseline([]) is None


def test_verdict_quality_of_the_known_table() -> None:
    # The consensus judge of the reference measurement: 96 of 100 right, 41 of 50 wrong.
    pairs = (
        [(Verdict.CORRECT, True)] * 96
        + [(Verdict.WRONG, True)] * 4
        + [(Verdict.WRONG, False)] * 41
        + [(Verdict.CORRECT, False)] * 9
    )
    quality = verdict_quality(pairs, questions=[i % 30 for i in range(150)])
    assert quality.recall_correct == 0.96
    assert quality.recall_wrong == 0.82
    assert quality.balanced_accuracy == pytest.approx(0.89)
    assert quality.precision_correct == pytest.approx(96 / 105)
    assert quality.precision_wrong == pytest.approx(41 / 45)
    assert quality.accuracy == pytest.approx(137 / 150)
    assert quality.majority_baseline == pytest.approx(100 / 150)
    assert quality.balanced_accuracy_ci95 is not None
    assert quality.balanced_accuracy_ci95[0] < 0.89 < quality.balanced_accuracy_ci95[1]


def test_undecided_verdicts_count_but_do_not_decide() -> None:
    quality = verdict_quality([(Verdict.UNCERTAIN, True), (Verdict.UNPARSED, False), (Verdict.CORRECT, True)])
    assert (quality.n, quality.decided, quality.uncertain, quality.unparsed) == (3, 1, 1, 1)
    assert quality.balanced_accuracy is None
    assert quality.balanced_accuracy_ci95 is None
    assert quality.recall_correct == 1.0
    assert quality.recall_wrong is None


def test_verdict_quality_of_nothing() -> None:
    quality = verdict_quality([])
    assert quality.n == 0
    assert quality.accuracy is None


def test_calibration_error_literals() -> None:
    assert expected_calibration_error([], []) is None
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert expected_calibration_error([0.95, 0.95], [True, False]) == pytest.approx(0.45)
    # 0.7 closes its bin from above, so it shares it with 0.61.
    assert expected_calibration_error([0.7, 0.61], [True, False]) == pytest.approx(abs(0.3 - 0.61) / 2)
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        expected_calibration_error([1.1], [True])
