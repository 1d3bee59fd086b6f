"""A student's own rationales as annotations: read, judged and recorded as a teacher's are.

What they are judged by is the recipe's: gold where the arm learns from gold, else the answer that the teacher's samples
agree on. The verdict is the whole self-evaluation: nobody writes a critique.

Where the recipe says `mend`, a rationale that is judged wrong and becomes right when its sums are put right
(answers/mend.py) stands in the annotation a second time, so mended. Then it is taught, and the judge is shown two texts
that differ in a sum and nothing else.
"""

from collections.abc import Sequence

from mindsmirror.answers.base import Answer
from mindsmirror.answers.mend import mended
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

ARITHMETIC = "arithmetic"
"""Who wrote a rationale whose sums were put right."""


def own_annotation(
    example: Example,
    samples: Sequence[Sample],
    task: Task,
    student: str,
    temperature: float,
    agreed: Answer | None,
    source: VerdictSource,
    *,
    mend: bool = False,
) -> Annotation:
    """The samples of one question with a verdict on each that states an answer.

    `agreed` is the answer that they are held against; None: gold, or the task's own verifier. `student` is who wrote
    them (`writer_of`). With `mend` those follow whose sums were put right.
    """
    rationales = [_rationale(number, example, sample, task, student) for number, sample in enumerate(samples)]
    if mend:
        rationales += _mended(rationales, example, task, agreed)
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
        rationales=tuple(rationales),
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


def _mended(rationales: Sequence[Rationale], example: Example, task: Task, agreed: Answer | None) -> list[Rationale]:
    """Those of the rationales that are judged wrong, but correct with their sums put right, so written."""
    found: list[Rationale] = []
    for rationale in rationales:
        if rationale.parse is not Parse.OK or _verdict(rationale, example, task, agreed) is Verdict.CORRECT:
            continue
        text = mended(rationale.written)
        reply = read_reply(text, lambda raw: task.read(example, raw)) if text is not None else None
        if reply is None or reply.answer is None:
            continue
        changes = {
            "teacher": ARITHMETIC,
            "sample": len(rationales) + len(found),
            "text": text,
            "reasoning": reply.reasoning,
            "answer": reply.answer.text,
            "right": task.right(example, reply.answer),
        }
        again = rationale.model_copy(update=changes)
        if _verdict(again, example, task, agreed) is Verdict.CORRECT:
            found.append(again)
    return found


def _verdict(rationale: Rationale, example: Example, task: Task, agreed: Answer | None) -> Verdict:
    answer = task.read(example, rationale.answer) if rationale.answer is not None else None
    correct = task.right(example, answer) if agreed is None else answer is not None and answer.key == agreed.key
    return Verdict.CORRECT if correct else Verdict.WRONG
