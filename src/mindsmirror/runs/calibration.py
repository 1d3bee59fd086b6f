"""The calibration step of an arm, between training and test: what its answers to validation questions decide."""

from pathlib import Path
from typing import Any

from mindsmirror.evaluation.config import FEWEST_QUESTIONS, MOST_QUESTIONS, TEMPERATURE, EvaluationConfig
from mindsmirror.evaluation.result import CalibrationResult
from mindsmirror.inference.confidence import Calibration
from mindsmirror.methods import ArmConfig
from mindsmirror.records import Example
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.runs.training import LOADING, arm_step, trained_by
from mindsmirror.system.progress import Working
from mindsmirror.tasks.base import Task


def calibration_step(arm: ArmConfig) -> str:
    """The name of the step, which is also its folder under the run's."""
    return f"calibration/{arm.name}"


def calibration_of(run: Run, arm: ArmConfig) -> Calibration | None:
    """What an arm's calibration decided; None for a run that has none."""
    result = run.result(calibration_step(arm), CalibrationResult)
    return result.calibration if result else None


def calibrate_arms(run: Run, recipe: Recipe, task: Task, reading: dict[str, Any]) -> dict[str, CalibrationResult]:
    """What `calibrate` decides for every arm, by its name."""
    return {arm.name: calibrate(run, recipe, task, arm, reading) for arm in recipe.arm}


def calibrate(run: Run, recipe: Recipe, task: Task, arm: ArmConfig, reading: dict[str, Any]) -> CalibrationResult:
    """Ask a trained arm the validation questions with gold, or return what came of it before.

    `task` needs no test questions; `reading` is how replies are read. With fewer than FEWEST_QUESTIONS nothing is
    asked, and the result says so. DataError for an arm that is not trained.
    """
    examples = validation_questions(task)
    inputs = {
        "model": trained_by(run, arm),
        "student": recipe.student.model_dump(mode="json", exclude={"path"}),
        "examples": ([e.id, e.text, e.gold] for e in examples),
        "evaluation": recipe.evaluation.model_dump(mode="json", exclude={"untrained", "escalate", "judge_baselines"}),
        "seed": recipe.seed,
        **reading,
    }

    def fit(folder: Path) -> CalibrationResult:
        if len(examples) < FEWEST_QUESTIONS:
            return _nothing_fitted(recipe.evaluation, len(examples))
        with Working(LOADING):
            from mindsmirror.evaluation.arms import AskedArm
            from mindsmirror.evaluation.calibrate import calibrate_arm

        model, precision = run.folder / arm_step(arm) / "model", recipe.training.precision
        asked = AskedArm(task, recipe.student, recipe.evaluation, precision, recipe.seed, arm, model)
        return calibrate_arm(asked, examples, folder)

    return run.step(calibration_step(arm), inputs, fit, CalibrationResult)


def validation_questions(task: Task) -> list[Example]:
    """Those with gold, the first MOST_QUESTIONS."""
    return [example for example in task.splits.valid if example.gold is not None][:MOST_QUESTIONS]


def _nothing_fitted(config: EvaluationConfig, questions: int) -> CalibrationResult:
    reason = f"validation questions with gold: {questions}, and fitting takes {FEWEST_QUESTIONS}"
    return CalibrationResult(
        calibration=Calibration(temperature=config.temperature or TEMPERATURE), questions=questions, reason=reason
    )
