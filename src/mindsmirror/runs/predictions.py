"""The evaluation step of an arm: its predictions on the test questions, made once for all that determines them."""

from itertools import chain
from pathlib import Path
from typing import Any

from mindsmirror.errors import DataError
from mindsmirror.evaluation.result import PredictionResult
from mindsmirror.methods import ArmConfig
from mindsmirror.records import Annotation, Prediction
from mindsmirror.runs.calibration import calibration_of, calibration_step
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.runs.reflection import written_by
from mindsmirror.runs.training import LOADING, arm_step, trained_by
from mindsmirror.system.files import read_json, read_records
from mindsmirror.system.progress import Working
from mindsmirror.system.record_file import RecordFile
from mindsmirror.tasks.base import Task


def predictions_step(arm: ArmConfig | None) -> str:
    """The name of the step; without an arm it is the untrained student's."""
    return f"predictions/{arm.name if arm else 'untrained'}"


def read_predictions(path: Path) -> list[Prediction]:
    """Predictions of one mode; DataError if the file is missing or broken."""
    try:
        return read_records(path, Prediction)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} contains no predictions: {error}") from error


def evaluate(
    run: Run,
    recipe: Recipe,
    task: Task,
    arm: ArmConfig | None,
    annotations: RecordFile[Annotation],
    reading: dict[str, Any],
) -> PredictionResult:
    """Ask an arm (None: the untrained student) all test questions, or return what came of it before.

    On those of the annotations that it did not learn from, its judge is compared with the teacher's; `reading` is how
    replies are read. DataError for an arm that is not trained.
    """
    inputs = {
        "model": trained_by(run, arm) if arm else None,
        "student": recipe.student.model_dump(mode="json", exclude={"path"}),
        "examples": ([e.id, e.text, e.gold] for e in task.splits.test),
        "evaluation": recipe.evaluation.model_dump(mode="json", exclude={"escalate"}),
        "seed": recipe.seed,
        "calibration": read_json(run.folder / calibration_step(arm) / "inputs.json") if arm else None,
        **reading,
    }
    if arm is None and recipe.training.precision != "auto":
        # That of a trained arm is part of how it was trained.
        inputs["precision"] = recipe.training.precision

    def predict(folder: Path) -> PredictionResult:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import AskedArm, predict_arm

        model = run.folder / arm_step(arm) / "model" if arm else None
        asked = AskedArm(task, recipe.student, recipe.evaluation, recipe.training.precision, recipe.seed, arm, model)
        if arm is None:
            return predict_arm(asked, task.splits.test, (), folder)
        held_out = annotations.where(lambda annotation: annotation.split == "valid")
        learnt = None
        if recipe.evaluation.judge_baselines:
            teachers = annotations.where(lambda annotation: annotation.split == "train")
            learnt = chain(teachers, written_by(run, arm))
        return predict_arm(asked, task.splits.test, held_out, folder, calibration_of(run, arm), learnt)

    return run.step(predictions_step(arm), inputs, predict, PredictionResult, settings=settings_of(recipe, arm))


def settings_of(recipe: Recipe, arm: ArmConfig | None) -> dict[str, Any]:
    """What a recipe says of an arm (None: the untrained student) as far as its answers depend on it."""
    own = arm.model_dump(mode="json", exclude={"against"}) if arm else {}
    evaluation = recipe.evaluation.model_dump(mode="json", include={"samples", "temperature", "max_tokens", "risk"})
    training = recipe.training.model_dump(mode="json", exclude={"trackers", "checkpoints"}) if arm else {}
    reflection = recipe.reflect.model_dump(mode="json") if arm and recipe.reflect and arm.reflect else {}
    model = {"model": recipe.student.model, "adapter": recipe.student.adapter}
    return {"arm": own, "training": training, "reflect": reflection, "evaluation": evaluation, "student": model}


def outdated(run: Run, recipe: Recipe, arm: ArmConfig | None) -> list[str]:
    """The keys of the recipe that were others when the arm's answers were made; empty if nothing noted says so."""
    made, now = run.made_with(predictions_step(arm)) or {}, settings_of(recipe, arm)
    return [
        f"{table}.{key}"
        for table, values in made.items()
        if isinstance(values, dict)
        for key, value in values.items()
        # What is None follows from something else, as the labels of an arm do from the data.
        if None not in (value, now.get(table, {}).get(key)) and now[table][key] != value
    ]
