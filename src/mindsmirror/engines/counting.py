"""How many tokens a text has, without its tokenizer: an upper bound, a lower bound, and what a server reports.

A token is at least one byte of the text in UTF-8, so no text has more tokens than bytes; a chat template adds some
to each message and to the whole. There are tokens of more than 16 bytes, but no texts of such tokens alone: every 16
bytes prove one token. A server's report is believed between the two bounds. No other module turns bytes into tokens.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mindsmirror.engines.base import Message

A_PROMPT, A_MESSAGE = 64, 16
"""Tokens that a chat template may add: to the whole, its own instruction included, and to each message."""
BYTES_A_TOKEN = 16
"""More than the mean of any text's tokens."""
LARGEST = 2**20
"""Tokens: no model reads or writes more at once. A report above it and above the text's bound is not believed."""
LIMITS = ("max_tokens", "max_completion_tokens")
"""Fields of a request's body that bound the tokens of each of its samples."""
SURE_AFTER = 8
"""Reports after which a server is expected to count what follows about as it has counted so far."""
MARGIN = 1.5
"""The factor by which it may count more than that."""


def size(text: str) -> int:
    """Bytes of the text in UTF-8: an upper bound of its tokens."""
    return len(text.encode("utf-8", "surrogatepass"))


def proven(text: str) -> int:
    """A lower bound of the tokens of a text."""
    return math.ceil(size(text) / BYTES_A_TOKEN)


def most_read(messages: Sequence[Message]) -> int:
    """An upper bound of the tokens of a prompt."""
    return A_PROMPT + sum(A_MESSAGE + size(message.content) for message in messages)


def least_read(messages: Sequence[Message]) -> int:
    """A lower bound of the tokens of a prompt."""
    return sum(size(message.content) for message in messages) // BYTES_A_TOKEN


def own_room(fields: Mapping[str, Any], otherwise: int = 0) -> int:
    """Tokens that each sample may have by the fields that a recipe adds to a request's body; else `otherwise`."""
    return max((fields[name] for name in LIMITS if isinstance(fields.get(name), int)), default=otherwise)


def counted(said: int | None, least: int, most: int) -> tuple[int, bool]:
    """The tokens to count for a server's report, and whether they are a guess.

    `most` counts if the report is missing or below `least`, which the text proves. A report above `most` is believed
    up to `LARGEST`, because the provider will bill by it.
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
        """Take in that the server reported `said` tokens for a text with that bound."""
        self.heard = True
        self._reports += 1
        self._largest = max(self._largest, said / max(1, bound))

    def of(self, bound: int) -> int:
        """The most tokens that this server is expected to report for a text with that bound."""
        share = self._largest * self._margin
        return math.ceil(bound * (share if self._reports >= self._sure_after else max(1.0, share)))
