"""The mirror as it is asked in use: it draws more rationales only where the first one is not sure enough.

What is enough was found on validation questions (`Sparing`, evaluation/fitting.py). The first rationale is the greedy
one, and what is drawn after it is what the mirror would have drawn anyway, so an answer differs from the mirror's only
where drawing would have overturned a first rationale that was sure.
"""

from collections.abc import Sequence

from mindsmirror.inference.confidence import AnswerModel, Calibration, Sparing, as_sample, with_confidence
from mindsmirror.inference.predictor import Predictor, and_drawn, think
from mindsmirror.inference.vote import judged_samples, mirror
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Example, Prediction, Sample


def mirror_where_unsure(
    predictor: Predictor,
    asked: VerdictRequest | None,
    examples: Sequence[Example],
    samples: int,
    seed: int,
    calibration: Calibration,
) -> list[Prediction]:
    """The mirror's answers, from at most `samples` rationales each.

    An answer that the first rationale decides has it as its only sample. The calibration must have models of think and
    mirror, as it does where it is sparing.
    """
    spared, models = calibration.sparing or Sparing(enough=1.0), calibration.modes
    greedy = think(predictor, examples)
    first: list[tuple[Sample, ...]] = [(as_sample(each),) for each in greedy]
    if asked is not None and asks_judge(models["think"]):
        first = judged_samples(predictor, asked, examples, first)
    alone = [
        with_confidence(each, models["think"], of_question[0].p_correct)
        for each, of_question in zip(greedy, first, strict=True)
    ]
    found = {
        place: each.model_copy(update={"mode": "mirror", "samples": first[place]})
        for place, each in enumerate(alone)
        if spared.stops(each.confidence)
    }
    unsure = [place for place in range(len(alone)) if place not in found]
    if unsure:
        questions = [examples[place] for place in unsure]
        greedy_ones = [first[place][0] for place in unsure]
        every = and_drawn(predictor, questions, greedy_ones, samples, calibration.temperature, seed)
        if asked is not None and asks_judge(models["mirror"]):
            every = judged_samples(predictor, asked, questions, every)
        found |= zip(unsure, mirror(predictor.task, questions, every, models["mirror"]), strict=True)
    return [
        found[place].model_copy(update={"abstained": spared.abstains(found[place].confidence)})
        for place in range(len(examples))
    ]


def asks_judge(model: AnswerModel | None) -> bool:
    """Whether the judge's verdicts count for an answer or its confidence."""
    return model is not None and model.sample is not None and "verdict" in model.sample.weights
