"""From annotations to targets: what methods have in common.

Which label a question is given, which rationales parsed, and how a rationale is written.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.annotation.judges import majority
from mindsmirror.annotation.reading import answers_of
from mindsmirror.annotation.select import correct_share, selected
from mindsmirror.answers.base import Answer
from mindsmirror.errors import AnnotationError
from mindsmirror.methods.base import ArmConfig
from mindsmirror.methods.chosen import choose_targets
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.records import Annotation, Example, Parse, Rationale, Stage, Tag, Target, Verdict
from mindsmirror.tasks.base import Task


def label(annotation: Annotation, task: Task, arm: ArmConfig) -> str | None:
    """The answer that the student is taught, in canonical form; None if there is none.

    Teacher labels are the most frequent of the k answers; where no answer leads, the first that parsed. They are also
    those of an arm that no run has resolved.
    """
    if arm.labels == "gold":
        return gold_label(annotation.example, task, arm)
    answers = answers_of(annotation.example, annotation.rationales, task)
    if not answers:
        return None
    leader = majority(answers)
    return (leader or next(iter(answers.values()))).text


def gold_label(example: Example, task: Task, arm: ArmConfig) -> str:
    """The task's own answer in canonical form.

    Raises AnnotationError if it is missing or unreadable: the question would be dropped in one arm only.
    """
    gold = readable_gold(example, task)
    if gold is None:
        raise AnnotationError(
            f"arm {arm.name!r} learns from gold labels, but question {example.id!r} of {task.name} has "
            f'none that can be read (gold = {example.gold!r}). Set labels = "teacher" or remove the row.'
        )
    return gold.text


def readable_gold(example: Example, task: Task) -> Answer | None:
    """The task's own answer; None if it is missing or unreadable."""
    return task.read(example, example.gold) if example.gold is not None else None


def taught(annotation: Annotation) -> Annotation:
    """The annotation as thinking is taught from it: of a student's own rationales only those judged correct."""
    if not annotation.own:
        return annotation
    correct = {each.rationale for each in annotation.evaluations if each.verdict is Verdict.CORRECT}
    kept = tuple(rationale for rationale in annotation.rationales if rationale.sample in correct)
    return annotation.model_copy(update={"rationales": kept})


def usable(annotation: Annotation, dropped: Counter[str]) -> list[Rationale]:
    """The rationales that parsed; the others are counted by reason."""
    found = []
    for rationale in annotation.rationales:
        if rationale.parse is Parse.OK and rationale.reasoning:
            found.append(rationale)
        else:
            reason = rationale.parse.value if rationale.parse is not Parse.OK else "no_reasoning"
            dropped[f"rationale: {reason}"] += 1
    return found


def thinking_targets(
    annotation: Annotation, task: Task, arm: ThinkingSettings, dropped: Counter[str], limit: int | None = None
) -> list[Target]:
    """`predict: x -> label` and `explain: x -> rationale` for each rationale that parsed and that the arm selects.

    `limit` then takes the first so many. The label is repeated with every rationale, as in the paper's rows;
    merging turns that into its weight, and a rationale that weighs less, or nothing, changes nothing in it.
    """
    annotation = taught(annotation)
    answer = label(annotation, task, arm)
    if answer is None:
        dropped["question: no label"] += 1
        return []
    example = annotation.example
    targets = []
    # A student's own rationales are judged already: the rule is about what teachers wrote.
    rule = "all" if annotation.own else arm.rule
    shown = selected(usable(annotation, dropped), annotation, task, rule, arm.distinct, dropped)
    for rationale in shown[:limit]:
        text = rationale.reasoning if arm.rationale_target == "published" else rationale.written
        if arm.teaches_labels:
            targets.append(Target(tag=Tag.PREDICT, example=example.id, question=example.text, text=answer))
        weight = rationale_weight(rationale, annotation, arm, dropped)
        if weight > 0:
            targets.append(Target(tag=Tag.EXPLAIN, example=example.id, question=example.text, text=text, weight=weight))
    return targets


def rationale_weight(
    rationale: Rationale, annotation: Annotation, arm: ThinkingSettings, dropped: Counter[str]
) -> float:
    """What a rationale weighs as the arm wants it; one that weighs nothing is counted."""
    if arm.rationale_weights == "even":
        return 1.0
    share = correct_share(rationale, annotation)
    if not share:
        dropped[f"rationale: {'no verdict' if share is None else 'never judged correct'}"] += 1
    return share or 0.0


def not_empty(stage: Stage, arm: ArmConfig, advice: str = "Look at the annotation.") -> Stage:
    """The stage as it is. AnnotationError, naming arm, reasons and advice, if the arm has nothing to learn in it."""
    if stage.targets:
        return stage
    reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(stage.dropped.items())) or "no questions"
    raise AnnotationError(
        f"arm {arm.name!r} is left with nothing to learn in its stage {stage.name!r} ({reasons}). {advice}"
    )


def thinking_stage(
    annotations: Sequence[Annotation], task: Task, arm: ThinkingSettings, limit: int | None, share: float = 1.0
) -> Stage:
    """Label and at most `limit` selected rationales of every question, in the proportion alpha to 1 - alpha.

    A question of which no rationale is left teaches nothing, its label neither. AnnotationError if all are such.
    """

    def choose(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
        return thinking_targets(annotation, task, arm, dropped, limit)

    targets, dropped = choose_targets(annotations, choose)
    stage = Stage(
        name="thinking",
        targets=targets,
        task_weights={Tag.PREDICT: arm.alpha, Tag.EXPLAIN: 1 - arm.alpha} if arm.teaches_labels else {Tag.EXPLAIN: 1.0},
        share=share,
        dropped=dropped,
    )
    chosen = f'Set select = "all" in place of "{arm.select}", or another rule.'
    return not_empty(stage, arm, chosen) if arm.rule != "all" else not_empty(stage, arm)
