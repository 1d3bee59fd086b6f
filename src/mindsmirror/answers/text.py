"""Answers that are plain text, compared without case, spacing, quotes and final punctuation."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from mindsmirror.answers.base import Answer
from mindsmirror.answers.spelling import folded

MAX_LENGTH = 10_000


@dataclass(frozen=True)
class Text:
    """Anything that is not empty."""

    name: str = "text"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """`raw` stripped; None if nothing is left of it, or more than 10,000 characters."""
        text = raw.strip()
        if not text or len(text) > MAX_LENGTH:
            return None
        # What is nothing but punctuation (a grid of dots) is told apart by its own characters.
        key = folded(unicodedata.normalize("NFKC", text)) or " ".join(text.split())
        return Answer(text, key)
