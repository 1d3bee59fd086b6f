"""The annotation step of a run: ask what is missing, write down what came, and say where it stopped.

And its rehearsal: what the step would cost, judged by what is stored and by a few questions asked for real.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mindsmirror.annotation.annotate import Annotator, Tally, Teacher
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.estimate import Estimate, estimated
from mindsmirror.annotation.from_file import AnnotationTable
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.repairs import MOST_REPAIRS, mendable
from mindsmirror.annotation.samples import Account, Usage
from mindsmirror.annotation.store import Store
from mindsmirror.engines import TeacherConfig, engine_identity, open_engine
from mindsmirror.records import Annotation, Parse, Rationale, SelfEvaluation, VerdictSource
from mindsmirror.system.files import read_records, write_in_order, write_records
from mindsmirror.system.progress import Progress, Working, say
from mindsmirror.tasks import Task

NO_MORE = BudgetConfig(tokens=0)
"""The budget under which the loop only reads."""
REASONS = 3
"""Of failed requests, that a result holds: the most frequent ones."""
DOUBTED = (
    "what a teacher cost is an estimate: it reports no believable numbers of tokens, or requests failed that it may "
    "have billed; such requests count as the most that they can have cost"
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

    def annotate(self, path: Path) -> dict[str, Any]:
        """Annotate all questions into a JSON Lines file; returns what it brought, as `done.json` holds it.

        A question of which nothing was asked, because a cap was reached, is not in the file. Annotations are written
        down as they come, so their number is no matter of memory.
        """
        count = self.task.splits.annotated_count
        sums, doubted = _Sums(), False
        with Progress("annotating", count, "questions") as progress:
            with Store(self.store) as store:
                annotator = self._annotator(store)
                tally, spending = annotator.tally, annotator.spending

                def show(tally: Tally) -> None:
                    nonlocal doubted
                    if spending.estimated and not doubted:
                        doubted = True
                        say(DOUBTED)
                    if tally.awaited or tally.samples or sums.failed:
                        progress.update(sums.complete, f"{tally.samples} samples{_found(tally)}, {spending.words} paid")
                    else:
                        progress.found(sums.complete)

                with closing(annotator.accounts(self.task.splits.annotated(), show)) as accounts:
                    write_in_order(path, sums.added(accounts))
            if self._calibrates:
                write_records(path, self._calibrated(read_records(path, Annotation)))
            progress.close(sums.complete, f"{tally.samples} samples asked for{_found(tally)}, {spending.words} paid")
        result = {
            "questions": sums.annotated,
            "wanted": count,
            "complete": sums.complete,
            "found": tally.found,
            "asked": tally.samples,
            "failed": sums.failed,
            "usable": sums.usable,
            "reasons": dict(sums.reasons.most_common(REASONS)),
            "unasked": sums.unasked,
            "steps": {step: cost._asdict() for step, cost in sums.steps.items()},
            "paid": {
                "tokens_in": spending.tokens_in,
                "tokens_out": spending.tokens_out,
                "usd": spending.usd,
                "seconds": round(spending.seconds, 1),
                "estimated": spending.estimated,
                "vain": spending.vain,
            },
            "stopped": "",
        }
        if sums.unasked:
            result["stopped"] = (
                f"the annotation stopped at its budget: {spending.reached}. {sums.complete} of {count} questions "
                f"are complete and {sums.annotated - sums.complete} begun; all of it is kept"
            )
        self._notices(sums)
        return result

    def estimate(self, samples: int = REHEARSED) -> Estimate:
        """What it would cost to annotate what is not stored; asks up to `samples` questions, which are then stored.

        They are paid for like all others and count for the recipe's budget.
        """
        with Store(self.store) as store:
            with Working("reading what is stored"):
                before = self._read(store)
            missing = [
                pair for pair, account in zip(self.task.splits.annotated(), before, strict=True) if not account.complete
            ]
            # Evenly spread, so that a file sorted by length or kind is not judged by its beginning.
            chosen = [missing[number * len(missing) // samples] for number in range(min(samples, len(missing)))]
            annotator = self._annotator(store)
            with Progress("measuring", len(chosen), "questions") as progress:
                asked = list(annotator.accounts(chosen, lambda tally: progress.update(tally.questions)))
                if asked:
                    progress.close(len(asked), f"{annotator.tally.samples} samples, {annotator.spending.words} paid")
            return estimated(
                self._read(store),
                before,
                self.config,
                [*self._writers, self.teachers[self.judge.teacher]],
                annotator.spending,
                annotator.tally,
            )

    def stored(self) -> list[Annotation]:
        """The annotations of all questions of which a rationale is stored; asks nothing, and makes no store."""
        if not self.store.exists():
            return []
        with Store(self.store) as store:
            found = [account.annotation for account in self._read(store) if account.annotation.rationales]
        return self._calibrated(found) if self._calibrates else found

    @property
    def _calibrates(self) -> bool:
        return self.judge.source is VerdictSource.LIKELIHOOD

    def _calibrated(self, annotations: list[Annotation]) -> list[Annotation]:
        """The store keeps what the judge gave; what it is worth follows from all of it, anew each time."""
        from mindsmirror.annotation.calibration import calibrated

        found = calibrated(annotations, self.task, self.judge.calibration)
        judged = [evaluation for annotation in found for evaluation in annotation.evaluations]
        if judged and all(evaluation.p_correct is None for evaluation in judged):
            say("too few correct or wrong rationales to calibrate the judge's likelihoods: its verdicts are raw")
        return found

    def _annotator(self, store: Store, budget: BudgetConfig | None = None) -> Annotator:
        return Annotator(
            self.task,
            self.prompts,
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

    def _read(self, store: Store) -> list[Account]:
        """The accounts of all questions, in order, as far as they are stored."""
        accounts = self._annotator(store, NO_MORE).accounts(self.task.splits.annotated())
        return sorted(accounts, key=lambda account: account.number)

    def _notices(self, sums: "_Sums") -> None:
        if sums.failed:
            say(f"{sums.failed} samples failed and are asked for again by the next `run`; see the report")
        repairs = self.config.repairs
        if sums.lost and repairs < MOST_REPAIRS:
            say(f"{sums.lost} replies gave nothing to use; [annotation] repairs = {repairs + 1} asks for them again")


def too_little(annotated: Mapping[str, Any], most_failed: float) -> str:
    """Why what an annotation brought is too little to go on with, and what the server answered; empty if it is not."""
    failed, usable = annotated["failed"], annotated.get("usable")
    came = sum(cost["samples"] for cost in annotated.get("steps", {}).values())
    said = "; ".join(f"{number} times: {reason}" for reason, number in annotated.get("reasons", {}).items())
    said = f" The server answered: {said}." if said else ""
    if failed > most_failed * (failed + came):
        return (
            f"{failed} of {failed + came} samples failed, more than annotation.max_failed = {most_failed:g} allows."
            f"{said} Mend the cause and start the same command again: it asks for them again."
        )
    if usable == 0 and failed + came and not annotated["stopped"]:
        return (
            f"not one of {failed + came} replies can be used: none states an answer that can be read.{said} Look at "
            "the raw replies in the store's table `failures`, and at annotation.max_tokens and annotation.prompts."
        )
    return ""


def take_over(ready: Sequence[Annotation], task: Task, file: Path, path: Path) -> dict[str, Any]:
    """Write down annotations that are there already; how many questions their file lacks is said."""
    lacking = task.splits.annotated_count - len(ready)
    if lacking:
        say(f"{lacking} questions have no annotation in {file} and are left out")
    write_records(path, ready)
    return {"questions": len(ready), "asked": 0, "failed": 0, "lacking": lacking}


def asked_before(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result of an annotation that was done before, as it is now: all its samples found and none asked for."""
    if "steps" not in result:
        # Taken over from a file: there was nothing to ask for then, either.
        return dict(result)
    found = sum(step["samples"] for step in result["steps"].values())
    say(f"annotated before: {result['questions']} questions, {found} samples found in the store, none asked for")
    return {**result, "found": found, "asked": 0}


