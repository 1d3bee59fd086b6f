"""Fits what `inference/confidence.py` uses, on a student's answers to validation questions.

Every choice is judged on questions that its fit has not seen: five folds by question. A sample's log-odds come from a
logistic regression (L2, on standardised features), λ from the accuracy of the answers that it elects, the probability
of an answer from Platt's scaling of its score. Little is fitted to few questions, so what is fitted stays small.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mindsmirror.annotation.calibration import fitted as platt_scaling
from mindsmirror.evaluation.metrics import LEAST_QUESTIONS, WithinQuestions, auroc, auroc_within
from mindsmirror.evaluation.result import FeatureQuality
from mindsmirror.evaluation.selective import guaranteed_threshold
from mindsmirror.inference.confidence import (
    NEVER,
    SUREST,
    AnswerModel,
    Candidate,
    Feature,
    Features,
    SampleModel,
    Sparing,
    Weight,
    log_odds_of,
)

FOLDS = 5
STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Values of λ that are tried; with the last the best sample decides nearly alone."""
DIGITS = 4
"""Of the confidences that are kept of validation answers."""
DECIDED = 0.5
"""An answer that is no likelier to be right than wrong is not decided."""
PENALTY = 1.0
"""Inverse strength of the L2 penalty: a weight of 1 for each standard deviation costs as much as half a nat."""


class Answered(NamedTuple):
    """What is known of one question's samples."""

    features: Sequence[Features | None]
    """None: the sample reaches no answer."""
    right: Sequence[bool]
    found: Sequence[Candidate]


class Elected(NamedTuple):
    """The score of a question's leading answer and whether it is right; None: no sample reaches an answer."""

    score: float
    right: bool


class _Rows(NamedTuple):
    values: NDArray[np.float64]
    """[samples, features], NaN where unknown."""
    right: NDArray[np.bool_]
    question: NDArray[np.int64]


def can_fit(questions: Sequence[Answered]) -> bool:
    """Whether right and wrong samples come from enough questions each."""
    rows = _rows(questions, ())
    return all(len(set(rows.question[rows.right == kind].tolist())) >= LEAST_QUESTIONS for kind in (True, False))


def fit_samples(questions: Sequence[Answered], names: Sequence[Feature]) -> SampleModel:
    """The log-odds of a sample from these features, fitted to all questions."""
    rows = _rows(questions, names)
    return _model(rows.values, rows.right, names)


def held_out_log_odds(questions: Sequence[Answered], names: Sequence[Feature], seed: int) -> list[list[float]]:
    """The log-odds of every sample by a model that was fitted to other questions; 0 for a sample without an answer."""
    from sklearn.model_selection import GroupKFold

    rows = _rows(questions, names)
    log_odds = np.zeros(len(rows.right))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(rows.values, groups=rows.question)
    for learnt, left_out in folds:
        model = _model(rows.values[learnt], rows.right[learnt], names)
        for row in left_out.tolist():
            log_odds[row] = model.log_odds(_named(rows.values[row], names))
    found = iter(log_odds.tolist())
    return [[0.0 if each is None else next(found) for each in question.features] for question in questions]


def choose_strength(
    questions: Sequence[Answered], log_odds: Sequence[Sequence[float]]
) -> tuple[float, dict[float, float]]:
    """The λ whose answers are right most often, of equals the smallest, and the accuracy of each λ; 0: a plain vote."""
    accuracy = {
        strength: sum(each is not None and each.right for each in elected(questions, log_odds, strength))
        / len(questions)
        for strength in (0.0, *STRENGTHS)
    }
    return max(accuracy, key=accuracy.__getitem__), accuracy


def choose_sureness(questions: Sequence[Answered], log_odds: Sequence[Sequence[float]]) -> float:
    """The λ, or 0, whose scores best tell right from wrong among the answers of the largest share."""

    def area(strength: float) -> float:
        known = [each for each in elected(questions, log_odds, strength, by_share=True) if each is not None]
        return auroc([each.score for each in known], [each.right for each in known]) or 0.0

    return max((0.0, *STRENGTHS), key=area)


def elected(
    questions: Sequence[Answered], log_odds: Sequence[Sequence[float]], strength: float, *, by_share: bool = False
) -> list[Elected | None]:
    """The leading answer of each question, by its score or by its share (`AnswerModel.leader`)."""
    leaders: list[Elected | None] = []
    for question, of_samples in zip(questions, log_odds, strict=True):
        shares = [len(candidate.members) / len(question.features) for candidate in question.found]
        scores = [
            math.log(share) + strength * max(of_samples[member] for member in candidate.members)
            for share, candidate in zip(shares, question.found, strict=True)
        ]
        counts = shares if by_share else scores
        if not counts:
            leaders.append(None)
            continue
        leader = max(range(len(counts)), key=counts.__getitem__)
        leaders.append(Elected(scores[leader], question.right[question.found[leader].members[0]]))
    return leaders


