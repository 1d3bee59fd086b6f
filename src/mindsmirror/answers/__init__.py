"""Answers: what one is, how it is read from a model's text, and when two are the same.

One file for each kind (equation, number, choice, label, text), one for taking a reply apart (`reply`) and
one for the verdict of a self-evaluation (`verdict`). Nothing here evaluates text as code.
"""

from mindsmirror.answers.base import Answer, AnswerKind, Reply
from mindsmirror.answers.choice import Choice
from mindsmirror.answers.equation import Equation
from mindsmirror.answers.label import ENTAILMENT, YES_NO, Label
from mindsmirror.answers.number import Number
from mindsmirror.answers.reply import read_reply
from mindsmirror.answers.text import Text
from mindsmirror.answers.verdict import read_verdict
from mindsmirror.errors import UnknownNameError

__all__ = [
    "ENTAILMENT",
    "YES_NO",
    "Answer",
    "AnswerKind",
    "Choice",
    "Equation",
    "Label",
    "Number",
    "Reply",
    "Text",
    "kind_named",
    "read_reply",
    "read_verdict",
]

_KINDS: dict[str, AnswerKind] = {kind.name: kind for kind in (Number(), Equation(), Choice(), Text(), YES_NO)}


def kind_named(name: str) -> AnswerKind:
    """The kind of that name: number, equation, choice, text or yes_no. UnknownNameError for any other.

    The kind `label` has no fixed labels; make a `Label` of the labels at hand.
    """
    if name not in _KINDS:
        raise UnknownNameError("kind of answer", name, _KINDS)
    return _KINDS[name]
