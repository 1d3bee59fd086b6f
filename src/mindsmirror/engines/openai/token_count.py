"""Tokens that an HTTP request may be billed for: as the server counts where that can be believed, else our own bounds.

A server is asked for so many samples of so much room. What it has read and written is billed whether its reply
arrives whole or not, so an attempt that failed after it was sent counts as the most that it can have cost.
"""

from typing import NamedTuple

from mindsmirror.engines.base import Request
from mindsmirror.engines.counting import counted, least_read, most_read, proven
from mindsmirror.engines.openai.failures import LostError, MalformedError, RefusedError
from mindsmirror.engines.openai.reply import ChatCompletion

UNTOUCHED = (501, 503, 529)
"""Statuses from 500 on by which a server says that it did not take the request up."""
TOLERATED, BESIDES = 1.1, 16
"""A reply may be longer than its room by this factor and so many tokens: servers count its end differently."""


class TokenCount(NamedTuple):
    """Tokens that one HTTP request read and wrote; `estimated` where a count is our own bound."""

    tokens_in: int
    tokens_out: int
    estimated: bool


def tokens_of(request: Request, reply: ChatCompletion, room: int) -> TokenCount:
    """The tokens of a reply; `room` is what each of its choices may have, those beyond the ones asked for included."""
    least = sum(proven(choice.text) for choice in reply.choices)
    tokens_in, doubtful = counted(reply.tokens_in, least_read(request.messages), most_read(request.messages))
    # That nothing was written is believed only of a server that counts what it reads.
    said = None if doubtful and not reply.tokens_out else reply.tokens_out
    tokens_out, doubted = counted(said, least, room * len(reply.choices))
    return TokenCount(tokens_in, tokens_out, doubtful or doubted)


def most_tokens(request: Request, samples: int, room: int) -> TokenCount:
    """The most that an attempt can have used of which nothing is known."""
    return TokenCount(most_read(request.messages), room * samples, estimated=True)


def is_billed(error: Exception) -> bool:
    """Whether an attempt that failed so may have been worked on, and so be billed."""
    if isinstance(error, RefusedError):
        return error.status == 408 or (error.status >= 500 and error.status not in UNTOUCHED)
    return error.sent if isinstance(error, LostError) else isinstance(error, MalformedError)


def overrun(reply: ChatCompletion, tokens: TokenCount, room: int) -> bool:
    """Whether the server wrote, or says that it wrote, clearly more than there was room for."""
    written = max(tokens.tokens_out, sum(proven(choice.text) for choice in reply.choices))
    return written > TOLERATED * room * len(reply.choices) + BESIDES
