"""Which of a question's rationales a student is shown as thinking; each that is left out is counted, with the reason.

`all` takes every one that parsed. `majority` takes those that reach the most frequent of the k answers, so the
teacher's own samples decide; `judged_correct` those that the judge calls correct more often than not; `right` those
that are right by gold, which is fair only where the arm learns from gold labels (Fine-tune-CoT, Ho et al., 2023,
arXiv 2212.10071, filters its samples so). `verdict` stands for `right` where the arm learns from gold labels and for
`judged_correct` elsewhere. `distinct` then keeps one of equal texts and at most so many of a question.

What a judge is taught is never chosen here: from right rationales alone it could not learn what a wrong one is.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from mindsmirror.annotation.judges import majority
from mindsmirror.annotation.reading import answers_of
from mindsmirror.records import Annotation, Rationale, Verdict
from mindsmirror.tasks.base import Task

Rule = Literal["all", "right", "judged_correct", "majority"]
Select = Literal["all", "right", "judged_correct", "majority", "verdict"]
"""A rule, or `verdict`, which becomes one once it is known which labels the arm learns."""

Fault = Callable[[Rationale], str | None]
"""Why a rationale is left out, in words; None if it stays."""


def selected(
    rationales: Sequence[Rationale],
    annotation: Annotation,
    task: Task,
    rule: Rule,
    distinct: int | None,
    dropped: Counter[str],
) -> list[Rationale]:
    """Those of an annotation's parsed rationales that are taught, in their order.

    The others are added to `dropped` under "rationale: REASON", and the question too if none of them is left.
    """
    fault = _FAULTS[rule](annotation, task)
    kept = []
    for rationale in rationales:
        reason = fault(rationale)
        if reason is None:
            kept.append(rationale)
        else:
            dropped[f"rationale: {reason}"] += 1
    if rationales and not kept:
        dropped["question: no rationale selected"] += 1
    return kept if distinct is None else _different(kept, distinct, dropped)


def correct_share(rationale: Rationale, annotation: Annotation) -> float | None:
    """The share of a rationale's verdicts that call it correct, in [0, 1]; None if it has none."""
    verdicts = [e.verdict for e in annotation.evaluations if e.rationale == rationale.sample]
    said = [verdict for verdict in verdicts if verdict is not Verdict.UNPARSED]
    return said.count(Verdict.CORRECT) / len(said) if said else None


def _different(rationales: Sequence[Rationale], distinct: int, dropped: Counter[str]) -> list[Rationale]:
    """The first of each text, white space aside, until there are `distinct`."""
    first: dict[tuple[str, str | None], Rationale] = {}
    for rationale in rationales:
        key = (" ".join(rationale.reasoning.split()), rationale.answer)
        if key in first:
            dropped["rationale: repeated"] += 1
        elif len(first) == distinct:
            dropped["rationale: more than distinct"] += 1
        else:
            first[key] = rationale
    return list(first.values())


def _none(annotation: Annotation, task: Task) -> Fault:
    return lambda _: None


def _not_right(annotation: Annotation, task: Task) -> Fault:
    answers = answers_of(annotation.example, annotation.rationales, task)

    def fault(rationale: Rationale) -> str | None:
        return None if task.right(annotation.example, answers.get(rationale.sample)) else "not right"

    return fault


def _not_judged_correct(annotation: Annotation, task: Task) -> Fault:
    said: dict[int, Counter[bool]] = {}
    for evaluation in annotation.evaluations:
        if evaluation.verdict is not Verdict.UNPARSED:
            said.setdefault(evaluation.rationale, Counter())[evaluation.verdict is Verdict.CORRECT] += 1

    def fault(rationale: Rationale) -> str | None:
        verdicts = said.get(rationale.sample)
        if verdicts is None:
            return "no verdict"
        return None if verdicts[True] > verdicts[False] else "not judged correct"

    return fault


def _not_the_majority(annotation: Annotation, task: Task) -> Fault:
    answers = answers_of(annotation.example, annotation.rationales, task)
    leader = majority(answers)

    def fault(rationale: Rationale) -> str | None:
        if leader is None:
            return "no answer leads"
        answer = answers.get(rationale.sample)
        return None if answer is not None and answer.key == leader.key else "not the majority's answer"

    return fault


_FAULTS: dict[Rule, Callable[[Annotation, Task], Fault]] = {
    "all": _none,
    "right": _not_right,
    "judged_correct": _not_judged_correct,
    "majority": _not_the_majority,
}
