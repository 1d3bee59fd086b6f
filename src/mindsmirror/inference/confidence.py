"""How sure to be of an answer: from what is at hand of a student's rationales to the probability that it is right.

Of a sample four things are known without gold: its `FEATURES`. A logistic regression makes log-odds of them
(`SampleModel`). An answer that a share s of the samples reach scores log s + λ · (the largest log-odds among them), and
a second logistic function makes the answer's probability of its score (`AnswerModel`). Thinking once is the same with
one sample, so s = 1; a vote elects by s alone and says by the score how sure it is. All numbers are fitted on
validation questions (evaluation/fitting.py) and stored as JSON: nothing here needs more than them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import Field

from mindsmirror.answers.steps import valid_share
from mindsmirror.records import Example, Mode, Prediction, Record, Sample
from mindsmirror.tasks.base import Task

Feature = Literal["verdict", "log_probability", "arithmetic", "agreement"]
"""Log-odds of "correct" by the student's judge; mean log-probability of the text's tokens; share of its arithmetic
steps that hold; share of the question's other samples that reach the same answer."""
FEATURES: tuple[Feature, ...] = get_args(Feature)
Features = Mapping[Feature, float | None]
"""None: not known of this sample, such as the share of steps that hold in a text without steps."""

SUREST = 15.0
"""Log-odds beyond it count as it: no number of validation questions could tell them apart."""
NEVER = 1.0
"""A threshold that no probability reaches."""
ALIKE = 20
"""Validation answers that show what a confidence meant: few enough to be alike, enough to be counted."""


class Weight(Record):
    """How a feature counts: its weight times (value - mean) / deviation. An unknown value counts as the mean."""

    mean: float
    deviation: float = Field(gt=0)
    weight: float


class SampleModel(Record):
    """A sample's log-odds of being right."""

    intercept: float
    weights: dict[Feature, Weight]

    def log_odds(self, features: Features) -> float:
        """Within SUREST."""
        known = ((self.weights[name], value) for name, value in features.items() if name in self.weights)
        total = self.intercept + sum(w.weight * (v - w.mean) / w.deviation for w, v in known if v is not None)
        return max(-SUREST, min(SUREST, total))


class Alike(Record):
    """The validation answers that were about as sure as another one."""

    right: int = Field(description="how many of them are right")
    of: int = Field(description="how many there are")
    least: float = Field(description="the smallest of their confidences")
    most: float = Field(description="the largest")


class Sureness(Record):
    """What the confidence of an answer means: what became of validation answers, and from where on it is given."""

    threshold: float | None = Field(
        None, description="least probability that is answered; 1: none is; None: no risk was promised"
    )
    seen: tuple[tuple[float, bool], ...] = Field(
        default=(), description="the confidence of every validation answer, and whether it is right"
    )

    def alike(self, probability: float | None) -> Alike | None:
        """The validation answers that are nearest in confidence, ALIKE of them and all that are as near; None: none."""
        if probability is None or not self.seen:
            return None
        away = sorted(abs(each - probability) for each, _ in self.seen)
        near = [pair for pair in self.seen if abs(pair[0] - probability) <= away[:ALIKE][-1]]
        sure = [each for each, _ in near]
        return Alike(right=sum(right for _, right in near), of=len(near), least=min(sure), most=max(sure))

    def abstains(self, probability: float | None) -> bool:
        """Whether an answer of this probability (None: no answer) is held back to keep the promised risk."""
        return self.threshold is not None and (probability is None or probability < self.threshold)


class AnswerModel(Sureness):
    """An answer's score, and the probability that it is right."""

    sample: SampleModel | None = Field(None, description="None: only the share of the samples counts")
    strength: float = Field(0.0, ge=0, description="λ; a large one follows the best sample alone")
    by_share: bool = Field(
        False, description="whether the largest share elects the answer, and the score only says how sure to be of it"
    )
    slope: float = Field(ge=0, description="of the log-odds of being right over the score")
    intercept: float

    def score(self, share: float, log_odds: Sequence[float]) -> float:
        """Of an answer that this share of the samples reach, with these log-odds."""
        return math.log(share) + (self.strength * max(log_odds) if self.sample is not None else 0.0)

    def leader(self, shares: Sequence[float], scores: Sequence[float]) -> int:
        """The place of the answer that is given; of equals the first."""
        counts = shares if self.by_share else scores
        return max(range(len(counts)), key=counts.__getitem__)

    def probability(self, score: float) -> float:
        """That an answer with this score is right; below 1."""
        return sigmoid(self.slope * score + self.intercept)


