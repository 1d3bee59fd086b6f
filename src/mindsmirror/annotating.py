"""The annotation step of a run: ask what is missing, write down what came, and say where it stopped.

And its rehearsal: what the step would cost, judged by what is stored and by a few questions asked for real.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindsmirror.annotation.annotate import Annotator, Tally, Teacher
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.estimate import Estimate, estimated
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.repairs import MOST_REPAIRS, mendable
from mindsmirror.annotation.store import Store
from mindsmirror.annotation.wanted import Account, StepCost
from mindsmirror.files import write_records
from mindsmirror.progress import Progress, say
from mindsmirror.recipe import Recipe
from mindsmirror.records import Annotation, Example
from mindsmirror.tasks import Task

NO_MORE = BudgetConfig(tokens=0)
"""The budget under which the loop only reads."""
REHEARSED = 4
"""Questions that an estimate asks for real, unless told otherwise."""


@dataclass(frozen=True)
class Annotating:
    """A recipe's questions, what they are asked, and the store."""

    recipe: Recipe
    task: Task
    prompts: PromptSet
    teachers: Sequence[Teacher]
    store: Path

    @property
    def questions(self) -> list[tuple[str, Example]]:
        """Training and validation questions with their split."""
        splits = self.task.splits
        return [("train", example) for example in splits.train] + [("valid", example) for example in splits.valid]

    def annotate(self, path: Path) -> dict[str, Any]:
        """Annotate all questions into a JSON Lines file; returns what it brought, as `done.json` holds it.

        A question of which nothing was asked, because a cap was reached, is not in the file.
        """
        questions = self.questions
        progress = Progress("annotating", len(questions), "questions")
        with Store(self.store) as store:
            annotator = self._annotator(store)
            found: dict[str, Account] = {}
            complete = 0

            def show(tally: Tally) -> None:
                progress.update(complete, f"{tally.samples} samples, {annotator.spending.words} paid")

            for account in annotator.accounts(questions, show):
                found[account.annotation.example.id] = account
                complete += account.complete
        tally, spending = annotator.tally, annotator.spending
        progress.close(complete, f"{tally.samples} samples asked for, {spending.words} paid")
        accounts = [found[example.id] for _, example in questions]
        annotations = self._calibrated([account.annotation for account in accounts if account.annotation.rationales])
        write_records(path, annotations)
        result = {
            "questions": len(annotations),
            "wanted": len(questions),
            "complete": complete,
            "asked": tally.samples,
            "failed": sum(account.failed for account in accounts),
            "unasked": sum(account.unasked for account in accounts),
            "steps": {
                "rationale": _sum(account.rationales for account in accounts)._asdict(),
                "judgement": _sum(account.judgements for account in accounts)._asdict(),
            },
            "paid": {
                "tokens_in": spending.tokens_in,
                "tokens_out": spending.tokens_out,
                "usd": spending.usd,
                "seconds": round(spending.seconds, 1),
            },
            "stopped": "",
        }
        if result["unasked"]:
            result["stopped"] = (
                f"the annotation stopped at its budget: {spending.reached}. {complete} of {len(questions)} questions "
                f"are complete and {len(annotations) - complete} begun; all of it is kept"
            )
        self._notices(result, annotations)
        return result

    def estimate(self, samples: int = REHEARSED) -> Estimate:
        """What it would cost to annotate what is not stored; asks up to `samples` questions, which are then stored.

        They are paid for like all others and count for the recipe's budget.
        """
        questions = self.questions
        with Store(self.store) as store:
            before = self._read(store)
            missing = [pair for pair, account in zip(questions, before, strict=True) if not account.complete]
            # Evenly spread, so that a file sorted by length or kind is not judged by its beginning.
            chosen = [missing[number * len(missing) // samples] for number in range(min(samples, len(missing)))]
            annotator = self._annotator(store)
            progress = Progress("measuring", len(chosen), "questions")
            asked = list(annotator.accounts(chosen, lambda tally: progress.update(tally.questions)))
            if asked:
                progress.close(len(asked), f"{annotator.tally.samples} samples, {annotator.spending.words} paid")
            return estimated(
                self._read(store),
                before,
                self.recipe.annotation,
                [self.teachers[0], self.teachers[self.recipe.judge.teacher]],
                annotator.spending,
                annotator.tally,
            )

    def _calibrated(self, annotations: list[Annotation]) -> list[Annotation]:
        """The store keeps what the judge gave; what it is worth follows from all of it, anew each time."""
        if self.recipe.judge.strategy != "likelihood":
            return annotations
        from mindsmirror.annotation.calibration import calibrated

        found = calibrated(annotations, self.task, self.recipe.judge.calibration)
        judged = [evaluation for annotation in found for evaluation in annotation.evaluations]
        if judged and all(evaluation.p_correct is None for evaluation in judged):
            say("too few correct or wrong rationales to calibrate the judge's likelihoods: its verdicts are raw")
        return found

    def _annotator(self, store: Store, budget: BudgetConfig | None = None) -> Annotator:
        config = self.recipe.annotation
        return Annotator(
            self.task,
            self.prompts,
            self.teachers[0],
            self.teachers[self.recipe.judge.teacher],
            config if budget is None else config.model_copy(update={"budget": budget}),
            self.recipe.judge,
            store,
            self.recipe.name,
        )

    def _read(self, store: Store) -> list[Account]:
        """The accounts of all questions, in order, as far as they are stored."""
        annotator = self._annotator(store, NO_MORE)
        found = {account.annotation.example.id: account for account in annotator.accounts(self.questions)}
        return [found[example.id] for _, example in self.questions]

    def _notices(self, result: dict[str, Any], annotations: Sequence[Annotation]) -> None:
        if result["failed"]:
            say(f"{result['failed']} samples failed and are asked for again by the next `run`; see the report")
        lost = sum(mendable(rationale) for a in annotations for rationale in a.rationales)
        lost += sum(mendable(evaluation) for a in annotations for evaluation in a.evaluations)
        repairs = self.recipe.annotation.repairs
        if lost and repairs < MOST_REPAIRS:
            say(f"{lost} replies gave nothing to use; [annotation] repairs = {repairs + 1} asks for them again")


def take_over(ready: Sequence[Annotation], task: Task, file: Path, path: Path) -> dict[str, Any]:
    """Write down annotations that are there already; how many questions their file lacks is said."""
    lacking = len(task.splits.train) + len(task.splits.valid) - len(ready)
    if lacking:
        say(f"{lacking} questions have no annotation in {file} and are left out")
    write_records(path, ready)
    return {"questions": len(ready), "asked": 0, "failed": 0, "lacking": lacking}


def _sum(costs: Iterable[StepCost]) -> StepCost:
    total = StepCost()
    for cost in costs:
        total = total.plus(cost)
    return total
