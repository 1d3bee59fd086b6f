"""What a chat completions server sends back: its choices and counts of tokens, or why there are none."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mindsmirror.engines.base import Alternative, Completion, Finish
from mindsmirror.engines.openai.failures import MalformedError, RefusedError

FINISHES = {"length": Finish.LENGTH, "max_tokens": Finish.LENGTH, "content_filter": Finish.FILTERED}


class Choice(NamedTuple):
    """One sample of a reply."""

    text: str
    finish: Finish
    alternatives: tuple[Alternative, ...] = ()


class ChatCompletion(NamedTuple):
    """A chat completion; its counts are as the server reports them, None where it reports what is no count."""

    choices: tuple[Choice, ...]
    tokens_in: int | None
    tokens_out: int | None

    @property
    def blind(self) -> bool:
        """Whether it gives no probabilities, though no choice was filtered."""
        return not any(choice.alternatives or choice.finish is Finish.FILTERED for choice in self.choices)


def completions_of(
    keys: Sequence[str], reply: ChatCompletion, tokens_in: int, tokens_out: int, estimated: bool = False
) -> list[Completion]:
    """The reply's choices as completions; its tokens are split by length, for servers give only the sum.

    The tokens of choices beyond the keys are wasted; they are counted with the first completion.
    """
    letters = [len(choice.text) for choice in reply.choices]
    whole = max(1, sum(letters))
    completions: list[Completion] = []
    given = passed = 0
    for index, (key, choice) in enumerate(zip(keys, reply.choices, strict=False)):
        passed += letters[index]
        # If all texts are empty, the tokens are split evenly.
        until = tokens_out * passed // whole if any(letters) else tokens_out * (index + 1) // len(letters)
        completions.append(
            Completion(
                key,
                choice.text,
                choice.finish,
                tokens_in if index == 0 else 0,
                until - given,
                alternatives=choice.alternatives,
                estimated=estimated,
            )
        )
        given = until
    completions[0] = replace(completions[0], wasted_out=tokens_out - given)
    return completions


def read_completion(content: bytes) -> ChatCompletion:
    """The parts of a chat completion that are used; MalformedError if the bytes are none.

    The content type is not looked at: some servers send plain JSON as text.
    """
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"the reply is not JSON: {error}") from error
    choices = document.get("choices") if isinstance(document, dict) else None
    if not isinstance(choices, list) or not choices:
        raise MalformedError(f"the reply is not a chat completion: {content.decode('utf-8')}")
    usage = document.get("usage")
    tokens_in, tokens_out = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    return ChatCompletion(tuple(map(_read_choice, choices)), tokens_in, tokens_out)


def _count(usage: Any, name: str) -> int | None:
    """A count of tokens; None for what is none: true is no 1, and 1.5 or "12" may mean anything."""
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if type(found) is int and found >= 0 else None


def _read_choice(choice: Any) -> Choice:
    message = choice.get("message") if isinstance(choice, dict) else None
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(text, str | None):
        raise MalformedError(f"a choice without a message: {json.dumps(choice)}")
    finish = FINISHES.get(str(choice.get("finish_reason")), Finish.STOP)
    refusal = message.get("refusal")
    if text is None and isinstance(refusal, str):
        return Choice(refusal, Finish.FILTERED)
    return Choice(text or "", finish, _alternatives(choice.get("logprobs")))


def _alternatives(logprobs: Any) -> tuple[Alternative, ...]:
    """The alternatives to the first token, as far as the server gives any."""
    try:
        first = logprobs["content"][0]["top_logprobs"]
        found = tuple(Alternative(str(each["token"]), float(each["logprob"])) for each in first)
    except (KeyError, IndexError, TypeError, ValueError):
        return ()
    return tuple(each for each in found if math.isfinite(each.logprob))


def read_refusal(status: int, content: bytes, headers: Mapping[str, str]) -> RefusedError:
    """The error of a reply with another status than 200, read from any of the usual formats.

    Nothing of its text is cut here: a key that the server repeats could otherwise lie across the cut, unseen.
    """
    text = content.decode("utf-8", "replace")
    try:
        document: Any = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        document = None
    error = document.get("error", document) if isinstance(document, dict) else None
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or text
        param = error.get("param")
        text = f"{message} (parameter {param})" if isinstance(param, str) and param not in str(message) else message
        code = error.get("code") or error.get("type")
    else:
        text, code = error if isinstance(error, str) else text, None
    if 300 <= status < 400:
        text = f"redirected to {headers.get('location', 'nowhere')}"
    return RefusedError(status, str(text), str(code or ""), headers)
