"""Calibration: what a judge leans to does not decide, what it tells apart does, and no rationale judges itself."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.calibration import LEAST, SUREST, PlattScaling, calibrated, fitted, odds_of
from mindsmirror.annotation.likelihood import share
from mindsmirror.answers import Number
from mindsmirror.evaluation.metrics import balanced_accuracy, verdict_quality
from mindsmirror.records import (
    Annotation,
    CalibrationTarget,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)
from mindsmirror.tasks.base import Splits, Task

TASK = Task("sums", 1, "none", Number(), Splits((), (), ()))
Rows = list[tuple[float, bool]]
rows = st.lists(st.tuples(st.floats(-25, 25), st.booleans()), min_size=1, max_size=60)


@given(rows, st.randoms())
def test_it_never_falls_and_does_not_depend_on_the_order(found: Rows, chance: random.Random) -> None:
    scale = fitted(found)
    enough = min(sum(label for _, label in found), sum(not label for _, label in found)) >= LEAST
    assert (scale is not None) == enough
    if scale is None:
        return
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert fitted(shuffled) == scale
    probabilities = [scale.probability(share(x)) for x in sorted(x for x, _ in found)]
    assert all(low <= high for low, high in pairwise(probabilities))
    assert all(0 <= p <= 1 for p in probabilities) and scale.slope >= 0


def judged(count: int, seed: int, *, bias: float, skill: float, right: float = 0.7) -> Rows:
    """Log-odds of a judge that leans by `bias` and tells right from wrong by `skill`."""
    draw = random.Random(seed)
    labels = [draw.random() < right for _ in range(count)]
    return [(bias + draw.gauss(skill if label else -skill, 1.0), label) for label in labels]


def verdicts(scale: PlattScaling, found: Rows) -> list[Verdict]:
    return [scale.verdict(scale.probability(share(x))) for x, _ in found]


@settings(max_examples=20)
@given(st.floats(-8, 8), st.integers(0, 99))
def test_what_a_judge_leans_to_changes_no_verdict(bias: float, seed: int) -> None:
    straight, leaning = (judged(200, seed, bias=each, skill=0.8) for each in (0.0, bias))
    scales = [fitted(found) for found in (straight, leaning)]
    assert scales[0] is not None and scales[1] is not None
    said = [verdicts(scale, found) for scale, found in zip(scales, (straight, leaning), strict=True) if scale]
    assert sum(a is not b for a, b in zip(*said, strict=True)) <= 1
    assert scales[1].slope == pytest.approx(scales[0].slope, abs=1e-3)


def test_it_is_the_maximum_of_the_smoothed_likelihood() -> None:
    found = judged(300, 5, bias=3.0, skill=0.6)
    scale = fitted(found)
    assert scale is not None
    correct = sum(label for _, label in found)
    targets = [(correct + 1) / (correct + 2) if label else 1 / (300 - correct + 2) for _, label in found]

    def loss(slope: float, intercept: float) -> float:
        logits = np.array([slope * x + intercept for x, _ in found])
        return float((np.logaddexp(0, logits) - np.array(targets) * logits).sum())

    least = loss(scale.slope, scale.intercept)
    for slope, intercept in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3), (0.3, -1.0), (-0.3, 1.0)):
        assert loss(scale.slope + slope, scale.intercept + intercept) > least
    # A fit with an intercept gives back the share that it was fitted to.
    assert sum(scale.probability(share(x)) for x, _ in found) / 300 == pytest.approx(sum(targets) / 300)
    assert scale.base == pytest.approx(sum(targets) / 300)


def test_its_threshold_is_about_the_best_there_is() -> None:
    """Though half would call nearly everything correct."""
    found = judged(4000, 3, bias=4.0, skill=0.5, right=0.8)
    labels = [label for _, label in found]
    scale = fitted(found)
    assert scale is not None
    ours = balanced_accuracy([v is Verdict.CORRECT for v in verdicts(scale, found)], labels)
    every = [balanced_accuracy([x > t for x, _ in found], labels) for t in np.linspace(0, 8, 161)]
    raw = balanced_accuracy([x > 0 for x, _ in found], labels)
    assert ours is not None and raw is not None
    assert ours > max(each for each in every if each is not None) - 0.01 and raw < 0.51 < ours


def test_labels_that_are_often_wrong_hardly_move_the_threshold() -> None:
    """As the consensus is: right of 0.9 of the correct and 0.7 of the wrong ones."""
    found = judged(8000, 4, bias=2.0, skill=0.7)
    draw = random.Random(9)
    noisy = [(x, (draw.random() < 0.9) if label else (draw.random() < 0.3)) for x, label in found]
    clean, blurred = fitted(found), fitted(noisy)
    assert clean is not None and blurred is not None

    def threshold(scale: PlattScaling) -> float:
        return (math.log(scale.base / (1 - scale.base)) - scale.intercept) / scale.slope

    assert threshold(blurred) == pytest.approx(threshold(clean), abs=0.15)


@pytest.mark.parametrize("skill", [0.0, -1.0])
def test_a_judge_that_is_worse_than_none_is_uncertain(skill: float) -> None:
    found: Rows = [(skill * (1 if label else -1), label) for label in [True] * 30 + [False] * 20]
    scale = fitted(found)
    assert scale is not None and scale.slope == 0
    assert set(verdicts(scale, found)) == {Verdict.UNCERTAIN}


@given(st.floats(0, 1))
def test_odds_are_finite_and_lead_back(likelihood: float) -> None:
    odds = odds_of(likelihood)
    assert -SUREST <= odds <= SUREST and share(odds) == pytest.approx(likelihood, abs=1e-12)


def annotation(name: str, odds: Sequence[float], right: Sequence[bool], split: str = "train") -> Annotation:
    """A question whose right rationales agree on 1; each wrong one has an answer of its own."""
    answers = ["1" if flag else str(2 + n) for n, flag in enumerate(right)]
    rationales = tuple(
        Rationale(teacher="t", sample=n, text="…", answer=answer, parse=Parse.OK, right=flag)
        for n, (answer, flag) in enumerate(zip(answers, right, strict=True))
    )
    evaluations = tuple(
        SelfEvaluation(
            teacher="t",
            rationale=n,
            sample=0,
            verdict=Verdict.CORRECT,
            source=VerdictSource.LIKELIHOOD,
            likelihood=share(x),
        )
        for n, x in enumerate(odds)
    )
    made = Provenance(teacher="t", judge="t", prompt="p", temperature=0.8, tokens_in=0, tokens_out=0)
    example = Example(id=name, text=name, gold="1")
    return Annotation(example=example, split=split, rationales=rationales, evaluations=evaluations, provenance=made)


def many(count: int, seed: int, split: str = "train") -> list[Annotation]:
    found = judged(5 * count, seed, bias=5.0, skill=1.0)
    parts = [found[start : start + 5] for start in range(0, len(found), 5)]
    return [
        annotation(f"{split}{n}", [x for x, _ in part], [label for _, label in part], split)
        for n, part in enumerate(parts)
    ]


@pytest.mark.parametrize("grounds", list(CalibrationTarget))
def test_verdicts_come_to_carry_information(grounds: CalibrationTarget) -> None:
    raw = many(100, 1)
    found = calibrated(raw, TASK, grounds)

    def quality(annotations: Sequence[Annotation]) -> float:
        pairs = [(e.verdict, bool(a.rationales[e.rationale].right)) for a in annotations for e in a.evaluations]
        return verdict_quality(pairs).balanced_accuracy or 0.0

    assert quality(raw) == 0.5 and quality(found) > 0.75
    assert [a.example.id for a in found] == [a.example.id for a in raw]
    for before, after in zip(raw, found, strict=True):
        for old, new in zip(before.evaluations, after.evaluations, strict=True):
            assert new.likelihood == old.likelihood and new.calibration is grounds and new.p_correct is not None
    assert calibrated(found, TASK, grounds) == found, "what is calibrated stays what it is"
    backwards = calibrated(raw[::-1], TASK, grounds)
    assert {a.example.id: a for a in backwards} == {a.example.id: a for a in found}


def test_no_question_has_a_say_in_its_own_verdicts() -> None:
    """Nor has any that is not trained on."""
    whole = [*many(60, 2), *many(20, 3, "valid")]
    found = {a.example.id: a for a in calibrated(whole, TASK, CalibrationTarget.GOLD)}
    for number in (0, 7, 65):
        turned = list(whole)
        turned[number] = annotation(
            whole[number].example.id,
            [odds_of(e.likelihood or 0) for e in whole[number].evaluations],
            [not r.right for r in whole[number].rationales],
            whole[number].split,
        )
        again = calibrated(turned, TASK, CalibrationTarget.GOLD)[number]
        assert again.evaluations == found[again.example.id].evaluations


def test_the_consensus_is_asked_and_not_gold() -> None:
    whole = many(60, 2)
    blind = [
        a.model_copy(update={"rationales": tuple(r.model_copy(update={"right": None}) for r in a.rationales)})
        for a in whole
    ]
    found = calibrated(whole, TASK, CalibrationTarget.CONSENSUS)
    assert [a.evaluations for a in calibrated(blind, TASK, CalibrationTarget.CONSENSUS)] == [
        a.evaluations for a in found
    ]
    assert calibrated(blind, TASK, CalibrationTarget.GOLD) == blind


def test_too_little_to_fit_to_leaves_verdicts_as_they_are() -> None:
    few = many(3, 2)
    assert calibrated(few, TASK, CalibrationTarget.GOLD) == few
    assert calibrated([], TASK, CalibrationTarget.GOLD) == []
    one_class = [annotation(f"q{n}", [1.0, 2.0], [True, True]) for n in range(50)]
    assert calibrated(one_class, TASK, CalibrationTarget.GOLD) == one_class
