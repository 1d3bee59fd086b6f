"""The training step of an arm: what it learns, and the training itself, done once for all that determines it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.records import Annotation, Stage
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.system.distributed import agreed, leads
from mindsmirror.system.progress import Working
from mindsmirror.tasks.base import Task
from mindsmirror.training.result import TrainingResult

LOADING = "loading torch and Transformers"


def arm_step(arm: ArmConfig) -> str:
    """The name of the step, which is also its folder under the run's."""
    return f"arms/{arm.name}"


def stages_of(arm: ArmConfig, annotations: Sequence[Annotation], task: Task) -> tuple[Stage, ...]:
    """What an arm learns of annotated training questions; AnnotationError if it is left with nothing."""
    return method_named(arm.method).stages(annotations, task, arm)


def train(
    run: Run,
    recipe: Recipe,
    task: Task,
    arm: ArmConfig,
    annotations: Sequence[Annotation],
    annotated: str,
    reading: dict[str, Any],
) -> TrainingResult:
    """Train an arm on annotated training questions, or return what it came to before.

    `annotated` is the hash of all annotations, `reading` how replies are read. Only the main process returns stages.
    """
    inputs = {
        "annotations": annotated,
        "arm": arm.model_dump(mode="json"),
        "student": recipe.student.model_dump(mode="json", exclude={"path"}),
        # Who watches changes no weight.
        "training": recipe.training.model_dump(mode="json", exclude={"trackers"}),
        "evaluation": [recipe.evaluation.max_tokens, recipe.evaluation.batch],
        "seed": recipe.seed,
        **reading,
    }

    def learn(folder: Path) -> TrainingResult:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import validation
            from mindsmirror.training.stages import ArmPlan, train_arm

        with Working("choosing training targets"):
            stages = stages_of(arm, annotations, task)
        validate = validation(task, recipe.evaluation, arm, recipe.training.precision)
        return train_arm(ArmPlan(stages, recipe.student, recipe.training, folder, recipe.seed, arm.name, validate))

    if not leads():
        # The main process says whether there is something to learn, or it was learnt before.
        return learn(run.folder / arm_step(arm)) if agreed(None) else TrainingResult()
    learns = False

    def lead(folder: Path) -> TrainingResult:
        nonlocal learns
        learns = agreed(True)
        return learn(folder)

    result = run.step(arm_step(arm), inputs, lead, TrainingResult)
    if not learns:
        agreed(False)
    return result
