"""Answers from several rationales of one student: plain votes, and elections of the answer that is surest.

`vote` is self-consistency (Wang et al., arXiv 2203.11171): the answer that most samples reach. `mirror` takes the
answer with the largest score of an `AnswerModel` (confidence.py), in which the student's judge, if it has one, and what
is free count as much as they deserved on validation questions. Without such a model each vote weighs the probability of
"correct" that the judge gives it, and without a judge as much as any other.

The first of n samples is the greedy rationale, the others are drawn. Both modes count the same samples, so they write
the same tokens. Where a judge counts, `mirror` reads more: for every rationale that reaches an answer, one pass over
question and rationale, which `Prediction.tokens` does not count.
"""

from collections.abc import Sequence

from mindsmirror.inference.confidence import AnswerModel, Candidate, candidates, features_of, sigmoid
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Example, Mode, Parse, Prediction, Sample
from mindsmirror.tasks.base import Task


def judged_samples(
    predictor: Predictor, asked: VerdictRequest, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]]
) -> list[tuple[Sample, ...]]:
    """The samples with the judge's probability of "correct" on each that states an answer; none is judged twice."""
    places = [
        (row, column)
        for row, of_question in enumerate(samples)
        for column, sample in enumerate(of_question)
        if sample.answer is not None and sample.p_correct is None
    ]
    judged = [(examples[row].text, samples[row][column].text) for row, column in places]
    shares = verdict_probabilities(predictor, asked, judged) if judged else []
    found = {place: share[0] for place, share in zip(places, shares, strict=True)}
    return [
        tuple(
            sample.model_copy(update={"p_correct": found.get((row, column), sample.p_correct)})
            for column, sample in enumerate(of_question)
        )
        for row, of_question in enumerate(samples)
    ]


def vote(
    task: Task, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]], model: AnswerModel | None = None
) -> list[Prediction]:
    """The answer that most samples reach; of equals, the one that came first."""
    return [_elect(task, *each, "vote", model) for each in zip(examples, samples, strict=True)]


def mirror(
    task: Task, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]], model: AnswerModel | None = None
) -> list[Prediction]:
    """The answer with the largest score; without a model that with the largest sum of probabilities of "correct"."""
    return [_elect(task, *each, "mirror", model) for each in zip(examples, samples, strict=True)]


def _elect(
    task: Task, example: Example, samples: tuple[Sample, ...], mode: Mode, model: AnswerModel | None
) -> Prediction:
    """The leading answer; its rationale is that of the sample that counts most for it."""
    found = candidates(task, example, samples)
    tokens = sum(sample.tokens for sample in samples)
    if not found:
        return Prediction(
            example=example.id,
            mode=mode,
            answer=None,
            right=task.right(example, None),
            parse=Parse.NO_ANSWER,
            tokens=tokens,
            samples=samples,
            abstained=model is not None and model.abstains(None),
        )
    if model is None:
        judged = mode == "mirror" and any(sample.p_correct is not None for sample in samples)
        weights = [sample.p_correct or 0.0 if judged else 1.0 for sample in samples]
        scores = [sum(weights[place] for place in candidate.members) for candidate in found]
    else:
        weights = _log_odds(samples, found, model)
        shares = [len(each.members) / len(samples) for each in found]
        scores = [
            model.score(share, [weights[place] for place in each.members])
            for share, each in zip(shares, found, strict=True)
        ]
    if model is None:
        leader = scores.index(max(scores))
        confidence = scores[leader] / sum(weights) if sum(weights) > 0 else None
    else:
        leader = model.leader(shares, scores)
        confidence = model.probability(scores[leader])
        samples = _with_confidence(samples, weights, model)
    best = samples[max(found[leader].members, key=weights.__getitem__)]
    return Prediction(
        example=example.id,
        mode=mode,
        answer=best.answer,
        right=best.right,
        rationale=best.text,
        confidence=confidence,
        calibrated=model is not None,
        abstained=model is not None and model.abstains(confidence),
        tokens=tokens,
        samples=samples,
    )


def _log_odds(samples: Sequence[Sample], found: Sequence[Candidate], model: AnswerModel) -> list[float]:
    """Of each sample; 0 where only shares count, or it reaches no answer."""
    features = features_of(samples, found)
    return [
        0.0 if model.sample is None or of_sample is None else model.sample.log_odds(of_sample) for of_sample in features
    ]


def _with_confidence(samples: tuple[Sample, ...], log_odds: Sequence[float], model: AnswerModel) -> tuple[Sample, ...]:
    if model.sample is None:
        return samples
    return tuple(
        sample if sample.answer is None else sample.model_copy(update={"confidence": sigmoid(odds)})
        for sample, odds in zip(samples, log_odds, strict=True)
    )
