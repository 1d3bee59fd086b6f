"""A student's answers to a set of questions in every mode that it has learnt, and its judge held against others.

Which modes a student has follows from its method: predicting needs labels by themselves, thinking needs rationales that
end in their answer, the mirror needs a judge as well. A mode that a recipe asks for and an arm does not have is left
out and said.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.evaluation.config import EvaluationConfig, Mode
from mindsmirror.evaluation.metrics import auroc, auroc_interval, balanced_accuracy, majority_baseline
from mindsmirror.evaluation.result import JudgeQuality
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor, predict, think, thoughts
from mindsmirror.inference.vote import judged_samples, mirror, vote
from mindsmirror.methods.base import ArmConfig, Method, usable, written
from mindsmirror.records import Annotation, Example, Prediction, Verdict
from mindsmirror.students.text import VERDICT_WORDS


def main_mode(method: Method | None, arm: ArmConfig | None) -> Mode:
    """The mode in which an arm is compared and its checkpoint chosen: fixed by its method, never by its results."""
    if method is None or arm is None:
        return "think"
    return "think" if method.thinks and arm.rationale_target == "with_answer" else "predict"


def modes_of(method: Method | None, arm: ArmConfig | None, asked: Sequence[Mode]) -> tuple[Mode, ...]:
    """Those of the modes asked for that the arm has; an untrained student predicts and thinks."""
    if method is None or arm is None:
        return tuple(mode for mode in asked if mode in ("predict", "think"))
    able: set[Mode] = {"predict"} if method.answers else set()
    if method.thinks and arm.rationale_target == "with_answer":
        able |= {"think", "vote"}
        if method.judges:
            able.add("mirror")
    return tuple(mode for mode in asked if mode in able)


def evaluate_modes(
    predictor: Predictor,
    arm: ArmConfig | None,
    modes: Sequence[Mode],
    examples: Sequence[Example],
    config: EvaluationConfig,
    seed: int,
) -> dict[Mode, list[Prediction]]:
    """Predictions by mode. Vote and mirror read the same samples."""
    found: dict[Mode, list[Prediction]] = {}
    if "predict" in modes:
        found["predict"] = predict(predictor, examples)
    if "think" in modes:
        found["think"] = think(predictor, examples)
    if "vote" in modes or "mirror" in modes:
        samples = thoughts(predictor, examples, config.samples, config.temperature, seed)
        if "mirror" in modes and arm is not None:
            samples = judged_samples(predictor, arm, examples, samples)
            found["mirror"] = mirror(predictor.task, examples, samples)
        if "vote" in modes:
            found["vote"] = vote(predictor.task, examples, samples)
    return {mode: found[mode] for mode in modes}


def judge_quality(
    predictor: Predictor, arm: ArmConfig, mirrored: Sequence[Prediction], held_out: Sequence[Annotation], seed: int
) -> JudgeQuality:
    """The judge on the samples behind `mirrored`, and its agreement with the teacher on `held_out` annotations."""
    own = own_judgements(mirrored)
    scores = [score for score, _, _ in own]
    right = [flag for _, flag, _ in own]
    agreed, compared = _agreement(predictor, arm, held_out)
    return JudgeQuality(
        n=len(own),
        auroc=auroc(scores, right),
        auroc_ci95=auroc_interval(scores, right, [example for _, _, example in own], seed),
        balanced_accuracy=balanced_accuracy([score > 0.5 for score in scores], right),
        majority_baseline=majority_baseline(right),
        agreement_with_teacher=agreed / compared if compared else None,
        agreement_n=compared,
    )


def own_judgements(mirrored: Sequence[Prediction]) -> list[tuple[float, bool, str]]:
    """The student's probability of "correct" for each of its own samples, whether it is right, and its question."""
    return [
        (sample.p_correct, sample.right, prediction.example)
        for prediction in mirrored
        for sample in prediction.samples
        if sample.p_correct is not None and sample.right is not None
    ]


def _agreement(predictor: Predictor, arm: ArmConfig, held_out: Sequence[Annotation]) -> tuple[int, int]:
    """How often the student's most probable verdict is the teacher's, and of how many."""
    judged: list[tuple[str, str]] = []
    verdicts: list[Verdict] = []
    for annotation in held_out:
        shown = {rationale.sample: written(rationale) for rationale in usable(annotation, Counter())}
        for evaluation in annotation.evaluations:
            if evaluation.rationale in shown and evaluation.verdict is not Verdict.UNPARSED:
                judged.append((annotation.example.text, shown[evaluation.rationale]))
                verdicts.append(evaluation.verdict)
    said = [VERDICT_WORDS[max(range(3), key=shares.__getitem__)] for shares in _shares(predictor, arm, judged)]
    return sum(word == verdict.value for word, verdict in zip(said, verdicts, strict=True)), len(verdicts)


def _shares(predictor: Predictor, arm: ArmConfig, judged: Sequence[tuple[str, str]]) -> list[tuple[float, ...]]:
    return verdict_probabilities(predictor, arm, judged) if judged else []
