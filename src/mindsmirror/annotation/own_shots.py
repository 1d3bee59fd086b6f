"""Examples for the teacher that are made of the task's own questions, so that no other task shows through.

The built-in examples for labels and texts solve puzzles about letters, and a teacher copies such words into what it
says of a support ticket. So a few training questions are put to it without any example, its replies are held against
gold, and those that are right become the examples: with the critiques that it wrote of them, and with a wrong reply
and its critique, if there is one. Examples of one label alone would make a teacher forget the others, so for a label
without a right reply a wrong one is taken that it has mended, knowing the answer. What is asked for this is stored,
paid for and capped like all else.

These questions are trained on like all others, but the teacher does not see its own solution when it is asked one.
"""

import re
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from mindsmirror.annotation.annotate import Annotator
from mindsmirror.annotation.critiques import fault_of
from mindsmirror.annotation.prompts import JudgedShot, OwnPrompts, PromptSet, Shot
from mindsmirror.answers import Label
from mindsmirror.records import Annotation, DualKind, Example, Parse, Rationale, Verdict
from mindsmirror.system.files import read_json, write_json
from mindsmirror.system.progress import say
from mindsmirror.tasks.base import Task
from mindsmirror.tasks.splits import bucket

SHOTS = 3
"""Examples where a recipe names no number."""
CANDIDATES = 3
"""Questions that are asked for each example."""
SAMPLES = 2
"""Rationales of each of them."""
LONG = 1500
"""Characters of a question that is taken only where there are too few shorter ones: every prompt would carry it."""


_ANSWER = re.compile(r"\s*The answer is [^.]*\.?$")
"""How a critique may end that took itself for a solution."""


class Kept(BaseModel):
    """The prompts with the examples that a run made, and what they were made for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_for: list[str]
    questions: list[str]
    prompts: OwnPrompts


class _Told(NamedTuple):
    """A rationale with its critique."""

    example: Example
    rationale: Rationale
    critique: str


def candidates(task: Task, shots: int) -> list[Example]:
    """The training questions that are asked for the examples, in their order: fixed by ids, each label in turn."""
    count = shots * CANDIDATES
    answered = (example for example in task.splits.train if example.gold is not None)
    labels = len(task.answers.labels) if isinstance(task.answers, Label) else 1
    near = nsmallest(count * labels, answered, key=lambda e: (len(e.text) > LONG, bucket(f"shots:{e.id}")))
    if labels == 1:
        return near[:count]
    turns: dict[str, int] = {}
    placed = []
    for place, example in enumerate(near):
        turn = turns[str(example.gold)] = turns.get(str(example.gold), 0) + 1
        placed.append((turn, place, example))
    return [example for _, _, example in sorted(placed, key=lambda item: item[:2])][:count]


def with_shots(base: PromptSet, annotator: Annotator, task: Task, shots: int) -> OwnPrompts | None:
    """The prompts with examples that the annotator's teacher writes now, or has written before.

    None if a cap kept some of it from being asked, or no reply is right.
    """
    asked = candidates(task, shots)
    accounts = {account.number: account for account in annotator.accounts(("train", example) for example in asked)}
    if not all(account.complete for account in accounts.values()):
        return None
    return chosen(base, [accounts[number].annotation for number in sorted(accounts)], shots)


def chosen(base: PromptSet, annotations: Sequence[Annotation], shots: int) -> OwnPrompts | None:
    """The prompts with examples out of these annotations; None if none is right.

    Different answers come first, and each question is solved once.
    """
    right, wrong = list(_told(annotations, Verdict.CORRECT)), list(_told(annotations, Verdict.WRONG))
    once = list({told.example.id: told for told in reversed(right)}.values())[::-1]
    if not once:
        return None
    # The first example is the one whose critique is shown, so it is one that has any.
    first = list({told.rationale.answer: told for told in reversed(once)}.values())[::-1]
    reached = {told.rationale.answer for told in first}
    mended = {told.rationale.answer: told for told in _mended(annotations) if told.rationale.answer not in reached}
    solved = [*first, *mended.values(), *(told for told in once if told not in first)][:shots]
    shown = {told.example.id for told in solved}
    other = next((told for told in right if told.example.id not in shown), solved[-1])
    return OwnPrompts(
        version=base.version,
        system=base.system,
        reminder=base.reminder,
        solved=tuple(Shot(question=t.example.text, rationale=t.rationale.written, critique=t.critique) for t in solved),
        judged=tuple(
            JudgedShot(
                question=told.example.text,
                rationale=told.rationale.written,
                critique=told.critique,
                verdict=verdict,
                answer=str(told.example.gold),
            )
            for verdict, told in ((Verdict.WRONG, wrong[0] if wrong else None), (Verdict.CORRECT, other))
            if told is not None
        ),
    )


def _told(annotations: Sequence[Annotation], verdict: Verdict) -> Iterator[_Told]:
    """The rationales with that verdict whose critique can be true, in their order."""
    for annotation in annotations:
        said = {e.rationale: e.critique for e in annotation.evaluations if e.parse is Parse.OK and e.verdict is verdict}
        for rationale in annotation.rationales:
            critique = _ANSWER.sub("", " ".join(said.get(rationale.sample, "").split())).strip()
            if critique and _reasons(rationale, annotation) and not fault_of(critique, rationale.written, verdict):
                yield _Told(annotation.example, rationale, critique)


def _mended(annotations: Sequence[Annotation]) -> Iterator[_Told]:
    """The wrong rationales that their teacher has corrected; nobody was asked for their critiques."""
    for annotation in annotations:
        for dual in annotation.duals:
            if dual.parse is Parse.OK and dual.kind is DualKind.RECTIFIED and _reasons(dual, annotation):
                yield _Told(annotation.example, dual, "")


def _reasons(rationale: Rationale, annotation: Annotation) -> bool:
    """Whether it says more than the question itself."""
    return bool(rationale.reasoning) and rationale.reasoning not in annotation.example.text


def read_kept(path: Path | None, made_for: Sequence[str], task: Task) -> OwnPrompts | None:
    """The prompts that a run has kept, if they were made for the same and of questions that are still trained on."""
    document = None if path is None else read_json(path)
    try:
        kept = Kept.model_validate(document)
    except ValidationError:
        return None
    if kept.made_for != list(made_for):
        return None
    sought = set(kept.questions)
    return kept.prompts if sought <= {e.text for e in task.splits.train if e.text in sought} else None


def keep(path: Path, made_for: Sequence[str], prompts: OwnPrompts) -> None:
    """Write down what a run shows its teacher from now on; says so."""
    questions = list(dict.fromkeys(shot.question for shot in (*prompts.solved, *prompts.judged)))
    write_json(path, Kept(made_for=list(made_for), questions=questions, prompts=prompts).model_dump(mode="json"))
    wrong = sum(shot.verdict is Verdict.WRONG for shot in prompts.judged)
    say(
        f"the teacher is shown {len(prompts.solved)} of your training questions with its own right solutions"
        f"{' and one wrong solution' if wrong else ''}: {path}"
    )
