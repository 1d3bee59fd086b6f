"""What an answer is, and the protocol of the kinds of answer.

An answer has two forms. A student learns to write its `text`, and people read it. Its `key` decides whether two
answers are the same ("84 / 2" and "(84.0 / 2)" share the key "42").
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from mindsmirror.records import Parse

READING = 5
"""Version of how replies are read. Whoever changes that raises it: runs that stand then read their store anew."""


class Answer(NamedTuple):
    """An answer in canonical form."""

    text: str
    key: str


class Reply(NamedTuple):
    """A reply taken apart: the reasoning, and the answer that it states at its end."""

    reasoning: str
    answer: Answer | None
    parse: Parse
    reason: str = ""


class AnswerKind(Protocol):
    """A kind of answer: equation, number, choice, label, text."""

    @property
    def name(self) -> str:
        """The word that names the kind in prompts and recipes."""
        ...

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The answer that `raw` states, or None if it states none of this kind.

        `raw` is what stands after "The answer is", or a whole short reply, never a rationale.
        `choices` maps letters to texts and is empty for questions without choices.
        """
        ...
