"""Whatever bytes and headers a server sends, reading them ends in a reply or in the one error for it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.engines.openai.failures import MalformedError, RefusedError
from mindsmirror.engines.openai.headers import duration, pause_asked
from mindsmirror.engines.openai.reply import (
    ChatCompletion,
    Choice,
    completions_of,
    read_completion,
    read_refusal,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "prompt_tokens", "error", "code", "param"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def read(content: bytes) -> ChatCompletion | None:
    try:
        return read_completion(content)
    except MalformedError as error:
        assert str(error)
        return None


@given(st.binary(max_size=200) | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_are_a_reply_or_malformed(content: bytes) -> None:
    reply = read(content)
    assert reply is None or (reply.choices and all(isinstance(choice, Choice) for choice in reply.choices))
    refusal = read_refusal(500, content, {})
    assert isinstance(refusal, RefusedError) and isinstance(refusal.message, str)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6), st.integers(0, 2**31 - 1), JSON)
def test_texts_come_through_and_no_token_is_lost(texts: list[str], tokens: int, noise: Any) -> None:
    choices = [{"message": {"content": text, "other": noise}, "finish_reason": "stop"} for text in texts]
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    reply = read(json.dumps({"choices": choices, "usage": usage, "noise": noise}).encode())
    assert reply is not None
    done = completions_of([str(i) for i in range(len(texts))], reply, tokens, tokens)
    assert [one.text for one in done] == texts
    assert sum(one.tokens_in for one in done) == tokens
    assert sum(one.tokens_out for one in done) == tokens


@given(st.text(max_size=30))
def test_any_header_is_a_time_or_nothing(text: str) -> None:
    seconds = duration(text)
    assert seconds is None or 0 <= seconds < float("inf")
    names = ("retry-after", "date", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    asked = pause_asked(dict.fromkeys(names, text))
    assert asked is None or 0 <= asked < float("inf")


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_durations_add_up(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    found = duration(f"{hours}h{minutes}m{seconds}s{milliseconds}ms")
    assert found is not None and abs(found - (hours * 3600 + minutes * 60 + seconds + milliseconds / 1000)) < 1e-6
