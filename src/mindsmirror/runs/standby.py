"""The teacher that stands by a trained student: it is asked what the student abstains from, when that is in use.

It is the first teacher of the run's recipe that writes rationales. It is asked as for the annotation: the same engine,
prompts, repairs, caps and store, so a question that it has answered before costs nothing.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from mindsmirror.annotation.samples import Account
from mindsmirror.errors import MindsMirrorError, RecipeError
from mindsmirror.inference.description import StudentDescription
from mindsmirror.inference.question import Question, TeacherReply
from mindsmirror.records import Mode
from mindsmirror.runs.escalation import answering_step
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.system.progress import Working
from mindsmirror.system.terminal import quantity


class StandbyTeacher:
    """The teacher of a run, opened only where a question comes that is not in the store."""

    def __init__(self, folder: Path) -> None:
        """DataError if the folder holds no run, RecipeError if that has no teacher."""
        self.folder = folder
        recipe = self._pipeline.recipe
        if not recipe.teacher:
            raise RecipeError(
                f"annotation.file: the rationales of {folder} are those of a file, so there is no teacher to ask. "
                "Ask without --escalate."
            )
        self.name, self._risk = recipe.teacher[recipe.annotation.teachers[0]].model, recipe.evaluation.risk

    @cached_property
    def _pipeline(self) -> Pipeline:
        return Pipeline.of(self.folder)

    def check(self, student: StudentDescription, mode: Mode) -> None:
        """RecipeError for a student that has no threshold in a mode, because it abstains from nothing."""
        if student.abstains(mode):
            return
        if self._risk is None:
            raise RecipeError(
                f"evaluation.risk: {self.folder} promises no risk, so its students abstain from nothing, and nothing "
                "would be sent to the teacher. Set it in the recipe, such as risk = 0.1 for at most a tenth of wrong "
                "answers, and run the recipe again: training is not repeated."
            )
        raise RecipeError(
            f"evaluation.risk: arm {student.arm!r} has no threshold in mode {mode}. Run `mindsmirror evaluate "
            f"{self.folder}`, which fits one where right and wrong rationales come from enough validation questions."
        )

    def ask(self, questions: Sequence[Question]) -> list[TeacherReply]:
        """The teacher's replies, in the order of the questions.

        No failure of the teacher, its engine or the store is raised: the replies that are missing name it.
        """
        came: dict[int, Account] = {}
        try:
            with Working(f"asking the teacher {quantity(len(questions), 'question')}"):
                task = self._pipeline.task
                step = answering_step(self._pipeline.annotation_step, [each.example(task) for each in questions])
                missing = step.ask(lambda account: came.update({account.number: account}))
        except MindsMirrorError as error:
            missing = str(error)
        return [self._reply(came.get(place), missing) for place in range(len(questions))]

    def _reply(self, account: Account | None, missing: str) -> TeacherReply:
        """What came of a question; `missing` is why nothing did."""
        said = account.annotation.rationales if account is not None else ()
        if account is None or not said:
            return TeacherReply(name=self.name, error=missing)
        used = account.total
        return TeacherReply(
            name=self.name,
            answer=said[0].answer,
            text=said[0].text,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
            usd=used.usd,
            error="" if said[0].answer is not None else said[0].reason,
        )
