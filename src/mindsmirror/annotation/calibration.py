"""From a judge's likelihoods to probabilities and verdicts, on the training questions alone.

A small teacher prefers one of the two words whatever it reads, so 0.5 is no threshold. Platt scaling (1999, with his
smoothed targets) gives p_correct = σ(a·x + b), where x is the judge's log-odds. It is fitted to whether training
rationales are correct: by gold where every arm may know gold, else by the consensus of the k answers. The verdict is
"correct" where p_correct exceeds the share of correct rationales among those it was fitted to. Of all thresholds this
one has the best balanced accuracy, also where labels are wrong at a rate of each class's own, as those of a
consensus are (Menon et al., 2015, ICML, 125–134). Only a and b come from the labels: the judge's order stays.

A training question is calibrated by what was fitted to others (five folds, by the question's id), so that no
rationale's own label decides about it; any other question by what was fitted to all training questions.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mindsmirror.annotation.judges import consensus
from mindsmirror.annotation.likelihood import share
from mindsmirror.annotation.reading import answers_of
from mindsmirror.records import Annotation, CalibrationTarget, SelfEvaluation, Verdict
from mindsmirror.tasks.base import Task

FOLDS = 5
LEAST = 5
"""Rationales of either class, without which nothing is fitted."""
SUREST = 30.0
"""Log-odds beyond it count as it: a probability cannot tell them apart."""
STEPS = 100


class PlattScaling(NamedTuple):
    """σ(slope · log-odds + intercept); `base` is the share of correct rationales that it was fitted to."""

    slope: float
    intercept: float
    base: float

    def probability(self, likelihood: float) -> float:
        """It never falls as the likelihood rises. A judge that cannot tell rationales apart gets the base for all."""
        return self.base if self.slope == 0 else share(self.slope * odds_of(likelihood) + self.intercept)

    def verdict(self, probability: float) -> Verdict:
        """Correct above the base, wrong below it, uncertain at it."""
        if probability == self.base:
            return Verdict.UNCERTAIN
        return Verdict.CORRECT if probability > self.base else Verdict.WRONG


def calibrated(annotations: Sequence[Annotation], task: Task, grounds: CalibrationTarget) -> list[Annotation]:
    """The annotations with calibrated probabilities and the verdicts that follow from them, in their order.

    They stay as they are where the training questions hold too few correct or too few wrong rationales to fit to.
    """
    rows = sorted(row for a in annotations if a.split == "train" for row in _rows(a, task, grounds))
    scalings = [fitted([(x, label) for fold, x, label in rows if fold != left_out]) for left_out in range(FOLDS)]
    scalings.append(fitted([(x, label) for _, x, label in rows]))
    known = [scaling for scaling in scalings if scaling is not None]
    if len(known) < len(scalings):
        return list(annotations)
    return [_of(a, known[_fold(a) if a.split == "train" else FOLDS], grounds) for a in annotations]


def fitted(rows: Iterable[tuple[float, bool]]) -> PlattScaling | None:
    """The scaling for log-odds and labels, whatever their order; None for fewer than `LEAST` of either class.

    Newton's method on the convex loss, halving steps that do not lower it. A slope below 0, the mark of a judge that
    is worse than none, becomes 0.
    """
    ordered = sorted(rows)
    x = np.array([row[0] for row in ordered], dtype=np.float64)
    correct = np.array([row[1] for row in ordered], dtype=bool)
    positives, negatives = int(correct.sum()), int((~correct).sum())
    if min(positives, negatives) < LEAST:
        return None
    target = np.where(correct, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    base = float(target.mean())
    slope, intercept = _newton(x, target, math.log(base / (1 - base)))
    return PlattScaling(slope, intercept, base) if slope > 0 else PlattScaling(0.0, math.log(base / (1 - base)), base)


def odds_of(likelihood: float) -> float:
    """Log-odds within `SUREST` of a probability."""
    if not 0 < likelihood < 1:
        return math.copysign(SUREST, likelihood - 0.5)
    return max(-SUREST, min(SUREST, math.log(likelihood) - math.log1p(-likelihood)))


def _newton(x: NDArray[np.float64], target: NDArray[np.float64], start: float) -> tuple[float, float]:
    # About its mean the log-odds' slope and intercept hardly depend on each other.
    centre = float(x.mean())
    design = np.column_stack([x - centre, np.ones_like(x)])
    weights = np.array([0.0, start])
    loss = _loss(design @ weights, target)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(design @ weights)))
        gradient = design.T @ (p - target)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        scale = 1.0
        while scale > 1e-9 and _loss(design @ (weights - scale * step), target) > loss:
            scale /= 2
        weights = weights - scale * step
        before, loss = loss, _loss(design @ weights, target)
        if before - loss <= 1e-12 * max(1.0, before):
            break
    return float(weights[0]), float(weights[1] - weights[0] * centre)


def _loss(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0.0, logits) - target * logits).sum())


def _rows(annotation: Annotation, task: Task, grounds: CalibrationTarget) -> list[tuple[int, float, bool]]:
    """Fold, log-odds and label of those of a question's self-evaluations that have both."""
    if grounds is CalibrationTarget.GOLD:
        labels = {r.sample: r.right for r in annotation.rationales if r.right is not None}
    else:
        verdicts = consensus(answers_of(annotation.example, annotation.rationales, task)).verdicts
        labels = {s: v is Verdict.CORRECT for s, v in verdicts.items() if v is not Verdict.UNCERTAIN}
    return [
        (_fold(annotation), odds_of(e.likelihood), labels[e.rationale])
        for e in annotation.evaluations
        if e.likelihood is not None and e.rationale in labels
    ]


def _fold(annotation: Annotation) -> int:
    digest = hashlib.sha256(annotation.example.id.encode("utf-8", "surrogatepass")).hexdigest()
    return int(digest[:8], 16) % FOLDS


def _of(annotation: Annotation, scale: PlattScaling, grounds: CalibrationTarget) -> Annotation:
    evaluations = tuple(_evaluation(each, scale, grounds) for each in annotation.evaluations)
    return annotation.model_copy(update={"evaluations": evaluations})


def _evaluation(evaluation: SelfEvaluation, scale: PlattScaling, grounds: CalibrationTarget) -> SelfEvaluation:
    if evaluation.likelihood is None:
        return evaluation
    p = scale.probability(evaluation.likelihood)
    return evaluation.model_copy(update={"p_correct": p, "verdict": scale.verdict(p), "calibration": grounds})
