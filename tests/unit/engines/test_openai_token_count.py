"""Servers that bill more than they say, or say what cannot be: what counts is never less than what they may bill."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.engines.loopback import (
    KEYS,
    Behaviour,
    Body,
    Handler,
    Server,
    ask,
    completion,
    cut_short,
    engine_at,
    first_then,
    hang,
    patience,
    request,
    reset,
    well,
)

from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.engines.counting import LARGEST, most_read
from mindsmirror.engines.openai.reply import ChatCompletion, completions_of, read_completion
from mindsmirror.engines.openai.token_count import most_tokens, overrun, tokens_of
from mindsmirror.errors import EngineError

PROMPT, ROOM = most_read(request(KEYS[0]).messages), 256
TEXT = "Some words of a thought, which is long enough to prove some tokens."


def saying(usage: Any, texts: int = 1) -> Behaviour:
    """A server that writes the text and reports that usage; Ellipsis for none."""

    def behave(server: Server, handler: Handler, body: Body) -> None:
        document = json.loads(completion([TEXT] * texts))
        document = {**document, "usage": usage} if usage is not ... else document | {"usage": None}
        if usage is ...:
            del document["usage"]
        handler.send(200, json.dumps(document).encode())

    return behave


def both(count: Any) -> dict[str, Any]:
    return {"prompt_tokens": count, "completion_tokens": count}


UNBELIEVABLE: dict[str, Any] = {
    "missing": ...,
    "null": None,
    "a list": [11, 6],
    "null counts": both(None),
    "negative": both(-1000),
    "floats": both(12.0),
    "infinite": both(float("inf")),
    "strings": both("12"),
    "booleans": both(True),
    "nothing": both(0),
    "less than proven": both(1),
}


@pytest.mark.parametrize("name", UNBELIEVABLE)
def test_what_cannot_be_believed_counts_as_the_most_that_it_can_be(server: Server, name: str) -> None:
    server.behaviour = saying(UNBELIEVABLE[name])
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0])
    # The prompt is too short to prove a token; all else is at its bound.
    assert only.tokens_out == ROOM and only.estimated
    assert only.tokens_in == (PROMPT if name not in ("nothing", "less than proven") else only.tokens_in)


@pytest.mark.parametrize("count", [2**31 - 1, 2**31, 10**12, 10**30, 10**400])
def test_huge_counts_count_as_far_as_they_are_possible_and_end_the_run(server: Server, count: int) -> None:
    server.behaviour = saying(both(count))
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0])
        assert (only.text, only.tokens_in, only.tokens_out, only.estimated) == (TEXT, LARGEST, LARGEST, True)
        engine.submit(request(KEYS[1]))
        with pytest.raises(EngineError, match=r"ignores `max_tokens` .*what has come is kept"):
            engine.poll()
    assert len(server.bodies) == 1


def test_believable_counts_are_believed(server: Server) -> None:
    server.behaviour = saying({"prompt_tokens": 40, "completion_tokens": 17})
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0])
    assert (only.tokens_in, only.tokens_out, only.estimated, only.wasted_out) == (40, 17, False, 0)


def test_choices_that_nobody_asked_for_count(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.send(200, completion([TEXT] * 10, tokens=200))
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0])
    assert (only.tokens_out, only.wasted_out, only.estimated) == (20, 180, False)
    server.behaviour = saying(None, texts=10)
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0])
    assert only.tokens_out + only.wasted_out == 10 * ROOM and only.estimated


BILLED: dict[str, Behaviour] = {
    "500 after the work": lambda s, h, b: h.refuse(500, "oops"),
    "504": lambda s, h, b: h.refuse(504, "too late"),
    "408": lambda s, h, b: h.refuse(408, "too late"),
    "cut short": cut_short,
    "reset": reset,
    "half JSON": lambda s, h, b: h.send(200, completion(["x"])[:40]),
    "no completion": lambda s, h, b: h.send(200, b"<html>"),
    "too slow": hang,
}


def test_a_lost_reply_counts_as_many_choices_as_the_server_is_known_to_send(server: Server) -> None:
    server.behaviour = first_then(saying(both(40), texts=4), BILLED["500 after the work"])
    with engine_at(server, retries=1) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
        attempts = len(server.bodies) - 1
    assert attempts >= 2 and (only.wasted_in, only.wasted_out) == (attempts * PROMPT, attempts * 4 * ROOM)


UNBILLED: dict[str, Behaviour] = {
    "429": lambda s, h, b: h.refuse(429, "slow down", Retry_After="0.01"),
    "503": lambda s, h, b: h.refuse(503, "overloaded", Retry_After="0.01"),
    "400": lambda s, h, b: h.refuse(400, "no"),
}


@pytest.mark.parametrize("name", BILLED)
def test_replies_that_are_billed_and_then_fail_count_and_so_does_each_attempt(server: Server, name: str) -> None:
    server.behaviour = first_then(well, BILLED[name])
    with engine_at(server, timeout=patience(name, "too slow"), retries=1) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
        attempts = len(server.bodies) - 1
        assert only.finish is Finish.FAILED and attempts >= 2
        assert (only.wasted_in, only.wasted_out) == (attempts * PROMPT, attempts * ROOM)
    server.bodies.clear()
    server.behaviour = first_then(BILLED[name])
    with engine_at(server, timeout=patience(name, "too slow")) as engine:
        (only,) = ask(engine, KEYS[1])
    assert (only.tokens_in, only.wasted_in, only.wasted_out, only.estimated) == (11, PROMPT, ROOM, True)


@pytest.mark.parametrize("name", UNBILLED)
def test_what_a_server_did_not_take_up_costs_nothing(server: Server, name: str) -> None:
    server.behaviour = first_then(well, UNBILLED[name])
    with engine_at(server, retries=1) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
    assert only.finish is Finish.FAILED and (only.wasted_in, only.wasted_out, only.tokens_in) == (0, 0, 0)


def test_a_request_has_no_more_attempts_than_may_be_paid_for(server: Server) -> None:
    server.behaviour = first_then(well, lambda s, h, b: h.refuse(500, "oops"))
    with engine_at(server, retries=5) as engine:
        ask(engine, KEYS[0])
        engine.submit(Request("r", request(KEYS[1]).messages, request(KEYS[1]).sampling, (KEYS[1],), attempts=1))
        ((_, (only,)),) = engine.poll()
    assert only.finish is Finish.FAILED and len(server.bodies) == 2


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 11, "completion_tokens": 3000}])
def test_a_server_that_ignores_its_room_is_noticed_at_its_first_reply(server: Server, usage: Any) -> None:
    def endless(server: Server, handler: Handler, body: Body) -> None:
        document = json.loads(completion(["and so on " * 3000])) | {"usage": usage}
        handler.send(200, json.dumps(document).encode())

    server.behaviour = endless
    with engine_at(server) as engine:
        engine.submit(request(KEYS[0]))
        engine.submit(request(KEYS[1]))
        ((_, (only,)),) = engine.poll()
        assert only.text.startswith("and so on") and only.tokens_out >= 1875
        with pytest.raises(EngineError, match=r"ignores `max_tokens` .*where there was room for 256.*max_completion"):
            engine.poll()
    assert len(server.bodies) == 1


def test_a_room_of_ones_own_is_no_overrun(server: Server) -> None:
    """A model that thinks has its room in `parameters.extra`."""
    server.behaviour = saying({"prompt_tokens": 40, "completion_tokens": 3000})
    with engine_at(server, extra={"max_completion_tokens": 4096}) as engine:
        assert ask(engine, KEYS[0])[0].tokens_out == 3000
        assert ask(engine, KEYS[1])[0].text == TEXT


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
USAGES = ANYTHING | st.fixed_dictionaries({}, optional={"prompt_tokens": ANYTHING, "completion_tokens": ANYTHING})


@given(USAGES, st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_whatever_the_usage_is_all_of_it_counts_once(usage: Any, texts: list[str], asked: int) -> None:
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in texts]
    reply = read_completion(json.dumps({"choices": choices, "usage": usage}).encode())
    keys = KEYS[:asked]
    sent = request(*keys)
    tokens = tokens_of(sent, reply, ROOM)
    done: list[Completion] = completions_of(keys, reply, *tokens)
    assert sum(each.tokens_in + each.wasted_in for each in done) == tokens.tokens_in
    assert sum(each.tokens_out + each.wasted_out for each in done) == tokens.tokens_out
    assert all(each.tokens_out >= 0 and each.wasted_out >= 0 for each in done)
    believed = reply.tokens_out is not None and tokens.tokens_out == reply.tokens_out
    assert believed or tokens.tokens_out >= most_tokens(sent, 1, ROOM).tokens_out
    assert not tokens.estimated or not believed or tokens.tokens_in != reply.tokens_in


@given(st.integers(0, 3000), st.integers(1, 500), st.integers(1, 5))
def test_an_overrun_is_clearly_more_than_the_room(written: int, room: int, choices: int) -> None:
    reply = read_completion(completion(["x"] * choices, tokens=written))
    assert isinstance(reply, ChatCompletion)
    found = overrun(reply, tokens_of(request(KEYS[0]), reply, room), room)
    said = max(written, choices if written >= choices else room * choices)
    assert found == (said > 1.1 * room * choices + 16)
