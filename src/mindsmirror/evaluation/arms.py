"""Asks the student of one arm: validation questions while it trains, test questions afterwards."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.evaluation.evaluate import evaluate_modes, judge_quality, main_mode, modes_of
from mindsmirror.evaluation.judge_baselines import judge_baselines
from mindsmirror.evaluation.result import PredictionResult
from mindsmirror.inference.confidence import Calibration
from mindsmirror.inference.predictor import Predictor, asked_while_learning, inference_model, predict, think
from mindsmirror.methods import ArmConfig, VerdictRequest, method_named
from mindsmirror.records import Annotation, Example, Mode, Prediction
from mindsmirror.students.base import Student
from mindsmirror.students.compiled import open_compiled
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import load_judge, load_student
from mindsmirror.system.files import write_records
from mindsmirror.system.progress import Progress, Working, say
from mindsmirror.tasks.base import Task


@dataclass(frozen=True)
class AskedArm:
    """A student that is to be asked, and how: one that an arm has trained, or the one before training."""

    task: Task
    student: StudentConfig
    config: EvaluationConfig
    precision: str
    seed: int
    arm: ArmConfig | None
    """None: the student before training."""
    model: Path | None
    """Folder of the trained model; None: the one that training starts from."""

    @property
    def name(self) -> str:
        """As progress lines and folders call it."""
        return self.arm.name if self.arm else "untrained"

    @property
    def verdicts(self) -> VerdictRequest | None:
        """How it is asked for verdicts; None for one that does not judge."""
        return method_named(self.arm.method).verdict_request(self.arm) if self.arm else None

    def open(self) -> Predictor:
        """The student, loaded and ready."""
        return open_predictor(self.task, self.student, self.config, self.precision, self.model)


def validation(
    task: Task, config: EvaluationConfig, arm: ArmConfig, precision: str
) -> Callable[[Student, Any], list[bool]] | None:
    """Which validation questions the arm answers right in its main mode; None if none of them has gold."""
    examples = [example for example in task.splits.valid if example.gold is not None]
    if not examples:
        return None
    ask = think if main_mode(arm) == "think" else predict

    def validate(student: Student, model: Any) -> list[bool]:
        shown = Progress(f"validating {arm.name}", len(examples), "questions")
        with asked_while_learning(model, precision) as ready, shown as progress:
            predictor = Predictor(student, ready, task, config.max_tokens, config.batch)
            predictions = ask(counted(predictor, progress), examples)
        return [bool(prediction.right) for prediction in predictions]

    return validate


def open_predictor(
    task: Task,
    student: StudentConfig,
    config: EvaluationConfig,
    precision: str,
    model: Path | None,
) -> Predictor:
    """A student ready to be asked: the trained one in the folder `model`, or the one that training starts from."""
    loaded = load_student(student, model)
    judge = load_judge(loaded.model, model) if model is not None else None
    return Predictor(
        loaded,
        inference_model(loaded.model, precision),
        task,
        config.max_tokens,
        config.batch,
        in_words=model is None,
        judge=judge,
        compiled=open_compiled(model, precision),
    )


def counted(predictor: Predictor, progress: Progress, done: int = 0) -> Predictor:
    """The predictor, with every generated text shown on the progress line, after `done` that were there before."""

    def show(count: int) -> None:
        nonlocal done
        done += count
        progress.update(done)

    return replace(predictor, progress=show)


def ask_modes(
    predictor: Predictor,
    asked: AskedArm,
    modes: Sequence[Mode],
    examples: Sequence[Example],
    calibration: Calibration | None = None,
) -> dict[Mode, list[Prediction]]:
    """Predictions of an arm, whose student is the predictor's, by mode, with a progress line."""
    config, judging = asked.config, asked.verdicts
    sampled = bool({"vote", "mirror"} & set(modes))
    rationales = config.samples if sampled else int("think" in modes)
    texts = len(examples) * (("predict" in modes) + rationales)
    with Progress(f"asking {asked.name}", texts, "texts") as progress:
        found = evaluate_modes(counted(predictor, progress), judging, modes, examples, config, asked.seed, calibration)
        progress.close(texts)
    return found


def predict_arm(
    asked: AskedArm,
    examples: Sequence[Example],
    held_out: Sequence[Annotation],
    folder: Path,
    calibration: Calibration | None = None,
    learnt: Iterable[Annotation] | None = None,
) -> PredictionResult:
    """Ask an arm all questions and write `MODE.jsonl` into the folder.

    The arm's judge is compared with the teacher on the `held_out` annotations. With what it has `learnt`, it is also
    compared with what needs no judge (`judge_baselines`).
    """
    arm, wanted = asked.arm, asked.config.modes
    modes = modes_of(arm, wanted)
    left_out = [mode for mode in wanted if mode not in modes]
    if arm is not None and left_out:
        say(f"{asked.name}: skipping {', '.join(left_out)}: {arm.method} does not teach it with these settings")
    predictor = asked.open()
    found = ask_modes(predictor, asked, modes, examples, calibration)
    for mode, predictions in found.items():
        write_records(folder / f"{mode}.jsonl", predictions)
    if asked.verdicts is None or "mirror" not in found:
        return PredictionResult(modes=tuple(found))
    mirrored = found["mirror"]
    with Working(f"measuring the judge of {asked.name}"):
        judge = judge_quality(predictor, asked.verdicts, mirrored, held_out, asked.seed)
        baselines = {}
        if learnt is not None:
            untrained = replace(asked, arm=None, model=None).open()
            baselines = judge_baselines(predictor, untrained, examples, mirrored, learnt, asked.seed)
    return PredictionResult(modes=tuple(found), judge=judge, baselines=baselines)
