"""Answers from several rationales of one student: plain votes, and votes weighted by its own self-evaluation.

`vote` is self-consistency (Wang et al., arXiv 2203.11171). `mirror` gives each vote the probability of "correct"
that the student's judge gives to its rationale: the product's use of what the self-evaluation stage taught. Both
count the same samples, so they write the same tokens. `mirror` reads more: for every rationale that reaches an answer,
one pass over question and rationale, which `Prediction.tokens` does not count.
"""

from collections.abc import Callable, Sequence

from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Example, Parse, Prediction, Sample
from mindsmirror.tasks.base import Task


def judged_samples(
    predictor: Predictor, asked: VerdictRequest, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]]
) -> list[tuple[Sample, ...]]:
    """The samples with the judge's probability of "correct" on each that states an answer."""
    places = [
        (row, column)
        for row, of_question in enumerate(samples)
        for column, sample in enumerate(of_question)
        if sample.answer is not None
    ]
    judged = [(examples[row].text, samples[row][column].text) for row, column in places]
    shares = verdict_probabilities(predictor, asked, judged)
    found = {place: share[0] for place, share in zip(places, shares, strict=True)}
    return [
        tuple(
            sample.model_copy(update={"p_correct": found.get((row, column))})
            for column, sample in enumerate(of_question)
        )
        for row, of_question in enumerate(samples)
    ]


def vote(task: Task, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]]) -> list[Prediction]:
    """The answer that most samples reach; of equals, the one that came first."""
    return [
        _elect(task, example, of_question, "vote", lambda _: 1.0)
        for example, of_question in zip(examples, samples, strict=True)
    ]


def mirror(task: Task, examples: Sequence[Example], samples: Sequence[tuple[Sample, ...]]) -> list[Prediction]:
    """The answer with the largest sum of probabilities of "correct"."""
    return [
        _elect(task, example, of_question, "mirror", lambda sample: sample.p_correct or 0.0)
        for example, of_question in zip(examples, samples, strict=True)
    ]


def _elect(
    task: Task, example: Example, samples: tuple[Sample, ...], mode: str, weight: Callable[[Sample], float]
) -> Prediction:
    """The answer with the most weight; its share of all weight is the confidence (records.Prediction)."""
    sums: dict[str, float] = {}
    first: dict[str, Sample] = {}
    for sample in samples:
        answer = task.read(example, sample.answer) if sample.answer is not None else None
        if answer is not None:
            sums[answer.key] = sums.get(answer.key, 0.0) + weight(sample)
            best = first.setdefault(answer.key, sample)
            if weight(sample) > weight(best):
                first[answer.key] = sample
    tokens = sum(sample.tokens for sample in samples)
    if not sums:
        return Prediction(
            example=example.id,
            mode=mode,
            answer=None,
            right=task.right(example, None),
            parse=Parse.NO_ANSWER,
            tokens=tokens,
            samples=samples,
        )
    winner = max(sums, key=lambda key: sums[key])
    total = sum(weight(sample) for sample in samples)
    return Prediction(
        example=example.id,
        mode=mode,
        answer=first[winner].answer,
        right=first[winner].right,
        rationale=first[winner].text,
        confidence=sums[winner] / total if total > 0 else None,
        tokens=tokens,
        samples=samples,
    )
