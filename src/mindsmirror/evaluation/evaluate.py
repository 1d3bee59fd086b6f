"""A student's answers to a set of questions in every mode that it was taught, and how good its judge is.

The method decides which modes a student has (`Method.modes`). A mode that a recipe asks for and an arm does not have is
left out, with a message.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.evaluation.config import TEMPERATURE, EvaluationConfig
from mindsmirror.evaluation.metrics import auroc, auroc_interval, balanced_accuracy, majority_baseline
from mindsmirror.evaluation.result import JudgeQuality
from mindsmirror.inference.confidence import Calibration, as_sample, with_confidence
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor, predict, think, think_and_sample
from mindsmirror.inference.sparing import asks_judge, mirror_where_unsure
from mindsmirror.inference.vote import judged_samples, mirror, vote
from mindsmirror.methods import ArmConfig, VerdictRequest, method_named
from mindsmirror.methods.targets import usable
from mindsmirror.records import Annotation, Example, Mode, Prediction, Verdict
from mindsmirror.students.text import VERDICT_WORDS

UNTRAINED_MODES: tuple[Mode, ...] = ("predict", "think")
"""Those of a student before training, which is asked in words."""


def main_mode(arm: ArmConfig | None) -> Mode:
    """The mode in which an arm (None: the untrained student) is compared and its checkpoint chosen."""
    return "think" if arm is None else method_named(arm.method).main_mode(arm)


def modes_of(arm: ArmConfig | None, asked: Sequence[Mode]) -> tuple[Mode, ...]:
    """Those of the modes asked for that an arm (None: the untrained student) has."""
    able = UNTRAINED_MODES if arm is None else method_named(arm.method).modes(arm)
    return tuple(mode for mode in asked if mode in able)


def evaluate_modes(
    predictor: Predictor,
    asked: VerdictRequest | None,
    modes: Sequence[Mode],
    examples: Sequence[Example],
    config: EvaluationConfig,
    seed: int,
    calibration: Calibration | None = None,
    *,
    sparing: bool = False,
) -> dict[Mode, list[Prediction]]:
    """Predictions by mode. Vote and mirror read the same samples, the first of which is the rationale of think.

    With `sparing` no more is written and judged than answers need: the judge reads rationales only where its verdicts
    count, and the mirror draws only where the first rationale is not sure enough (`Calibration.sparing`).
    """
    if sparing and tuple(modes) == ("mirror",) and calibration is not None and calibration.sparing is not None:
        return {"mirror": mirror_where_unsure(predictor, asked, examples, config.samples, seed, calibration)}
    found: dict[Mode, list[Prediction]] = {}
    models = calibration.modes if calibration else {}
    if "predict" in modes:
        direct = predict(predictor, examples)
        found["predict"] = [with_confidence(each, models.get("predict")) for each in direct]
    if modes and set(modes) != {"predict"}:
        if "vote" in modes or "mirror" in modes:
            temperature = calibration.temperature if calibration else config.temperature or TEMPERATURE
            greedy, samples = think_and_sample(predictor, examples, config.samples, temperature, seed)
        else:
            greedy = think(predictor, examples)
            samples = [(as_sample(each),) for each in greedy]
        elects = "mirror" in modes and (not sparing or models.get("mirror") is None)
        if asked is not None and (elects or any(asks_judge(models.get(mode)) for mode in modes)):
            samples = judged_samples(predictor, asked, examples, samples)
        if "think" in modes:
            found["think"] = [
                with_confidence(each, models.get("think"), of_question[0].p_correct)
                for each, of_question in zip(greedy, samples, strict=True)
            ]
        if "mirror" in modes:
            found["mirror"] = mirror(predictor.task, examples, samples, models.get("mirror"))
        if "vote" in modes:
            found["vote"] = vote(predictor.task, examples, samples, models.get("vote"))
    return {mode: found[mode] for mode in modes}


def judge_quality(
    predictor: Predictor,
    asked: VerdictRequest,
    mirrored: Sequence[Prediction],
    held_out: Sequence[Annotation],
    seed: int,
) -> JudgeQuality:
    """The judge on the samples behind `mirrored`, and its agreement with the teacher on `held_out` annotations."""
    own = own_self_evaluations(mirrored)
    scores = [score for score, _, _ in own]
    right = [flag for _, flag, _ in own]
    agreed, compared = _agreement(predictor, asked, held_out)
    return JudgeQuality(
        n=len(own),
        auroc=auroc(scores, right),
        auroc_ci95=auroc_interval(scores, right, [example for _, _, example in own], seed),
        balanced_accuracy=balanced_accuracy([score > 0.5 for score in scores], right),
        majority_baseline=majority_baseline(right),
        agreement_with_teacher=agreed / compared if compared else None,
        agreement_n=compared,
    )


def own_self_evaluations(mirrored: Sequence[Prediction]) -> list[tuple[float, bool, str]]:
    """The student's probability of "correct" for each of its own samples, whether it is right, and its question."""
    return [
        (sample.p_correct, sample.right, prediction.example)
        for prediction in mirrored
        for sample in prediction.samples
        if sample.p_correct is not None and sample.right is not None
    ]


def _agreement(predictor: Predictor, asked: VerdictRequest, held_out: Sequence[Annotation]) -> tuple[int, int]:
    """Verdicts of the teacher that are the student's most probable one, and all that were compared."""
    judged: list[tuple[str, str]] = []
    verdicts: list[Verdict] = []
    for annotation in held_out:
        shown = {rationale.sample: rationale.written for rationale in usable(annotation, Counter())}
        for evaluation in annotation.evaluations:
            if evaluation.rationale in shown and evaluation.verdict is not Verdict.UNPARSED:
                judged.append((annotation.example.text, shown[evaluation.rationale]))
                verdicts.append(evaluation.verdict)
    said = [VERDICT_WORDS[max(range(3), key=shares.__getitem__)] for shares in _shares(predictor, asked, judged)]
    return sum(word == verdict.value for word, verdict in zip(said, verdicts, strict=True)), len(verdicts)


def _shares(predictor: Predictor, asked: VerdictRequest, judged: Sequence[tuple[str, str]]) -> list[tuple[float, ...]]:
    return verdict_probabilities(predictor, asked, judged) if judged else []