class Sparing(Sureness):
    """When the mirror draws no more rationales; its confidences are those of thinking once, or of the mirror."""

    enough: float = Field(description="the confidence of the first rationale's answer above which no more are drawn")

    def stops(self, confidence: float | None) -> bool:
        """Whether an answer of this confidence by the first rationale (None: it reaches none) is given at once."""
        return confidence is not None and confidence > self.enough


class Calibration(Record):
    """What validation questions taught about an arm's answers."""

    temperature: float = Field(description="at which rationales after the first are drawn")
    modes: dict[Mode, AnswerModel] = Field(default_factory=dict, description="empty where nothing was fitted")
    preferred: Mode | None = Field(None, description="the mode that `ask` uses; None where nothing was compared")
    sparing: Sparing | None = Field(None, description="when `ask` in mode mirror draws no more; None: it always draws")

    def sureness(self, mode: Mode) -> Sureness | None:
        """What a confidence means when one asks in this mode; None where nothing was fitted."""
        return self.sparing if mode == "mirror" and self.sparing is not None else self.modes.get(mode)


class Candidate(NamedTuple):
    """An answer that samples reach, of several wordings the first."""

    key: str
    members: tuple[int, ...]
    """Places of its samples, in order."""


def candidates(task: Task, example: Example, samples: Sequence[Sample]) -> list[Candidate]:
    """The different answers of the samples, by value, in the order in which they first appear."""
    members: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        answer = task.read(example, sample.answer) if sample.answer is not None else None
        if answer is not None:
            members.setdefault(answer.key, []).append(place)
    return [Candidate(key, tuple(places)) for key, places in members.items()]


def features_of(samples: Sequence[Sample], found: Sequence[Candidate]) -> list[Features | None]:
    """The features of every sample of a question; None for those that reach no answer."""
    count = {place: len(candidate.members) for candidate in found for place in candidate.members}
    others = len(samples) - 1
    return [
        {
            "verdict": None if sample.p_correct is None else log_odds_of(sample.p_correct),
            "log_probability": sample.log_probability,
            "arithmetic": valid_share(sample.text),
            "agreement": (count[place] - 1) / others if others else None,
        }
        if place in count
        else None
        for place, sample in enumerate(samples)
    ]


def as_sample(prediction: Prediction, p_correct: float | None = None) -> Sample:
    """A greedy text as the first of a question's samples."""
    return Sample(
        text=prediction.rationale,
        answer=prediction.answer,
        right=prediction.right,
        p_correct=p_correct,
        log_probability=prediction.log_probability,
        tokens=prediction.tokens,
    )


def with_confidence(prediction: Prediction, model: AnswerModel | None, p_correct: float | None = None) -> Prediction:
    """The answer of one greedy text with its probability, if there is a model for it."""
    if model is None:
        return prediction
    probability = None
    if prediction.answer is not None and model.sample is not None:
        sample = as_sample(prediction, p_correct)
        [features] = features_of([sample], [Candidate("", (0,))])
        odds = model.sample.log_odds(features or {})
        probability = model.probability(model.score(1.0, [odds]))
    return prediction.model_copy(
        update={
            "confidence": probability,
            "calibrated": probability is not None,
            "abstained": model.abstains(probability),
        }
    )


def log_odds_of(probability: float) -> float:
    """Within SUREST."""
    if not 0 < probability < 1:
        return math.copysign(SUREST, probability - 0.5)
    return max(-SUREST, min(SUREST, math.log(probability) - math.log1p(-probability)))


def sigmoid(value: float) -> float:
    """The probability that log-odds stand for; never 0 or 1."""
    return 1 / (1 + math.exp(-max(-2 * SUREST, min(2 * SUREST, value))))
