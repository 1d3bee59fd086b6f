"""Rationales with the opposite end: asked of a teacher that is told the right answer, and held against it.

EDIT (arXiv 2405.19737) learns from pairs that begin alike and end apart. For a rationale that is wrong by gold, the
teacher is told the right answer and asked to correct it (rectified); for one that is right, to write the likeliest
wrong one (corrupted). Only a reply that ends as it should is a dual: a rectified rationale at the right answer, a
corrupted one at another. The others are kept with the reason why they are of no use, like every reply.
"""

from collections.abc import Mapping

from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.reading import read_rationale
from mindsmirror.annotation.samples import Question, SampleRequest, samples_of
from mindsmirror.annotation.store import Stored
from mindsmirror.records import DualKind, DualRationale, Example, Parse, Purpose, Rationale
from mindsmirror.tasks.base import Task


def dual_samples(
    task: Task, prompts: PromptSet, question: Question, counts: Mapping[DualKind, int]
) -> list[SampleRequest]:
    """The duals of a question's rationales: each asked of the rationale's own teacher, and sampled alike.

    A rationale without reasoning, or one of which gold says nothing, has none.
    """
    gold = task.read(question.example, question.example.gold) if question.example.gold is not None else None
    answer = gold.text if gold else question.example.gold or ""
    samples: list[SampleRequest] = []
    for written in question.first_step:
        rationale = written.record
        if not isinstance(rationale, Rationale):
            continue
        kind = dual_kind(rationale)
        if kind is None or not counts[kind]:
            continue
        prompt = prompts.opposite(question.example, rationale.written, kind, answer)
        sampling = written.attempts[0].sampling
        samples += samples_of(
            Purpose(kind), written.teacher, prompt, sampling, counts[kind], rationale=rationale.sample
        )
    return samples


def dual_kind(rationale: Rationale) -> DualKind | None:
    """What a rationale's dual would be; None if it can have none."""
    if rationale.parse is not Parse.OK or not rationale.reasoning or rationale.right is None:
        return None
    return DualKind.CORRUPTED if rationale.right else DualKind.RECTIFIED


def read_dual(
    task: Task,
    example: Example,
    teacher: str,
    kind: DualKind,
    of: int,
    sample: int,
    found: Stored | str,
    repairs: int = 0,
) -> DualRationale:
    """Take a reply apart like a rationale, and say so if it does not end as its kind must."""
    read = read_rationale(task, example, teacher, sample, found, repairs)
    missed = {}
    if read.parse is Parse.OK and read.right is not (kind is DualKind.RECTIFIED):
        reason = f"it reaches {read.answer!r}, which is {'right' if read.right else 'wrong'}"
        missed = {"parse": Parse.MISSED, "reason": reason, "answer": None, "right": None}
    return DualRationale.model_validate({**read.model_dump(), **missed, "kind": kind, "of": of})
