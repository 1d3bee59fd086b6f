"""What a student wrote, read in the mode in which it was asked. Nothing here loads torch."""

from typing import Protocol

from mindsmirror.answers.base import Reply
from mindsmirror.answers.reply import read_reply
from mindsmirror.answers.text import Text
from mindsmirror.records import Example, Parse
from mindsmirror.tasks.base import Task


class Reading(Protocol):
    """How what a student wrote is read: `read_rationale` or `read_direct`."""

    def __call__(self, task: Task, example: Example, text: str, *, truncated: bool = False) -> Reply:
        """The answer, or why there is none; `truncated` says that the text was cut at the token limit."""
        ...


def read_rationale(task: Task, example: Example, text: str, *, truncated: bool = False) -> Reply:
    """A rationale and the answer that it reaches."""
    return read_reply(text, lambda raw: task.read(example, raw), truncated=truncated)


def read_direct(task: Task, example: Example, text: str, *, truncated: bool = False) -> Reply:
    """An answer alone, or in the answer sentence."""
    reply = read_rationale(task, example, text, truncated=truncated)
    if reply.answer is not None or not text:
        return reply
    if truncated and isinstance(task.answers, Text):
        # Any text is an answer of this kind, so its end has to be there.
        return Reply("", None, Parse.TRUNCATED, "the answer was cut at the token limit")
    answer = task.read(example, text)
    if answer is None:
        return Reply("", None, Parse.BAD_ANSWER, "what was written is no answer of the task's kind")
    return Reply("", answer, Parse.OK)
