"""A teacher's reply as a rationale, and the form in which students learn it: what is taught can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.reading import read_rationale
from mindsmirror.annotation.store import Stored
from mindsmirror.answers import Number, read_reply
from mindsmirror.engines.base import Finish
from mindsmirror.records import Example, Parse
from mindsmirror.tasks.base import Splits, Task

EXAMPLE = Example(id="e", text="How many?", gold="10")
TASK = Task("t", 1, "none", Number(), Splits((), (), ()))
LINES = (
    "25 - 15 = 10 customers did not buy coffee",
    "It is not 12.",
    "So she never had any:",
    "He has 5 - 3 = 2 left,",
    "(that is not all)",
    "Is it 4?",
    '"We cannot know," he said',
    "5 * 2 = 10 –",
    "*No*",
)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("He did not buy 10\nThe answer is 10.", "He did not buy 10. The answer is 10."),
        ("He bought 10.\nThe answer is 10.", "He bought 10. The answer is 10."),
        ("He bought 10:\nThe answer is 10.", "He bought 10. The answer is 10."),
        ('He said "10."\nThe answer is 10.', 'He said "10." The answer is 10.'),
        ("The answer is 10.", "The answer is 10."),
    ],
)
def test_a_rationale_is_written_in_whole_sentences(said: str, written: str) -> None:
    assert read_rationale(TASK, EXAMPLE, "t", 0, Stored(said, Finish.STOP, 0, 0)).written == written


@given(st.lists(st.sampled_from(LINES), max_size=4))
def test_what_is_taught_is_read_as_the_same_answer(lines: list[str]) -> None:
    reply = "\n".join([*lines, "The answer is 10."])
    rationale = read_rationale(TASK, EXAMPLE, "t", 0, Stored(reply, Finish.STOP, 0, 0))
    assert rationale.parse is Parse.OK
    answer = read_reply(rationale.written, lambda raw: TASK.read(EXAMPLE, raw)).answer
    assert answer is not None and answer.key == "10"
