"""Recipe to report: annotate, train every arm, evaluate it, and say what it means.

Each function is one step of a run and can be called by itself; a step whose output stands is skipped.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindsmirror.annotation.estimate import Estimate
from mindsmirror.annotation.from_file import annotations_of_file, take_over
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.annotation.step import REHEARSED, AnnotationStep, asked_before
from mindsmirror.annotation.teachers import Teacher, teachers_of
from mindsmirror.answers import base
from mindsmirror.errors import RecipeError
from mindsmirror.evaluation.sample_size import too_few_tests
from mindsmirror.methods import ArmConfig, check_ready, method_named
from mindsmirror.records import Annotation, Example
from mindsmirror.reflection.questions import agreed_answers, unused_questions
from mindsmirror.runs.calibration import calibrate_arms
from mindsmirror.runs.checks import check_gold, check_training, require_whole, say_what_is_asked, say_what_to_fetch
from mindsmirror.runs.compiled import compile_students
from mindsmirror.runs.description import describe_students
from mindsmirror.runs.escalation import TEACHER_ANSWERS, answering_step
from mindsmirror.runs.folder import Run
from mindsmirror.runs.labels import with_labels
from mindsmirror.runs.predictions import evaluate
from mindsmirror.runs.recipe import Recipe, read_recipe
from mindsmirror.runs.reflection import Reflection, reflects, train, written_by
from mindsmirror.runs.shots import KEPT, prompts_of, shots_of
from mindsmirror.runs.training import ArmTraining, stages_of
from mindsmirror.system.distributed import join, leads
from mindsmirror.system.progress import Working, say
from mindsmirror.system.record_file import RecordFile
from mindsmirror.tasks import Task, load_task

if TYPE_CHECKING:
    from mindsmirror.evaluation.result import CalibrationResult
    from mindsmirror.reporting.schema import Report
    from mindsmirror.training.result import TrainingResult

RUNS = Path("runs")
ANNOTATION, ANNOTATIONS = "annotation", "annotations.jsonl"
"""The step in which teachers are asked, and its file."""
UNUSED = "unused_questions"
"""The step in which teachers are asked about the questions that students reflect on."""


class Pipeline:
    """A recipe at work in a run's folder."""

    def __init__(self, recipe: Recipe | str | Path, runs: str | Path = RUNS) -> None:
        """The recipe, or the path of its file; the folder of the runs and of the store."""
        self._given = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
        for arm in self._given.arm:
            method_named(arm.method)
        self.run = Run(Path(runs) / self._given.name)
        self.kept = False
        """Whether the task is the one that the run keeps, instead of what its file says now."""
        self.store = self._given.annotation.store or Path(runs) / "store.sqlite"

    @classmethod
    def of(cls, folder: str | Path) -> "Pipeline":
        """The pipeline of a run that is there, from its own resolved recipe and the questions that it keeps."""
        run = Run(folder)
        pipeline = cls(run.recipe, run.folder.parent)
        # The folder may have another name by now, and the task's file may be gone.
        pipeline.run, pipeline.kept = run, True
        return pipeline

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with labels in every arm: where it names none, the data decides, and is loaded for it."""
        if all(arm.labels is not None for arm in self._given.arm):
            return self._given
        return with_labels(self._given, self.run, self.task, self._read_file)

    @cached_property
    def task(self) -> Task:
        """The task, loaded once."""
        if self.kept:
            return self.run.task(self._given)
        with Working(f"reading the questions of {self._given.task.name}"):
            return load_task(self._given.task)

    @property
    def untested_task(self) -> Task:
        """The task without its test questions: all that training and calibration, and so every choice, can read."""
        return self.task.untested()

    @cached_property
    def prompts(self) -> PromptSet:
        """What the teacher is asked."""
        return prompts_of(self._given, self.task)

    @cached_property
    def teachers(self) -> list[Teacher]:
        """The recipe's teachers, none of them opened."""
        return teachers_of(self._given.teacher)

    @cached_property
    def file_annotations(self) -> Sequence[Annotation]:
        """The annotations of `[annotation] file`; AnnotationError if they are not enough for an arm."""
        if self._read_file:
            check_ready(self.recipe.arm, self._read_file, str(self.recipe.annotation.file))
        return self._read_file

    @cached_property
    def _read_file(self) -> Sequence[Annotation]:
        file = self._given.annotation.file
        if file is None:
            return ()
        with Working(f"reading the annotations of {file.name}"):
            return annotations_of_file(file, self.task)

    @property
    def annotation_step(self) -> AnnotationStep:
        """The annotation step: its questions, what they are asked, and the store."""
        own, told = self.recipe, (self.prompts, self.teachers, self.store, shots_of(self._given, self.task))
        asked = self.task.shortened(own.annotation.valid)
        return AnnotationStep(own.name, own.annotation, own.judge, asked, *told, self.run.folder / KEPT)

    @property
    def _reading(self) -> dict[str, Any]:
        """How replies are read: part of every step's inputs."""
        return {"answer": self.recipe.task.answer, "reading": base.READING}

    def begin(self, *, annotates: bool = True, trains: bool = True) -> None:
        """Refuse what cannot work before anything is paid for or written; then write recipe and manifest."""
        self.check(annotates=annotates, trains=trains)
        self.run.keep_task(self.task)
        self.run.begin(self.recipe)
        say_what_is_asked(self.task)
        say_what_to_fetch(self.recipe, annotates=annotates, trains=trains)

    def check(self, *, annotates: bool = True, trains: bool = True) -> None:
        """Refuse what cannot work; writes nothing."""
        if trains:
            check_training(self.recipe, self.task)
        if annotates:
            _ = self.prompts, self.teachers, self.file_annotations
            check_gold(self.recipe, self.task)

    def all(self) -> "Report":
        """Everything, in order; raises what `require_whole` does."""
        if (few := too_few_tests(self.recipe.task, self.task.splits.test)) is not None:
            say(" ".join(few))
        self.require_whole(self.annotate())
        self.distill()
        self.evaluate()
        return self.report()

    def annotate(self) -> AnnotationResult:
        """Annotate training and validation questions.

        Where a cap is reached the result's `stopped` says so; what is complete can be trained on, and the next call
        goes on.
        """
        file, step = self.recipe.annotation.file, self.annotation_step
        given = (annotation.model_dump_json() for annotation in self.file_annotations)

        def annotate(folder: Path) -> AnnotationResult:
            path = folder / ANNOTATIONS
            return step.annotate(path) if file is None else take_over(self.file_annotations, self.task, file, path)

        found = self._annotated(ANNOTATION, {**step.inputs, "file": given}, annotate)
        if found.stopped:
            return found
        more = self._annotate_unused()
        return more if more is not None and more.stopped else found

    def _annotated(
        self, step: str, inputs: Mapping[str, Any], annotate: Callable[[Path], AnnotationResult]
    ) -> AnnotationResult:
        """One step of annotation: done again until it is final."""
        given = {**inputs, **self._reading}
        return self.run.step(step, given, annotate, AnnotationResult, lambda result: result.final, asked_before)

    def _asked(self, step: str, asked: AnnotationStep) -> AnnotationResult:
        """A step in which teachers are asked about other questions than those of the annotation."""
        return self._annotated(step, asked.inputs, lambda folder: asked.annotate(folder / ANNOTATIONS))

    def estimate(self, samples: int = REHEARSED) -> Estimate:
        """What annotating will cost, after asking `samples` questions, which are kept; trains nothing."""
        self.check(trains=False)
        if self.recipe.annotation.file is not None:
            raise RecipeError("annotation.file: annotations from a file cost nothing, so there is nothing to estimate.")
        return self.annotation_step.estimate(samples)

    def require_whole(self, annotated: AnnotationResult) -> None:
        """BudgetError if what `annotate` brought stopped at its budget, UnansweredError if it is too little to use."""
        require_whole(annotated, self.recipe, self.store, self.run.folder / ANNOTATION)

    def annotations(self, step: str = ANNOTATION) -> RecordFile[Annotation]:
        """The run's annotations, read from disk where they are needed; DataError if there are none yet.

        Those of the step UNUSED are of the questions to reflect on, by which rationales are judged without gold.
        """
        path = self.run.folder / step / ANNOTATIONS
        return RecordFile(path, Annotation, "annotations", "Run `mindsmirror annotate` first.")

    def own_annotations(self) -> Iterator[Annotation]:
        """What the students of all arms wrote in their rounds of reflection, judged; nothing where none reflects."""
        for arm in self.recipe.arm:
            yield from written_by(self.run, arm)

    def distill(self) -> dict[str, "TrainingResult"]:
        """Train every arm; returns the results by arm.

        Processes that only help to train wait here until the main one has come so far.
        """
        join()
        annotations = self.annotations()
        with Working("choosing training targets"):
            learnt = annotations.where(lambda annotation: annotation.split == "train")
            if len(self.recipe.arm) > 1:
                # An arm that is left with nothing to learn must not fail when others have been trained.
                for arm in self.recipe.arm:
                    stages_of(arm, learnt, self.untested_task)
        annotated = annotations.digest()
        found = {}
        for arm in self.recipe.arm:
            training = ArmTraining(self.run, self.recipe, self.untested_task, arm, learnt, annotated, self._reading)
            if reflects(training):
                training = replace(training, task=self.unused[0].untested())
            found[arm.name] = train(training, self._reflection(arm, learnt) if reflects(training) else None)
        if leads():
            compile_students(self.run, self.recipe, self.untested_task)
            describe_students(self.run, self.recipe, self.task)
        return found

    @cached_property
    def unused(self) -> tuple[Task, Sequence[Example]]:
        """The questions that students reflect on, beside those of the splits, and the task that reads them, too."""
        reflection = self.recipe.reflect
        if reflection is None:
            return self.untested_task, ()
        with Working("reading the questions to reflect on"):
            return unused_questions(self.recipe.task, self.untested_task, reflection)

    def _reflection(self, arm: ArmConfig, learnt: Sequence[Annotation]) -> Reflection:
        """What an arm's student reflects on, and what its rationales are held against."""
        task, unused = self.unused
        if arm.labels == "gold":
            return Reflection(unused, None)
        if self.recipe.annotation.file is not None:
            # There is no teacher to agree on other questions.
            return Reflection((), agreed_answers(learnt, task))
        return Reflection(unused, agreed_answers(self.annotations(UNUSED) if unused else learnt, task))

    def _annotate_unused(self) -> AnnotationResult | None:
        """Ask the teachers for the rationales by which own ones are judged; None where gold judges, or nobody can."""
        teacher_labels = any(arm.labels == "teacher" and arm.reflect for arm in self.recipe.arm)
        if not teacher_labels or self.recipe.annotation.file is not None or not self.unused[1]:
            return None
        return self._asked(UNUSED, self.annotation_step.for_rationales(*self.unused))

    def calibrate(self) -> "dict[str, CalibrationResult]":
        """Ask every trained arm the validation questions, and choose by them; returns the results by arm."""
        found = calibrate_arms(self.run, self.recipe, self.untested_task, self._reading)
        describe_students(self.run, self.recipe, self.task)
        return found

    def evaluate(self) -> None:
        """Ask every arm, and the student before training, all test questions, once every choice is made."""
        recipe = self.recipe
        self.calibrate()
        if recipe.evaluation.untrained:
            evaluate(self.run, recipe, self.task, None, self.annotations(), self._reading)
        for arm in recipe.arm:
            evaluate(self.run, recipe, self.task, arm, self.annotations(), self._reading)
        if recipe.evaluation.escalate:
            asked = answering_step(self.annotation_step, self.task.splits.test)
            self.require_whole(self._asked(TEACHER_ANSWERS, asked))

    def report(self) -> "Report":
        """The report, again from what is on disk."""
        with Working("writing the report"):
            from mindsmirror.runs.results import report_run

            answers = self.annotations(TEACHER_ANSWERS) if self.run.result(TEACHER_ANSWERS, AnnotationResult) else ()
            return report_run(self.run, self.recipe, self.annotations(), self.task, answers)


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
