"""One training of an arm as a step: what it learns, and the training itself, done once for all that determines it.

An arm that reflects is trained several times (reflection.py); every one of them goes through `train_once`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, overload

from mindsmirror.errors import DataError
from mindsmirror.methods import ArmConfig, method_named
from mindsmirror.methods.targets import taught
from mindsmirror.records import Annotation, Stage
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.system.distributed import agreed, leads
from mindsmirror.system.files import read_json
from mindsmirror.system.progress import Working
from mindsmirror.tasks.base import Task
from mindsmirror.training.config import Budget
from mindsmirror.training.result import TrainingResult

LOADING = "loading torch and Transformers"


@dataclass(frozen=True)
class ArmTraining:
    """An arm of a run, and what it learns from: the teacher's annotations of training questions."""

    run: Run
    recipe: Recipe
    task: Task
    """Reads all questions that are learnt from, also those beside the splits that a student reflects on."""
    arm: ArmConfig
    annotations: Sequence[Annotation]
    annotated: str
    """Hash of all annotations of the run."""
    reading: dict[str, Any]
    """How replies are read: part of every step's inputs."""


@dataclass(frozen=True)
class Once:
    """One of an arm's trainings."""

    step: str
    """Its name, which is also its folder under the run's."""
    label: str
    """What progress lines call it."""
    budget: Budget
    own: Sequence[Annotation] = ()
    """The student's own judged rationales, which are taught beside the teacher's."""
    origin: tuple[str, ...] = ()
    """Hashes of all that `own` consists of, and of the half of the questions that are learnt from, if not all are."""
    start: str | None = None
    """The step whose student it begins with; None: the student that the recipe names."""
    adapters: bool = True
    """Whether the stages that are adapters are trained, too: a student that only writes needs none."""


def arm_step(arm: ArmConfig) -> str:
    """The step whose model is the arm's."""
    return f"arms/{arm.name}"


def trained_by(run: Run, arm: ArmConfig) -> Any:
    """What determined an arm's training: part of the inputs of every step that asks it. DataError if it is not done."""
    folder = run.folder / arm_step(arm)
    if not (folder / "done.json").exists():
        raise DataError(f"arm {arm.name!r} of {run.folder} is not trained. Run `mindsmirror distill` first.")
    return read_json(folder / "inputs.json")


def stages_of(
    arm: ArmConfig, annotations: Sequence[Annotation], task: Task, own: Sequence[Annotation] = ()
) -> tuple[Stage, ...]:
    """What an arm learns of annotated training questions; AnnotationError if it is left with nothing.

    Of a student's `own` rationales, a method that does not judge learns those that are judged correct.
    """
    method = method_named(arm.method)
    if own:
        annotations = BesideOwn(annotations, own if method.judges else list(map(taught, own)))
    return method.stages(annotations, task, arm)


@dataclass(frozen=True, eq=False)
class BesideOwn(Sequence[Annotation]):
    """The teacher's annotations, each followed by the student's own of the same question, and then the others.

    Every iteration reads the teacher's anew, so that a file of them (system/record_file.py) never is in memory whole.
    """

    annotations: Sequence[Annotation]
    own: Sequence[Annotation]

    def __len__(self) -> int:
        return len(self.annotations) + len(self.own)

    def __iter__(self) -> Iterator[Annotation]:
        written: dict[str, list[Annotation]] = {}
        for each in self.own:
            written.setdefault(each.example.id, []).append(each)
        for each in self.annotations:
            yield each
            yield from written.pop(each.example.id, ())
        yield from chain.from_iterable(written.values())

    @overload
    def __getitem__(self, index: int) -> Annotation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Annotation, ...]: ...
    def __getitem__(self, index: int | slice) -> Annotation | tuple[Annotation, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        return next(islice(self, range(len(self))[index], None))


def train_once(training: ArmTraining, once: Once) -> TrainingResult:
    """Train an arm, or return what it came to before. Only the main process returns stages."""
    run, recipe, task, arm = training.run, training.recipe, training.task, training.arm
    config = recipe.training.model_copy(update={"budget": once.budget})
    inputs = {
        "annotations": training.annotated,
        "own": list(once.origin),
        "adapters": once.adapters,
        # With whom an arm is compared changes no weight.
        "arm": arm.model_dump(mode="json", exclude={"against"}),
        "student": recipe.student.model_dump(mode="json", exclude={"path"}),
        # Who watches changes no weight.
        "training": config.model_dump(mode="json", exclude={"trackers"}),
        "evaluation": [recipe.evaluation.max_tokens, recipe.evaluation.batch],
        "seed": recipe.seed,
        **training.reading,
    }
    start = run.folder / once.start if once.start is not None else None
    if start is not None:
        inputs["start"] = read_json(start / "inputs.json")

    def learn(folder: Path) -> TrainingResult:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import validation
            from mindsmirror.training.stages import ArmPlan, train_arm

        with Working("choosing training targets"):
            stages = stages_of(arm, training.annotations, task, once.own)
            if not once.adapters:
                stages = tuple(stage for stage in stages if not stage.adapter)
        validate = validation(task, recipe.evaluation, arm, config.precision)
        model = start / "model" if start is not None else None
        return train_arm(ArmPlan(stages, recipe.student, config, folder, recipe.seed, once.label, validate, model))

    if not leads():
        # The main process says whether there is something to learn, or it was learnt before.
        return learn(run.folder / once.step) if agreed(None) else TrainingResult()
    learns = False

    def lead(folder: Path) -> TrainingResult:
        nonlocal learns
        learns = agreed(True)
        return learn(folder)

    result = run.step(once.step, inputs, lead, TrainingResult)
    if not learns:
        agreed(False)
    return result