def fit_answers(
    leaders: Sequence[Elected | None],
    sample: SampleModel | None,
    strength: float,
    risk: float | None,
    *,
    by_share: bool = False,
) -> AnswerModel:
    """The probability of an answer from its score, and the threshold that keeps a promised risk."""
    rows = [each for each in leaders if each is not None]
    scaling = platt_scaling((each.score, each.right) for each in rows)
    if scaling is not None and scaling.slope > 0:
        slope, intercept = scaling.slope, scaling.intercept
    else:
        # Too few of one kind, or a score that says nothing: the share of right answers, a little nearer to one half.
        slope, intercept = 0.0, log_odds_of((sum(each.right for each in rows) + 1) / (len(rows) + 2))
    model = AnswerModel(sample=sample, strength=strength, by_share=by_share, slope=slope, intercept=intercept)
    return model.model_copy(update=_sureness([(model.probability(each.score), each.right) for each in rows], risk))


def fit_sparing(
    first: Sequence[Elected | None],
    think: AnswerModel,
    leaders: Sequence[Elected | None],
    mirror: AnswerModel,
    risk: float | None,
) -> Sparing:
    """When to draw no more after the first rationale, from its answers and the mirror's to the same questions.

    Above one half, and above the confidence of every question that drawing has put right, so that none of these would
    have been lost.
    """
    alone = [None if each is None else think.probability(each.score) for each in first]
    gained = [
        sure
        for sure, one, leader in zip(alone, first, leaders, strict=True)
        if sure is not None and one is not None and not one.right and leader is not None and leader.right
    ]
    sparing = Sparing(enough=max([DECIDED, *gained]))
    given = []
    for sure, one, leader in zip(alone, first, leaders, strict=True):
        if sure is not None and one is not None and sparing.stops(sure):
            given.append((sure, one.right))
        elif leader is not None:
            given.append((mirror.probability(leader.score), leader.right))
    return sparing.model_copy(update=_sureness(given, risk))


def _sureness(given: Sequence[tuple[float, bool]], risk: float | None) -> dict[str, Any]:
    """What is kept of validation answers, their confidences and whether they are right (`Sureness`)."""
    seen = tuple((round(sure, DIGITS), right) for sure, right in given)
    if risk is None:
        return {"seen": seen}
    sure, right = [each for each, _ in given], [hit for _, hit in given]
    found = guaranteed_threshold(sure, right, risk) if given else None
    return {"seen": seen, "threshold": NEVER if found is None else found.confidence}


def judge_within(questions: Sequence[Answered], seed: int) -> WithinQuestions | None:
    """How the verdict's log-odds order samples of one question; None without verdicts."""
    rows = _rows(questions, ("verdict",))
    if np.isnan(rows.values).any():
        return None
    return auroc_within(rows.values[:, 0], rows.right, rows.question.tolist(), seed)


def samples_within(questions: Sequence[Answered], names: Sequence[Feature], seed: int) -> WithinQuestions:
    """The same of the log-odds that these features give together, by models that were fitted to other questions."""
    held_out = held_out_log_odds(questions, names, seed)
    rows = _rows(questions, names)
    scores = [
        odds
        for of_question, question in zip(held_out, questions, strict=True)
        for odds, each in zip(of_question, question.features, strict=True)
        if each is not None
    ]
    return auroc_within(scores, rows.right, rows.question.tolist(), seed)


def feature_qualities(
    questions: Sequence[Answered], names: Sequence[Feature], model: SampleModel, whole: WithinQuestions, seed: int
) -> tuple[FeatureQuality, ...]:
    """What each feature is worth within questions: alone, and what is lost without it."""
    found = []
    for name in names:
        rest = [other for other in names if other != name]
        without = samples_within(questions, rest, seed).auroc if rest else 0.5
        lost = None if whole.auroc is None or without is None else whole.auroc - without
        found.append(
            FeatureQuality(
                feature=name,
                weight=model.weights[name].weight,
                alone=samples_within(questions, [name], seed).auroc,
                adds=lost,
            )
        )
    return tuple(found)


def _rows(questions: Sequence[Answered], names: Sequence[Feature]) -> _Rows:
    """A row for every sample with an answer."""
    values: list[list[float]] = []
    right: list[bool] = []
    places: list[int] = []
    for place, question in enumerate(questions):
        for features, hit in zip(question.features, question.right, strict=True):
            if features is not None:
                values.append([np.nan if features[name] is None else float(features[name] or 0.0) for name in names])
                right.append(hit)
                places.append(place)
    matrix = np.array(values, dtype=np.float64).reshape(len(right), len(names))
    return _Rows(matrix, np.array(right, dtype=bool), np.array(places, dtype=np.int64))


def _named(row: NDArray[np.float64], names: Sequence[Feature]) -> Mapping[Feature, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in zip(names, row, strict=True)}


def _model(values: NDArray[np.float64], right: NDArray[np.bool_], names: Sequence[Feature]) -> SampleModel:
    """Standardised over the known values; an unknown one counts as the mean."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if right.all() or not right.any():
        share = (right.sum() + 1) / (len(right) + 2)
        return SampleModel(intercept=log_odds_of(float(share)), weights={})
    imputer: Any = SimpleImputer(keep_empty_features=True).fit(values)
    scaler: Any = StandardScaler().fit(imputer.transform(values))
    regression: Any = LogisticRegression(C=PENALTY).fit(scaler.transform(imputer.transform(values)), right)
    columns = zip(names, scaler.mean_, scaler.scale_, regression.coef_[0], strict=True)
    return SampleModel(
        intercept=max(-SUREST, min(SUREST, float(regression.intercept_[0]))),
        weights={name: Weight(mean=float(m), deviation=float(d), weight=float(w)) for name, m, d, w in columns},
    )
