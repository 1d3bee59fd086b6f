"""Which answers a report takes for the same: those to which the task gives the same key."""

import pytest

from mindsmirror.answers import Choice, Equation
from mindsmirror.records import Example
from mindsmirror.runs.results import _answer_key
from mindsmirror.tasks.base import Splits, Task

SUM = Example(id="s", text="How many?")
PLACE = Example(id="p", text="Where?", choices={"a": "lake", "b": "desert"})


@pytest.mark.parametrize(
    ("kind", "example", "one", "other", "same"),
    [
        (Equation(), SUM, "8 * 15", "15 * 8", True),
        (Equation(), SUM, "(18 - 10) * 15", "120", True),
        (Equation(), SUM, "18 - 10", "18", False),
        (Choice(), PLACE, "lake", "(a) lake", True),
        (Choice(), PLACE, "lake", "desert", False),
        (Equation(), SUM, "what is", "no sum", False),
    ],
)
def test_answers_are_the_same_by_the_tasks_key(
    kind: Equation | Choice, example: Example, one: str, other: str, same: bool
) -> None:
    task = Task("t", 1, "MIT", kind, Splits((), (), ()))
    assert (_answer_key(task, example, one) == _answer_key(task, example, other)) is same
