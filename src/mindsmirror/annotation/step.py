"""The annotation step of a run: ask what is missing, write down what came, and say where it stopped.

And its rehearsal: what the step would cost, judged by what is stored and by a few questions asked for real.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindsmirror.annotation.annotate import Annotator, Tally
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.estimate import Estimate, QuestionUsages, estimated
from mindsmirror.annotation.from_file import AnnotationTable
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.likelihood import REQUEST
from mindsmirror.annotation.own_shots import SAMPLES, keep, read_kept, with_shots
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.repairs import MOST_REPAIRS, WORDS
from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.annotation.samples import Account
from mindsmirror.annotation.store import Store
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.annotation.totals import Totals
from mindsmirror.answers import Label
from mindsmirror.records import Annotation, Example, VerdictSource
from mindsmirror.system.files import read_records, write_in_order, write_records
from mindsmirror.system.progress import Progress, Working, say
from mindsmirror.system.record_file import RecordFile
from mindsmirror.system.terminal import quantity
from mindsmirror.tasks import Splits, Task

NO_MORE = BudgetConfig(tokens=0)
"""The budget under which the loop only reads."""
ESTIMATED = (
    "what a teacher costs is an estimate: it reports no believable numbers of tokens, or it may have billed requests "
    "that failed. Such requests count as the most that they can have cost"
)
REHEARSED = 4
"""Questions that an estimate asks for real, unless told otherwise."""


@dataclass(frozen=True)
class AnnotationStep:
    """A recipe's questions, what they are asked, and the store."""

    name: str
    """Of the recipe: who asks, for the store's record of payments."""
    config: AnnotationTable
    judge: JudgeConfig
    task: Task
    prompts: PromptSet
    teachers: Sequence[Teacher]
    store: Path
    shots: int = 0
    """Examples that are made of the task's own questions; `prompts` then has none."""
    kept: Path | None = None
    """The file that keeps them."""

    @property
    def inputs(self) -> dict[str, Any]:
        """All that determines the annotations, as JSON; an iterator stands for a list."""
        return {
            "examples": ([e.id, e.text, e.gold] for _, e in self.task.splits.annotated()),
            "teachers": [dict(teacher.identity) for teacher in self.teachers],
            "annotation": self.config.model_dump(
                mode="json", exclude={"store", "budget", "max_failed", "file", "shots", "valid"}
            ),
            "judge": self.judge.model_dump(mode="json"),
            "prompts": [self.prompts.hash, self.prompts.dual_hash],
            "repairs": WORDS,
            "likelihood": REQUEST,
            **({"shots": self.shots} if self.shots else {}),
        }

    def for_rationales(self, task: Task, examples: Sequence[Example]) -> "AnnotationStep":
        """The same about other questions, which the task can read: of them only rationales are asked for.

        No examples for the teacher are made of them.
        """
        few = self.config.model_copy(update={"self_evaluations": 0, "rectified": 0, "corrupted": 0})
        kept = read_kept(self.kept, self._made_for, self.task) if self.shots else None
        asked = replace(task, splits=Splits(tuple(examples), (), ()))
        return replace(self, task=asked, config=few, prompts=kept or self.prompts, shots=0)

    def annotate(self, path: Path) -> AnnotationResult:
        """Annotate all questions into a JSON Lines file.

        A question of which nothing was asked, because a cap was reached, is not in the file. Annotations are written
        as they come, so memory does not grow with their number.
        """
        count = self.task.splits.annotated_count
        totals, warned = Totals(), False
        with Progress("annotating", count, "questions") as progress:
            with Store(self.store) as store:
                annotator = self._annotator(store, self._shown(store, keeps=True))
                tally, spending = annotator.tally, annotator.spending

                def show(tally: Tally) -> None:
                    nonlocal warned
                    if spending.estimated and not warned:
                        warned = True
                        say(ESTIMATED)
                    if tally.awaited or tally.came.samples or totals.failed:
                        progress.update(totals.complete, f"{_came(tally)}, {spending.words}")
                    else:
                        progress.found(totals.complete)

                with closing(annotator.accounts(self.task.splits.annotated(), show)) as accounts:
                    write_in_order(path, totals.added(accounts))
            if self._calibrates:
                write_records(path, self._calibrated(read_records(path, Annotation)))
            progress.close(totals.complete, f"{_came(tally, ' asked for')}, {spending.words}")
        self._notices(totals)
        return totals.result(count, tally, spending)

    def ask(self, take: Callable[[Account], None]) -> str:
        """Ask all questions and hand each over as it is answered; nothing is written but the store.

        Returns the cap that kept some of them from being asked, in words; empty if none did.
        """
        with Store(self.store) as store:
            annotator = self._annotator(store, self._shown(store))
            for account in annotator.accounts(self.task.splits.annotated()):
                take(account)
            return annotator.spending.reached

    def estimate(self, samples: int = REHEARSED) -> Estimate:
        """What it would cost to annotate what is not stored; asks up to `samples` questions, which are then stored.

        They are paid for like all others and count for the recipe's budget.
        """
        with Store(self.store) as store:
            with Working("reading what is stored"):
                before = self._read(store)
            missing = [number for number, complete in enumerate(before.complete) if not complete]
            # Evenly spread, so that a file sorted by length or kind is not judged by its beginning.
            picked = {missing[place * len(missing) // samples] for place in range(min(samples, len(missing)))}
            chosen = [pair for number, pair in enumerate(self.task.splits.annotated()) if number in picked]
            annotator = self._annotator(store, self._shown(store) if samples else self._shown(store, NO_MORE))
            with Progress("measuring", len(chosen), "questions") as progress:
                asked = list(annotator.accounts(chosen, lambda tally: progress.update(tally.questions)))
                if asked:
                    progress.close(len(asked), f"{_came(annotator.tally)}, {annotator.spending.words}")
            return estimated(
                self._read(store),
                before,
                self.config,
                [*self._writers, self.teachers[self.judge.teacher]],
                annotator.spending,
                annotator.tally,
            )

    def stored(self, path: Path) -> Sequence[Annotation]:
        """The annotations of all questions of which a rationale is stored, written to a file and read from there.

        It asks nothing, and makes no store.
        """
        if not self.store.exists():
            return ()
        with Store(self.store) as store:
            write_in_order(path, Totals().added(self._stored(store)))
        if self._calibrates:
            write_records(path, self._calibrated(read_records(path, Annotation)))
        return RecordFile(path, Annotation)

    @property
    def _calibrates(self) -> bool:
        return self.judge.source is VerdictSource.LIKELIHOOD

    def _calibrated(self, annotations: list[Annotation]) -> list[Annotation]:
        """The store keeps what the judge gave; what it is worth follows from all of it, anew each time."""
        from mindsmirror.annotation.calibration import calibrated

        found = calibrated(annotations, self.task, self.judge.calibration)
        judged = [evaluation for annotation in found for evaluation in annotation.evaluations]
        if judged and all(evaluation.p_correct is None for evaluation in judged):
            say("too few correct or wrong rationales to calibrate the judge's likelihoods: they stay as they are")
        return found

    def _shown(self, store: Store, budget: BudgetConfig | None = None, *, keeps: bool = False) -> PromptSet:
        """The prompts with the examples that are made of the task's own questions, if the recipe wants any.

        They are made here, unless they are kept or stored; `keeps` keeps them.
        """
        if not self.shots:
            return self.prompts
        kept = read_kept(self.kept, self._made_for, self.task)
        if kept is not None:
            return kept
        mended = int(isinstance(self.task.answers, Label))
        few = {"rationales": SAMPLES, "self_evaluations": 1, "rectified": mended, "corrupted": 0}
        config = self.config.model_copy(update=few if budget is None else few | {"budget": budget})
        judging = self.judge.model_copy(update={"strategy": "informed"})
        judge = self.teachers[self.judge.teacher]
        annotator = Annotator(self.task, self.prompts, self._writers[0], judge, config, judging, store, self.name)
        with Working("making examples for the teacher"):
            made = with_shots(self.prompts, annotator, self.task, self.shots)
        if keeps and made is not None and self.kept is not None:
            keep(self.kept, self._made_for, made)
        elif keeps and made is None:
            say("no reply to your training questions is right by gold: the teacher is shown no examples")
        return made or self.prompts

    @property
    def _made_for(self) -> list[str]:
        return [self.prompts.hash, self._writers[0].key, self.teachers[self.judge.teacher].key, str(self.shots)]

    def _annotator(self, store: Store, prompts: PromptSet, budget: BudgetConfig | None = None) -> Annotator:
        return Annotator(
            self.task,
            prompts,
            self._writers[0],
            self.teachers[self.judge.teacher],
            self.config if budget is None else self.config.model_copy(update={"budget": budget}),
            self.judge,
            store,
            self.name,
            self._writers[1:],
        )

    @property
    def _writers(self) -> list[Teacher]:
        """The teachers that write rationales."""
        return [self.teachers[number] for number in self.config.teachers]

    def _stored(self, store: Store) -> Iterator[Account]:
        """The accounts of all questions, as far as they are stored; asks nothing."""
        shown = self._shown(store, NO_MORE)
        return self._annotator(store, shown, NO_MORE).accounts(self.task.splits.annotated())

    def _read(self, store: Store) -> QuestionUsages:
        return QuestionUsages.of(self._stored(store), self.task.splits.annotated_count)

    def _notices(self, totals: Totals) -> None:
        if totals.failed:
            say(f"{quantity(totals.failed, 'sample')} failed; the next `run` asks for them again. See the report")
        repairs = self.config.repairs
        if totals.lost and repairs < MOST_REPAIRS:
            replies = quantity(totals.lost, "reply", "replies")
            say(f"{replies} could not be used; [annotation] repairs = {repairs + 1} would ask again")


def asked_before(result: AnnotationResult) -> AnnotationResult:
    """The result of an annotation that was done before, as it is now; says so."""
    if not result.steps:
        # It came from a file: nothing was asked for then, either.
        return result
    found = result.as_found()
    say(
        f"annotated before: {quantity(found.questions, 'question')}, {quantity(found.found, 'sample')} found in the "
        "store, none asked for"
    )
    return found


def _came(tally: Tally, how: str = "") -> str:
    found = f" and {tally.found} found" if tally.found else ""
    return f"{quantity(tally.came.samples, 'sample')}{how}{found}"
