"""What a chat completions server sends back: its choices, its counts of tokens, its wish to be left alone."""

import math
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from mindsmirror.engines.base import Completion, Finish

FINISHES = {"length": Finish.LENGTH, "max_tokens": Finish.LENGTH, "content_filter": Finish.FILTERED}


class MalformedError(Exception):
    """A reply with status 200 that is no chat completion."""


class Choice(NamedTuple):
    """One sample of a reply."""

    text: str
    finish: Finish


class Reply(NamedTuple):
    """A chat completion; its counts are 0 where the server does not give them."""

    choices: tuple[Choice, ...]
    tokens_in: int
    tokens_out: int


def completions_of(keys: Sequence[str], reply: Reply) -> list[Completion]:
    """The reply's choices as completions; its tokens are split by length, for servers give only the sum."""
    letters = [len(choice.text) for choice in reply.choices]
    completions, given = [], 0
    for index, (key, choice) in enumerate(zip(keys, reply.choices, strict=False)):
        until = reply.tokens_out * sum(letters[: index + 1]) // max(1, sum(letters))
        tokens_in = reply.tokens_in if index == 0 else 0
        completions.append(Completion(key, choice.text, choice.finish, tokens_in, until - given))
        given = until
    return completions


def read_reply(response: object) -> Reply:
    """The parts of a chat completion that are used; the client does not check what a server sends."""
    choices = getattr(response, "choices", None)
    if not isinstance(choices, list) or not choices:
        raise MalformedError(f"the reply is no chat completion: {str(response)[:100]!r}")
    read = []
    for choice in choices:
        message = getattr(choice, "message", None)
        text, refusal = getattr(message, "content", None), getattr(message, "refusal", None)
        if message is None or not isinstance(text, str | None):
            raise MalformedError(f"a choice without a message: {str(choice)[:100]!r}")
        finish = FINISHES.get(str(getattr(choice, "finish_reason", None)), Finish.STOP)
        if text is None and isinstance(refusal, str):
            text, finish = refusal, Finish.FILTERED
        read.append(Choice(text or "", finish))
    usage = getattr(response, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    tokens_in, tokens_out = (c if isinstance(c, int) and c > 0 else 0 for c in counts)
    return Reply(tuple(read), tokens_in, tokens_out)


def retry_after(error: Exception) -> float | None:
    """Seconds that the server asks to wait, from its header Retry-After: a number or a date."""
    response = getattr(error, "response", None)
    value = response.headers.get("retry-after") if response is not None else None
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
