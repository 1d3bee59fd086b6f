"""The teacher's answers to test questions: what it is asked instead of a student that is not sure.

The first teacher that writes rationales is asked for one of each question, once all choices are made, and under the
recipe's caps. Replies are kept in the store like all others, and nothing is learnt from them.

    teacher_answers   its replies, as annotations without self-evaluations
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mindsmirror.annotation.budget import dollars
from mindsmirror.annotation.reading import answers_of
from mindsmirror.annotation.step import AnnotationStep
from mindsmirror.evaluation.escalation import Asked, escalation
from mindsmirror.records import Annotation, Example, Prediction
from mindsmirror.reporting.escalation_section import EscalationReport
from mindsmirror.runs.recipe import Recipe
from mindsmirror.tasks import Task

TEACHER_ANSWERS = "teacher_answers"
"""The step in which a teacher answers test questions."""


def answering_step(step: AnnotationStep, examples: Sequence[Example]) -> AnnotationStep:
    """The annotation step that asks a teacher these questions, one rationale each."""
    asked = step.for_rationales(step.task, examples)
    few = {"rationales": 1, "teachers": asked.config.teachers[:1]}
    return replace(asked, config=asked.config.model_copy(update=few))


def escalation_report(
    arm: str,
    mode: str,
    predictions: Sequence[Prediction],
    answers: Mapping[str, Annotation],
    task: Task,
    recipe: Recipe,
) -> EscalationReport | None:
    """What sending an arm's least sure answers brings; None if none of the questions with gold has a reply."""
    found = escalation(list(_asked(predictions, answers, task, recipe)), promised=recipe.evaluation.risk is not None)
    return None if found is None else EscalationReport(arm=arm, mode=mode, **found.model_dump())


def _asked(
    predictions: Sequence[Prediction], answers: Mapping[str, Annotation], task: Task, recipe: Recipe
) -> Iterator[Asked]:
    """The questions that both were asked."""
    price = recipe.teacher[recipe.annotation.teachers[0]].price
    for prediction in predictions:
        annotation = answers.get(prediction.example)
        if annotation is None or prediction.right is None:
            continue
        said = answers_of(annotation.example, annotation.rationales, task)
        spent = annotation.provenance
        yield Asked(
            prediction.confidence,
            prediction.right,
            bool(task.right(annotation.example, next(iter(said.values()), None))),
            prediction.abstained,
            spent.tokens_in + spent.tokens_out,
            dollars(price, spent.tokens_in, spent.tokens_out),
        )
