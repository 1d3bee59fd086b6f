"""Recipe to report: annotate, train every arm, evaluate it, and say what it means.

Each function is one step of a run and can be called by itself; a step whose output stands is skipped.
"""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindsmirror.annotation.annotate import Annotator, Tally, Teacher
from mindsmirror.annotation.prompts import PromptSet, load_prompts, prompts_for
from mindsmirror.annotation.ready import ready_annotations
from mindsmirror.annotation.store import Store
from mindsmirror.engines import TeacherConfig, engine_identity, open_engine
from mindsmirror.errors import DataError
from mindsmirror.files import read_json, write_records
from mindsmirror.methods import ArmConfig, check_ready, method_named
from mindsmirror.methods.base import gold_label
from mindsmirror.progress import Progress, say
from mindsmirror.recipe import Recipe, read_recipe
from mindsmirror.records import Annotation, Parse, Stage
from mindsmirror.runs import Run
from mindsmirror.students.config import check_student
from mindsmirror.tasks import Task, load_task

if TYPE_CHECKING:
    from mindsmirror.reporting.contents import Report

RUNS = Path("runs")


class Pipeline:
    """A recipe at work in a run's folder."""

    def __init__(self, recipe: Recipe, runs: Path = RUNS) -> None:
        self.recipe = recipe
        for arm in recipe.arm:
            method_named(arm.method)
        self.run = Run(runs / recipe.name)
        self._store = recipe.annotation.store or runs / "store.sqlite"

    @classmethod
    def of(cls, folder: Path) -> "Pipeline":
        """The pipeline of a run that is there, from its own resolved recipe."""
        return cls(Run(folder).recipe, folder.parent)

    @cached_property
    def task(self) -> Task:
        """The task, loaded once."""
        return load_task(self.recipe.task)

    @cached_property
    def prompts(self) -> PromptSet:
        """What the teacher is asked."""
        named = self.recipe.annotation.prompts
        return load_prompts(named) if named else prompts_for(self.task.answers)

    @cached_property
    def teachers(self) -> list[Teacher]:
        """The recipe's teachers, none of them opened."""
        return _teachers(self.recipe.teacher)

    @cached_property
    def ready(self) -> list[Annotation]:
        """The annotations of `[annotation] file`; AnnotationError if they are not enough for an arm."""
        file = self.recipe.annotation.file
        if file is None:
            return []
        found = ready_annotations(file, self.task)
        check_ready(self.recipe.arm, found, str(file))
        return found

    def begin(self, *, annotates: bool = True, trains: bool = True) -> None:
        """Refuse what cannot work before anything is paid for or written; then write recipe and manifest."""
        if trains:
            check_student(self.recipe.student)
        if annotates:
            _ = self.prompts, self.teachers, self.ready
            taught_gold = [arm for arm in self.recipe.arm if arm.labels == "gold"]
            for example in self.task.splits.train:
                for arm in taught_gold:
                    gold_label(example, self.task, arm)
        self.run.begin(self.recipe)

    def all(self) -> "Report":
        """Everything, in order."""
        self.annotate()
        self.distill()
        self.evaluate()
        return self.report()

    def annotate(self) -> dict[str, Any]:
        """Annotate training and validation questions; returns what it brought."""
        recipe, teachers = self.recipe, self.teachers
        inputs = {
            "examples": [[e.id, e.text, e.gold] for e in (*self.task.splits.train, *self.task.splits.valid)],
            "teachers": [dict(teacher.identity) for teacher in teachers],
            "annotation": recipe.annotation.model_dump(mode="json", exclude={"store"}),
            "judge": recipe.judge.model_dump(mode="json"),
            "prompts": self.prompts.hash,
            "ready": [annotation.model_dump_json() for annotation in self.ready],
        }
        action = self._annotate if self.recipe.annotation.file is None else self._take
        result: dict[str, Any] = self.run.step(
            "annotation",
            inputs,
            lambda folder: action(folder / "annotations.jsonl"),
            final=lambda result: result["failed"] == 0,
        )
        return result

    def annotations(self) -> list[Annotation]:
        """The run's annotations; DataError if there are none yet."""
        path = self.run.folder / "annotation" / "annotations.jsonl"
        try:
            with path.open(encoding="utf-8", errors="surrogatepass") as lines:
                return [Annotation.model_validate_json(line) for line in lines]
        except (OSError, ValueError) as error:
            raise DataError(f"{path} holds no annotations ({error}). Run `mindsmirror annotate` first.") from error

    def distill(self) -> dict[str, list[dict[str, Any]]]:
        """Train every arm; returns each stage's report by arm."""
        # All of them first: an arm that is left with nothing to learn must not fail when others have been trained.
        stages = {arm.name: self.stages(arm) for arm in self.recipe.arm}
        return {arm.name: self._train(arm, stages[arm.name]) for arm in self.recipe.arm}

    def stages(self, arm: ArmConfig) -> tuple[Stage, ...]:
        """What an arm learns of the run's annotations; AnnotationError if it is left with nothing."""
        train = [annotation for annotation in self.annotations() if annotation.split == "train"]
        return method_named(arm.method).stages(train, self.task, arm)

    def evaluate(self) -> None:
        """Ask every arm, and the student before training, all test questions."""
        if self.recipe.evaluation.untrained:
            self._evaluate(None)
        for arm in self.recipe.arm:
            self._evaluate(arm)

    def report(self) -> "Report":
        """The report, again from what is on disk."""
        from mindsmirror.outcome import report_run

        return report_run(self.run, self.recipe, self.annotations(), self.task.splits.test)

    def arm_folder(self, name: str) -> Path:
        """Where an arm's model and predictions are."""
        return self.run.folder / "arms" / name

    def _annotate(self, path: Path) -> dict[str, Any]:
        recipe, splits = self.recipe, self.task.splits
        questions = [("train", example) for example in splits.train] + [("valid", example) for example in splits.valid]
        progress = Progress("annotating", len(questions), "questions")

        def show(tally: Tally) -> None:
            progress.update(tally.questions, f"{tally.samples} samples, {tally.tokens_out} tokens written")

        with Store(self._store) as store:
            annotator = Annotator(
                self.task,
                self.prompts,
                self.teachers[0],
                self.teachers[recipe.judge.teacher],
                recipe.annotation,
                recipe.judge,
                store,
            )
            found = {annotation.example.id: annotation for annotation in annotator.run(questions, show)}
        progress.close(annotator.tally.questions, f"{annotator.tally.samples} samples asked for")
        annotations = [found[example.id] for _, example in questions]
        write_records(path, annotations)
        failed = sum(r.parse is Parse.FAILED for a in annotations for r in a.rationales)
        failed += sum(e.parse is Parse.FAILED for a in annotations for e in a.evaluations)
        if failed:
            say(f"{failed} samples failed and are asked for again by the next `run`; see the report for reasons")
        return {"questions": len(annotations), "asked": annotator.tally.samples, "failed": failed}

    def _take(self, path: Path) -> dict[str, Any]:
        """Take over the annotations that are there; how many questions the file lacks is said."""
        splits = self.task.splits
        lacking = len(splits.train) + len(splits.valid) - len(self.ready)
        if lacking:
            say(f"{lacking} questions have no annotation in {self.recipe.annotation.file} and are left out")
        write_records(path, self.ready)
        return {"questions": len(self.ready), "asked": 0, "failed": 0, "lacking": lacking}

    def _train(self, arm: ArmConfig, stages: Sequence[Stage]) -> list[dict[str, Any]]:
        inputs = {
            "annotations": [annotation.model_dump_json() for annotation in self.annotations()],
            "arm": arm.model_dump(mode="json"),
            "student": self.recipe.student.model_dump(mode="json", exclude={"path"}),
            "training": self.recipe.training.model_dump(mode="json"),
            "evaluation": [self.recipe.evaluation.max_tokens, self.recipe.evaluation.batch],
            "seed": self.recipe.seed,
        }
        reports: list[dict[str, Any]] = self.run.step(
            f"arms/{arm.name}", inputs, lambda folder: self._train_stages(arm, stages, folder)
        )
        return reports

    def _train_stages(self, arm: ArmConfig, stages: Sequence[Stage], folder: Path) -> list[dict[str, Any]]:
        from mindsmirror.evaluation.arms import validation_score
        from mindsmirror.training.stages import train_arm

        recipe = self.recipe
        score = validation_score(self.task, recipe.evaluation, arm, recipe.training.precision)
        return train_arm(stages, recipe.student, recipe.training, folder, recipe.seed, arm.name, score)

    def _evaluate(self, arm: ArmConfig | None) -> None:
        name = arm.name if arm else "untrained"
        trained = self.arm_folder(name) / "done.json"
        if arm is not None and not trained.exists():
            raise DataError(f"arm {name!r} of {self.run.folder} is not trained. Run `mindsmirror distill` first.")
        inputs = {
            "model": read_json(self.arm_folder(name) / "inputs.json") if arm else None,
            "student": self.recipe.student.model_dump(mode="json", exclude={"path"}),
            "examples": [[e.id, e.text, e.gold] for e in self.task.splits.test],
            "evaluation": self.recipe.evaluation.model_dump(mode="json"),
            "seed": self.recipe.seed,
        }
        self.run.step(f"predictions/{name}", inputs, lambda folder: self._predict(arm, folder))

    def _predict(self, arm: ArmConfig | None, folder: Path) -> dict[str, Any]:
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


def _teachers(configs: Sequence[TeacherConfig]) -> list[Teacher]:
    """The recipe's teachers, named by model, and by number too where two have the same model."""
    models = [config.model for config in configs]
    return [
        Teacher(
            config.model if models.count(config.model) == 1 else f"{config.model} #{number}",
            engine_identity(config),
            partial(open_engine, config),
        )
        for number, config in enumerate(configs)
    ]


def run(recipe: Recipe | Path | str, runs: Path = RUNS) -> "Report":
    """Carry a recipe (or the one in a file) through to its report; started again, it goes on where it stopped."""
    read = recipe if isinstance(recipe, Recipe) else read_recipe(Path(recipe))
    pipeline = Pipeline(read, runs)
    with pipeline.run.locked():
        pipeline.begin()
        return pipeline.all()
