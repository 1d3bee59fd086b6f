"""Recipe to report: annotate, train every arm, evaluate it, and say what it means.

Each function is one step of a run and can be called by itself; a step whose output stands is skipped.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindsmirror.annotation import likelihood, repairs
from mindsmirror.annotation.annotate import Teacher
from mindsmirror.annotation.estimate import Estimate
from mindsmirror.annotation.from_file import ready_annotations
from mindsmirror.annotation.prompts import PromptSet, load_prompts, prompts_for
from mindsmirror.annotation.step import REHEARSED, AnnotationStep, asked_before, take_over, teachers_of
from mindsmirror.answers import base
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.evaluation.sample_size import too_few_tests
from mindsmirror.methods import ArmConfig, check_ready, method_named
from mindsmirror.records import Annotation, Stage
from mindsmirror.runs.checks import check_gold, check_training, require_whole, say_what_to_fetch
from mindsmirror.runs.folder import Run
from mindsmirror.runs.labels import with_labels
from mindsmirror.runs.recipe import Recipe, read_recipe
from mindsmirror.system.distributed import agreed, join, leads
from mindsmirror.system.files import read_json, read_records
from mindsmirror.system.progress import Working, say
from mindsmirror.tasks import Task, load_task

if TYPE_CHECKING:
    from mindsmirror.reporting.schema import Report

RUNS = Path("runs")
LOADING = "loading torch and Transformers"


class Pipeline:
    """A recipe at work in a run's folder."""

    def __init__(self, recipe: Recipe | str | Path, runs: str | Path = RUNS) -> None:
        """The recipe, or the path of its file; the folder of the runs and of the store."""
        self._given = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
        for arm in self._given.arm:
            method_named(arm.method)
        self.run = Run(Path(runs) / self._given.name)
        self.store = self._given.annotation.store or Path(runs) / "store.sqlite"

    @classmethod
    def of(cls, folder: str | Path) -> "Pipeline":
        """The pipeline of a run that is there, from its own resolved recipe."""
        return cls(Run(folder).recipe, Path(folder).parent)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with labels in every arm: where it names none, the data decides, and is loaded for it."""
        if all(arm.labels is not None for arm in self._given.arm):
            return self._given
        return with_labels(self._given, self.run, self.task, self._filed)

    @cached_property
    def task(self) -> Task:
        """The task, loaded once."""
        with Working(f"reading the questions of {self._given.task.name}"):
            return load_task(self._given.task)

    @cached_property
    def prompts(self) -> PromptSet:
        """What the teacher is asked."""
        named = self._given.annotation.prompts
        return load_prompts(named) if named else prompts_for(self.task.answers)

    @cached_property
    def teachers(self) -> list[Teacher]:
        """The recipe's teachers, none of them opened."""
        return teachers_of(self._given.teacher)

    @cached_property
    def ready(self) -> list[Annotation]:
        """The annotations of `[annotation] file`; AnnotationError if they are not enough for an arm."""
        if self._filed:
            check_ready(self.recipe.arm, self._filed, str(self.recipe.annotation.file))
        return self._filed

    @cached_property
    def _filed(self) -> list[Annotation]:
        file = self._given.annotation.file
        if file is None:
            return []
        with Working(f"reading the annotations of {file.name}"):
            return ready_annotations(file, self.task)

    @property
    def annotating(self) -> AnnotationStep:
        """The annotation step: its questions, what they are asked, and the store."""
        own = self.recipe
        return AnnotationStep(own.name, own.annotation, own.judge, self.task, self.prompts, self.teachers, self.store)

    @property
    def _reading(self) -> dict[str, Any]:
        """How replies are read. A kind of answer that is guessed follows from the questions, which are inputs, too."""
        found = {"answer": self.recipe.task.answer, "reading": base.READING if base.READING > 1 else None}
        return {key: value for key, value in found.items() if value is not None}

    def begin(self, *, annotates: bool = True, trains: bool = True) -> None:
        """Refuse what cannot work before anything is paid for or written; then write recipe and manifest."""
        self.check(annotates=annotates, trains=trains)
        self.run.begin(self.recipe)
        say_what_to_fetch(self.recipe, annotates=annotates, trains=trains)

    def check(self, *, annotates: bool = True, trains: bool = True) -> None:
        """Refuse what cannot work; writes nothing."""
        if trains:
            check_training(self.recipe, self.task)
        if annotates:
            _ = self.prompts, self.teachers, self.ready
            check_gold(self.recipe, self.task)

    def all(self) -> "Report":
        """Everything, in order; raises what `require_whole` does."""
        if (few := too_few_tests(self.recipe.task, self.task.splits.test)) is not None:
            say(" ".join(few))
        self.require_whole(self.annotate())
        self.distill()
        self.evaluate()
        return self.report()

    def annotate(self) -> dict[str, Any]:
        """Annotate training and validation questions; returns what it brought.

        `found` counts the samples that were stored already, `asked` those that this call has asked for and got.
        Where a cap is reached `stopped` says so; what is complete can be trained on, and the next call goes on.
        """
        recipe = self.recipe
        inputs: dict[str, Any] = {
            "examples": ([e.id, e.text, e.gold] for _, e in self.task.splits.annotated()),
            "teachers": [dict(teacher.identity) for teacher in self.teachers],
            "annotation": recipe.annotation.model_dump(mode="json", exclude={"store", "budget", "max_failed"}),
            "judge": recipe.judge.model_dump(mode="json"),
            "prompts": self.prompts.hash,
            "ready": (annotation.model_dump_json() for annotation in self.ready),
            **self._reading,
        }
        if recipe.annotation.rectified or recipe.annotation.corrupted:
            inputs["dual_prompts"] = self.prompts.dual_hash
        if recipe.annotation.repairs:
            inputs["repairs"] = [repairs.REQUESTS, repairs.VERDICT_REQUEST, repairs.MOST_ROOM]
        if recipe.judge.strategy == "likelihood":
            inputs["likelihood"] = likelihood.REQUEST
        step: dict[str, Any] = self.run.step(
            "annotation",
            inputs,
            lambda folder: self._annotate(folder / "annotations.jsonl"),
            final=lambda result: result["failed"] == 0 and not result.get("unasked"),
            again=asked_before,
        )
        return step

    def estimate(self, samples: int = REHEARSED) -> Estimate:
        """What annotating will cost, after asking `samples` questions, which are kept; trains nothing."""
        self.check(trains=False)
        if self.recipe.annotation.file is not None:
            raise RecipeError("annotation.file: these annotations are there already and cost nothing.")
        return self.annotating.estimate(samples)

    def require_whole(self, annotated: dict[str, Any]) -> None:
        """BudgetError if what `annotate` brought stopped at its budget, UnansweredError if it is too little to use."""
        require_whole(annotated, self.recipe, self.store, self.run.folder / "annotation")

    def annotations(self) -> list[Annotation]:
        """The run's annotations; DataError if there are none yet."""
        path = self.run.folder / "annotation" / "annotations.jsonl"
        try:
            return read_records(path, Annotation)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} holds no annotations ({error}). Run `mindsmirror annotate` first.") from error

    def distill(self) -> dict[str, list[dict[str, Any]]]:
        """Train every arm; returns each stage's report by arm.

        Processes that only help to train wait here until the main one has come so far.
        """
        join()
        # All of them first: an arm that is left with nothing to learn must not fail when others have been trained.
        annotations = self.annotations()
        with Working("choosing what is learnt"):
            stages = {arm.name: self.stages(arm, annotations) for arm in self.recipe.arm}
            learnt = [annotation.model_dump_json() for annotation in annotations]
        return {arm.name: self._train(arm, stages[arm.name], learnt) for arm in self.recipe.arm}

    def stages(self, arm: ArmConfig, annotations: Sequence[Annotation]) -> tuple[Stage, ...]:
        """What an arm learns of the run's annotations; AnnotationError if it is left with nothing."""
        train = [annotation for annotation in annotations if annotation.split == "train"]
        return method_named(arm.method).stages(train, self.task, arm)

    def evaluate(self) -> None:
        """Ask every arm, and the student before training, all test questions."""
        if self.recipe.evaluation.untrained:
            self._evaluate(None)
        for arm in self.recipe.arm:
            self._evaluate(arm)

    def report(self) -> "Report":
        """The report, again from what is on disk."""
        with Working("writing the report"):
            from mindsmirror.runs.results import report_run

            return report_run(self.run, self.recipe, self.annotations(), self.task)

    def arm_folder(self, name: str) -> Path:
        """Where an arm's model and predictions are."""
        return self.run.folder / "arms" / name

    def _annotate(self, path: Path) -> dict[str, Any]:
        if self.recipe.annotation.file is not None:
            return take_over(self.ready, self.task, self.recipe.annotation.file, path)
        return self.annotating.annotate(path)

    def _train(self, arm: ArmConfig, stages: Sequence[Stage], annotations: Sequence[str]) -> list[dict[str, Any]]:
        inputs = {
            "annotations": annotations,
            "arm": arm.model_dump(mode="json"),
            "student": self.recipe.student.model_dump(mode="json", exclude={"path"}),
            # Who watches changes no weight.
            "training": self.recipe.training.model_dump(mode="json", exclude={"trackers"}),
            "evaluation": [self.recipe.evaluation.max_tokens, self.recipe.evaluation.batch],
            "seed": self.recipe.seed,
            **self._reading,
        }
        name, learns = f"arms/{arm.name}", False
        if not leads():
            # The main process says whether there is something to learn, or it was learnt before.
            return self._train_stages(arm, stages, self.run.folder / name) if agreed(None) else []

        def learn(folder: Path) -> list[dict[str, Any]]:
            nonlocal learns
            learns = agreed(True)
            return self._train_stages(arm, stages, folder)

        reports: list[dict[str, Any]] = self.run.step(name, inputs, learn)
        if not learns:
            agreed(False)
        return reports

    def _train_stages(self, arm: ArmConfig, stages: Sequence[Stage], folder: Path) -> list[dict[str, Any]]:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import validation_score
            from mindsmirror.training.stages import train_arm

        student, training = self.recipe.student, self.recipe.training
        score = validation_score(self.task, self.recipe.evaluation, arm, training.precision)
        return train_arm(stages, student, training, folder, self.recipe.seed, arm.name, score)

    def _evaluate(self, arm: ArmConfig | None) -> None:
        name = arm.name if arm else "untrained"
        if arm is not None and not (self.arm_folder(name) / "done.json").exists():
            raise DataError(f"arm {name!r} of {self.run.folder} is not trained. Run `mindsmirror distill` first.")
        inputs = {
            "model": read_json(self.arm_folder(name) / "inputs.json") if arm else None,
            "student": self.recipe.student.model_dump(mode="json", exclude={"path"}),
            "examples": [[e.id, e.text, e.gold] for e in self.task.splits.test],
            "evaluation": self.recipe.evaluation.model_dump(mode="json"),
            "seed": self.recipe.seed,
            **self._reading,
        }
        self.run.step(f"predictions/{name}", inputs, lambda folder: self._predict(arm, folder))

    def _predict(self, arm: ArmConfig | None, folder: Path) -> dict[str, Any]:
        with Working(LOADING):
            from mindsmirror.evaluation.arms import predict_arm

        recipe = self.recipe
        return predict_arm(
            self.task,
            recipe.student,
            recipe.evaluation,
            recipe.training.precision,
            recipe.seed,
            arm,
            model=self.arm_folder(arm.name) / "model" if arm else None,
            examples=self.task.splits.test,
            held_out=[a for a in self.annotations() if a.split == "valid"] if arm else [],
            folder=folder,
        )


def run(recipe: Recipe | str | Path, runs: str | Path = RUNS) -> "Report":
    """Carry a recipe (or the one in a file) through to its report; started again, it goes on where it stopped.

    Of several processes all train, the first does the rest, and the others end here (SystemExit).
    """
    pipeline = Pipeline(recipe, runs)
    if not leads():
        pipeline.distill()
        raise SystemExit(0)
    with pipeline.run.locked():
        pipeline.begin()
        return pipeline.all()
