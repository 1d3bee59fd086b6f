"""How many tokens a text is, without its tokenizer: at most, at least, and as the server at hand counts.

A token is at least one byte of the text in UTF-8, so no text has more tokens than bytes; a chat template adds some
to each message and to the whole. Tokens of more than 16 bytes exist, texts of nothing else do not: so many bytes
prove one. Between the two stands what a server reports; outside of them it is not believed. This is the one place
that says how letters become tokens.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mindsmirror.engines.base import Message

A_PROMPT, A_MESSAGE = 64, 16
"""Tokens that a chat template may add: to the whole, its own instruction included, and to each message."""
BYTES_A_TOKEN = 16
"""More than the mean of any text."""
LARGEST = 2**20
"""Tokens: no model reads or writes more at once than it has, so that a count beyond it, and beyond what the
text can be, is none."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""Fields of a request's body that bound the tokens of each of its samples."""
SURE_AFTER = 8
"""Reports after which a server is taken to count all that follows about as it has counted so far."""
MARGIN = 1.5
"""How much more than that it may count."""


def size(text: str) -> int:
    """The text's bytes in UTF-8: its tokens, at most."""
    return len(text.encode("utf-8", "surrogatepass"))


def proven(text: str) -> int:
    """Tokens that a text has at least."""
    return math.ceil(size(text) / BYTES_A_TOKEN)


def most_read(messages: Sequence[Message]) -> int:
    """Tokens of a prompt, at most."""
    return A_PROMPT + sum(A_MESSAGE + size(message.content) for message in messages)


def least_read(messages: Sequence[Message]) -> int:
    """Tokens of a prompt, at least."""
    return sum(size(message.content) for message in messages) // BYTES_A_TOKEN


def own_room(fields: Mapping[str, Any], otherwise: int = 0) -> int:
    """Tokens that each sample may have by the fields that a recipe adds to a request's body; else `otherwise`."""
    return max((fields[name] for name in LIMITS if isinstance(fields.get(name), int)), default=otherwise)


def counted(said: int | None, least: int, most: int) -> tuple[int, bool]:
    """The tokens that count for a server's report, and whether they are a guess.

    `most` counts where it says nothing, or less than `least`, which the text proves. More than `most` is believed
    as far as it is possible at all: whoever bills by that report bills so much.
    """
    if said is None or said < least:
        return max(least, most), True
    bound = max(least, most, LARGEST)
    return min(said, bound), said > bound


class Ratio:
    """How a server's counts compare with our bound of them: by the largest share that it has reported.

    It is `margin` times that share for what follows, but no less than the bound before `sure_after` reports.
    """

    def __init__(self, margin: float = MARGIN, sure_after: int = SURE_AFTER) -> None:
        self._margin, self._sure_after = margin, sure_after
        self._largest, self._reports = 0.0, 0
        self.heard = False
        """Whether anything came of this server, if only a failure."""

    def learn(self, said: int, bound: int) -> None:
        """The server has reported so many tokens for what had that bound."""
        self.heard = True
        self._reports += 1
        self._largest = max(self._largest, said / max(1, bound))

    def of(self, bound: int) -> int:
        """Tokens that this server will report, at most, for what has that bound."""
        share = self._largest * self._margin
        return math.ceil(bound * (share if self._reports >= self._sure_after else max(1.0, share)))
