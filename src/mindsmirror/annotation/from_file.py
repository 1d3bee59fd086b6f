"""Annotations that are there already: a file of them in a recipe, in place of a teacher.

The file is what `import` writes, or the `annotations.jsonl` of another run. Its questions are found again in the task
by their id, and must read there as they do in the file: a verdict on another question would be learnt silently.
"""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from pydantic import Field, ValidationError

from mindsmirror.annotation.config import AnnotationConfig
from mindsmirror.annotation.result import AnnotationResult
from mindsmirror.errors import DataError
from mindsmirror.records import Annotation, Example, Parse
from mindsmirror.system.files import write_records
from mindsmirror.system.progress import say
from mindsmirror.system.terminal import quantity
from mindsmirror.system.validation import in_words
from mindsmirror.tasks.base import Task
from mindsmirror.tasks.rows import Row, each_row


class AnnotationTable(AnnotationConfig):
    """The `[annotation]` table of a recipe: how a teacher is asked, or the file of what one has said before."""

    file: Path | None = Field(
        None, description="annotations that are there already; then there is no [[teacher]], and [judge] says nothing"
    )


class PackedAnnotations(Sequence[Annotation]):
    """Annotations in little memory: each is kept as compressed JSON, and every access makes a new object."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []

    def append(self, annotation: Annotation) -> None:
        """Add one at the end."""
        text = annotation.model_dump_json().encode("utf-8", "surrogatepass")
        self._packed.append(zlib.compress(text, level=1))

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, index: int) -> Annotation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Annotation]: ...
    def __getitem__(self, index: int | slice) -> Annotation | list[Annotation]:
        if isinstance(index, slice):
            return [_unpacked(packed) for packed in self._packed[index]]
        return _unpacked(self._packed[index])

    def __iter__(self) -> Iterator[Annotation]:
        return map(_unpacked, self._packed)


def _unpacked(packed: bytes) -> Annotation:
    return Annotation.model_validate_json(zlib.decompress(packed).decode("utf-8", "surrogatepass"))


def annotations_of_file(path: Path, task: Task) -> PackedAnnotations:
    """The file's annotations of the task's training and validation questions, in the task's order and splits.

    Questions of the file that the task does not train on or validate with are passed over. DataError, with file and
    row, for a row that is no annotation, one that repeats a question, or one whose question reads otherwise in the
    task; and if none of the training questions is annotated.
    """
    found: dict[str, tuple[str, int]] = {}
    read, ready = PackedAnnotations(), PackedAnnotations()
    for row in each_row(path):
        annotation = _annotation(row)
        where, _ = found.setdefault(annotation.example.id, (row.where, len(read)))
        if where != row.where:
            raise DataError(f"{row.where}: the question {annotation.example.id!r} is also that of {where}.")
        read.append(annotation)
    trains = False
    for split, example in task.splits.annotated():
        if example.id in found:
            where, place = found[example.id]
            ready.append(_of_task(where, read[place], split, example, task))
            trains = trains or split == "train"
    if not trains:
        raise DataError(f"{path}: none of its {len(found)} questions is a training question of the task {task.name}.")
    return ready


def _annotation(row: Row) -> Annotation:
    try:
        annotation = Annotation.model_validate(dict(row.fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the row"
        raise DataError(
            f"{row.where}: this is not an annotation ({place}: {in_words(first)}). `mindsmirror import` reads others."
        ) from error
    samples = [rationale.sample for rationale in annotation.rationales]
    strays = {evaluation.rationale for evaluation in annotation.evaluations} - set(samples)
    if len(set(samples)) < len(samples):
        raise DataError(f"{row.where}: two of its rationales have the same sample number.")
    if strays:
        raise DataError(f"{row.where}: it evaluates a rationale {min(strays)}, which it does not have.")
    return annotation


def _of_task(where: str, annotation: Annotation, split: str, example: Example, task: Task) -> Annotation:
    before = annotation.example
    for what in ("text", "choices", "gold"):
        if getattr(before, what) != getattr(example, what):
            raise DataError(
                f"{where}: the {what} of question {example.id!r} is {getattr(before, what)!r}, but in the task "
                f"{task.name} it is {getattr(example, what)!r}. Import it again for this task."
            )
    return annotation.model_copy(update={"split": split, "example": example})


def take_over(ready: Sequence[Annotation], task: Task, file: Path, path: Path) -> AnnotationResult:
    """Write down annotations that a file holds already; says how many questions the file lacks."""
    count = task.splits.annotated_count
    lacking = count - len(ready)
    if lacking:
        say(f"{quantity(lacking, 'question')} without an annotation in {file}: left out")
    write_records(path, ready)
    usable = sum(rationale.parse is Parse.OK for annotation in ready for rationale in annotation.rationales)
    return AnnotationResult(questions=len(ready), expected=count, complete=len(ready), usable=usable, lacking=lacking)