def teachers_of(configs: Sequence[TeacherConfig]) -> list[Teacher]:
    """A recipe's teachers, none of them opened, named by model, and by number too where two have the same model."""
    models = [config.model for config in configs]
    return [
        Teacher(
            config.model if models.count(config.model) == 1 else f"{config.model} #{number}",
            engine_identity(config),
            partial(open_engine, config),
            config.price,
        )
        for number, config in enumerate(configs)
    ]


def _found(tally: Tally) -> str:
    return f" and {tally.found} found" if tally.found else ""


@dataclass
class _Sums:
    """What all accounts come to."""

    annotated: int = 0
    complete: int = 0
    failed: int = 0
    unasked: int = 0
    lost: int = 0
    """Replies that gave nothing to use."""
    usable: int = 0
    """Rationales that state an answer."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why requests failed."""
    steps: dict[str, Usage] = field(default_factory=dict)

    def added(self, accounts: Iterable[Account]) -> Iterator[tuple[int, Annotation]]:
        """The annotations with their numbers, but for empty ones, while what came of all questions is added up."""
        for account in accounts:
            annotation = account.annotation
            self.complete += account.complete
            self.failed += account.failed
            self.unasked += account.unasked
            for step, cost in account.steps.items():
                self.steps[step] = self.steps.get(step, Usage()).plus(cost)
            self.lost += sum(map(mendable, (*annotation.rationales, *annotation.duals)))
            self.lost += sum(map(mendable, annotation.evaluations))
            self.usable += sum(rationale.parse is Parse.OK for rationale in annotation.rationales)
            records: tuple[Rationale | SelfEvaluation, ...] = (
                *annotation.rationales,
                *annotation.duals,
                *annotation.evaluations,
            )
            self.reasons.update(record.reason for record in records if record.parse is Parse.FAILED)
            if annotation.rationales:
                self.annotated += 1
                yield account.number, annotation
