"""The student writes its rationales, batch by batch, into a file that a cut-short step goes on from.

What is drawn for a question depends on the seed and the question alone, so a step that goes on writes what one that was
never cut short would have written.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindsmirror.errors import DataError
from mindsmirror.evaluation.arms import counted
from mindsmirror.inference.predictor import Predictor, sample_rationales
from mindsmirror.records import Annotation, Example, Sample, Tag, Verdict
from mindsmirror.reflection.config import ReflectionConfig
from mindsmirror.reflection.own import ARITHMETIC
from mindsmirror.reflection.result import DrawResult
from mindsmirror.students.flops import generation_flops, unit_flops_of
from mindsmirror.system.progress import Progress
from mindsmirror.system.record_file import RecordFile

OWN = "annotations.jsonl"
"""The file of a student's own annotations."""


@dataclass(frozen=True)
class DrawPlan:
    """All that drawing takes."""

    predictor: Predictor
    examples: Sequence[Example]
    config: ReflectionConfig
    seed: int
    label: str
    """What the progress line calls it."""
    student: str
    annotated: Callable[[Example, Sequence[Sample]], Annotation]
    """The annotation of a question's samples (own.py)."""


def draw(plan: DrawPlan, folder: Path) -> DrawResult:
    """Write the annotations of all examples, in their order, into the folder; goes on where it was cut short."""
    path = folder / OWN
    done = _whole_lines(path)
    samples = plan.config.samples
    together = max(1, plan.predictor.batch // samples)
    total = len(plan.examples)
    with Progress(f"{plan.label}: writing its own rationales", total * samples, "texts") as progress:
        progress.update(done * samples)
        predictor = counted(plan.predictor, progress, done * samples)
        for begin in range(done, total, together):
            examples = plan.examples[begin : begin + together]
            drawn = sample_rationales(predictor, examples, samples, plan.config.temperature, plan.seed)
            with path.open("ab") as file:
                for example, texts in zip(examples, drawn, strict=True):
                    line = plan.annotated(example, texts).model_dump_json()
                    file.write(line.encode("utf-8", "surrogatepass") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        progress.close(total * samples)
    return _result(plan, own_annotations(folder))


def own_annotations(folder: Path) -> RecordFile[Annotation]:
    """What was drawn into a folder."""
    advice = "Run `mindsmirror distill` to have them written again."
    return RecordFile(folder / OWN, Annotation, "rationales of a student", advice)


def _whole_lines(path: Path) -> int:
    """The lines that a step wrote before it was cut short; a torn last one is removed."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        whole = lines = 0
        for line in file:
            if line.endswith(b"\n"):
                whole, lines = whole + len(line), lines + 1
        file.truncate(whole)
    return lines


def _result(plan: DrawPlan, annotations: Sequence[Annotation]) -> DrawResult:
    if len(annotations) != len(plan.examples):
        raise DataError(f"{len(annotations)} questions were drawn for, not {len(plan.examples)}.")
    answered = correct = mended = tokens = 0
    read, written = [], []
    student, model = plan.predictor.student, plan.predictor.model
    for annotation in annotations:
        writer = {rationale.sample: rationale.teacher for rationale in annotation.rationales}
        own = [each.verdict for each in annotation.evaluations if writer[each.rationale] != ARITHMETIC]
        answered += len(own)
        correct += own.count(Verdict.CORRECT)
        mended += len(annotation.evaluations) - len(own)
        tokens += annotation.provenance.tokens_out
        read.append(len(student.source(Tag.EXPLAIN, annotation.example.text, None)))
        written.append(annotation.provenance.tokens_out)
    return DrawResult(
        student=plan.student,
        questions=len(plan.examples),
        samples=len(plan.examples) * plan.config.samples,
        answered=answered,
        correct=correct,
        mended=mended,
        tokens=tokens,
        flops=generation_flops(
            unit_flops_of(model), model.config.is_encoder_decoder, read, written, plan.config.samples
        ),
    )
