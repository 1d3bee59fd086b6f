"""Distances between a trained and an exported student, and what is too far."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.delivery.fidelity import CLASSES, Bounds, JudgeFidelity, divergence, judge_fidelity, shortfalls
from mindsmirror.records import Example

BOUNDS = Bounds(divergence=0.1, answers=0.9, judge=0.05, auroc=0.05)


def judge(mean: float = 0.0, before: float | None = 0.8, after: float | None = 0.8) -> JudgeFidelity:
    return JudgeFidelity(
        rationales=100, mean_difference=mean, largest_difference=mean, auroc_before=before, auroc_after=after
    )


def test_divergence_is_that_of_the_formula() -> None:
    before, after = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log(), torch.tensor([[0.25, 0.75], [0.9, 0.1]]).log()
    expected = (0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)) / 2
    found, same = divergence(before + 3, after - 7)
    assert found == pytest.approx(expected)
    assert same == 0.5


@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=1, max_size=5))
def test_nothing_is_nearer_than_itself(rows: list[list[float]]) -> None:
    logits = torch.tensor(rows)
    assert divergence(logits, logits + 1)[0] == pytest.approx(0, abs=1e-6)
    assert divergence(logits, logits.flip(-1))[0] >= 0


def test_what_is_within_its_bounds_passes() -> None:
    assert shortfalls(BOUNDS, 0.1, [True] * 100, judge(0.05), 50) == ()
    assert shortfalls(BOUNDS, 0.0, [True] * 100, None, 0) == ()


@pytest.mark.parametrize(
    ("apart", "same", "judged", "classes", "said"),
    [
        (0.11, [True] * 100, judge(), 50, "0.11 nats"),
        (math.nan, [True] * 100, judge(), 50, "nan nats"),
        (0.0, [True] * 80 + [False] * 20, judge(), 50, "same answer to 80%"),
        (0.0, [True] * 100, judge(0.06), 50, "probabilities are 0.06"),
        (0.0, [True] * 100, judge(0.0, 0.8, 0.7), CLASSES, "AUROC of its judge falls by 0.1"),
    ],
)
def test_each_bound_is_held(apart: float, same: list[bool], judged: JudgeFidelity, classes: int, said: str) -> None:
    failed = shortfalls(BOUNDS, apart, same, judged, classes)
    assert len(failed) == 1
    assert said in failed[0]


def test_few_questions_condemn_nothing() -> None:
    assert shortfalls(BOUNDS, 0.0, [True, True, True, False], None, 0) == ()
    assert shortfalls(BOUNDS, 0.0, [True] * 8, judge(0.0, 0.8, 0.2), CLASSES - 1) == ()
    assert shortfalls(BOUNDS, 0.0, [True] * 8, judge(0.0, None, None), CLASSES) == ()


def test_a_judge_is_compared_rationale_by_rationale() -> None:
    judged = [(Example(id=str(n), text="?"), "r", flag) for n, flag in enumerate([True, False, None, True])]
    found = judge_fidelity(judged, [0.9, 0.1, 0.5, 0.8], [0.8, 0.85, 0.5, 0.9])
    assert found is not None
    assert found.mean_difference == pytest.approx((0.1 + 0.75 + 0.1) / 4)
    assert found.largest_difference == pytest.approx(0.75)
    assert (found.auroc_before, found.auroc_after) == (1.0, 0.5)
    assert judge_fidelity([], [], []) is None
