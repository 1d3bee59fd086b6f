"""What the task is, in the recipe's own words: shown before every question, to teacher and student alike."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from mindsmirror.records import Example
from mindsmirror.tasks.base import Splits, Task


def instructed(task: Task, instruction: str) -> Task:
    """The task with the instruction before each of its questions; ids and splits stay as they are."""
    told = replace(task, instruction=instruction)
    return replace(told, splits=Splits(*(_Instructed(part, told) for part in task.splits)))


class _Instructed(Sequence[Example]):
    """Examples that are told what the task is when they are looked at, so that they take no more memory."""

    def __init__(self, examples: Sequence[Example], task: Task) -> None:
        self._examples, self._task = examples, task

    def __len__(self) -> int:
        return len(self._examples)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return _Instructed(self._examples[index], self._task)
        return self._told(self._examples[index])

    def __iter__(self) -> Iterator[Example]:
        return map(self._told, self._examples)

    def _told(self, example: Example) -> Example:
        return example.model_copy(update={"text": self._task.shown(example.text)})
