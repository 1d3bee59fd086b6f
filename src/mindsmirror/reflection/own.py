"""A student's own rationales as annotations: read, judged and recorded as a teacher's are.

What they are judged by is the recipe's: gold where the arm learns from gold, else the answer that the teacher's samples
agree on. The verdict is the whole self-evaluation: nobody writes a critique.
"""

from collections.abc import Sequence

from mindsmirror.answers.base import Answer
from mindsmirror.answers.reply import read_reply
from mindsmirror.records import (
    STUDENT,
    Annotation,
    Example,
    Parse,
    Provenance,
    Rationale,
    Sample,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)
from mindsmirror.tasks.base import Task


def own_annotation(
    example: Example,
    samples: Sequence[Sample],
    task: Task,
    student: str,
    temperature: float,
    agreed: Answer | None,
    source: VerdictSource,
) -> Annotation:
    """The samples of one question with a verdict on each that states an answer.

    `agreed` is the answer that they are held against; None: gold, or the task's own verifier. `student` is who wrote
    them (`writer_of`).
    """
    rationales = tuple(_rationale(number, example, sample, task, student) for number, sample in enumerate(samples))
    evaluations = tuple(
        SelfEvaluation(
            teacher=source.value,
            rationale=rationale.sample,
            sample=0,
            verdict=_verdict(rationale, example, task, agreed),
            source=source,
        )
        for rationale in rationales
        if rationale.parse is Parse.OK
    )
    return Annotation(
        example=example,
        split="train",
        rationales=rationales,
        evaluations=evaluations,
        provenance=Provenance(
            teacher=student,
            judge=source.value,
            prompt="",
            temperature=temperature,
            tokens_in=0,
            tokens_out=sum(sample.tokens for sample in samples),
        ),
    )


def writer_of(digest: str) -> str:
    """What the annotations call a student, from the SHA-256 of its weights."""
    return f"{STUDENT}{digest[:16]}"


def _rationale(number: int, example: Example, sample: Sample, task: Task, student: str) -> Rationale:
    reply = read_reply(sample.text, lambda raw: task.read(example, raw), truncated=False)
    # What was cut off has no answer, however much the text looks as if it had one.
    answered = sample.answer is not None and reply.answer is not None
    parse = reply.parse if answered or reply.parse is not Parse.OK else Parse.TRUNCATED
    return Rationale(
        teacher=student,
        sample=number,
        text=sample.text.strip(),
        reasoning=reply.reasoning if answered else "",
        answer=sample.answer if answered else None,
        parse=parse,
        reason=reply.reason,
        right=sample.right,
    )


def _verdict(rationale: Rationale, example: Example, task: Task, agreed: Answer | None) -> Verdict:
    answer = task.read(example, rationale.answer) if rationale.answer is not None else None
    correct = task.right(example, answer) if agreed is None else answer is not None and answer.key == agreed.key
    return Verdict.CORRECT if correct else Verdict.WRONG
