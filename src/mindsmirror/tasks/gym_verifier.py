"""Calling a reasoning-gym verifier on text that a model wrote.

Some verifiers give the answer to `eval` or to sympy's parser, which evaluates too. They get only answers with the
characters, names and exponents that a right answer can have; any other answer is wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mindsmirror.answers.base import Answer
from mindsmirror.records import Example

RIGHT = 0.99
MAX_LENGTH = 4000

EVALUATES_LITERALS = frozenset({"n_queens", "binary_matrix", "spiral_matrix", "string_insertion"})
EVALUATES_EXPRESSIONS = frozenset(
    {"simple_integration", "intermediate_integration", "polynomial_multiplication", "countdown", "puzzle24"}
)
_LITERAL = re.compile(r"[\w\s,.'\"\[\]+-]*")
_EXPRESSION = re.compile(r"[\w\s+\-*/().^]{0,600}")
_NAMES = frozenset(["sin", "cos", "tan", "exp", "log", "sqrt", "asin", "acos", "atan", "sinh", "cosh", "tanh", "pi"])
_EXPONENT = re.compile(r"(?:\*\*|\^)\s*(?!-?\d{1,2}(?![\d.]|\s*(?:\*\*|\^))|\(\s*-?\d{1,2}\s*(?:/\s*\d{1,2}\s*)?\))")
_LONG_NUMBER = re.compile(r"\d{16}")
_POWER_OF_GROUP = re.compile(r"\)\s*(?:\*\*|\^)")


class Verifier:
    """A `Scorer` that knows the entries by the id of the example."""

    def __init__(
        self,
        name: str,
        score: Callable[[str, dict[str, Any]], float],
        entries: Mapping[str, dict[str, Any]],
    ) -> None:
        self.name = name
        self._score = score
        self._entries = entries

    def __call__(self, example: Example, answer: Answer) -> bool:
        """True if the verifier accepts the answer; an example of another task is compared with its gold."""
        if example.id not in self._entries:
            return example.gold is not None and " ".join(example.gold.split()) == " ".join(answer.text.split())
        # "The answer is X." hides whether X itself ends in a full stop.
        return self.accepts(example.id, answer.text) or self.accepts(example.id, answer.text + ".")

    def accepts(self, identity: str, text: str) -> bool:
        """Whether the verifier gives the text full marks."""
        entry = self._entries[identity]
        if text == entry["answer"]:
            return True
        if not harmless(self.name, text):
            return False
        try:
            return float(self._score(text, entry)) >= RIGHT
        except Exception:  # a verifier that fails on an answer rejects it
            return False


def harmless(name: str, text: str) -> bool:
    """Whether the text may be given to the verifier of that generator."""
    if len(text) > MAX_LENGTH or "__" in text:
        return False
    if name in EVALUATES_LITERALS:
        return _LITERAL.fullmatch(text) is not None and re.search(r"\bfor\b", text) is None
    if name in EVALUATES_EXPRESSIONS:
        return (
            _EXPRESSION.fullmatch(text) is not None
            and all(len(word) == 1 or word in _NAMES for word in re.findall(r"[^\W\d_]+", text))
            and _EXPONENT.search(text) is None
            and _LONG_NUMBER.search(text) is None
            and len(_POWER_OF_GROUP.findall(text)) <= 2
        )
    return True
