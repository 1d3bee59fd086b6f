"""The chat completions engine against a loopback server that behaves, and misbehaves, by script."""

import socket
import threading
import time
import traceback

import pytest
from unit.engines.loopback import (
    KEYS,
    SECRET,
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

from mindsmirror.engines.base import Finish, Message, Request, Sampling, seed_of
from mindsmirror.engines.openai.options import DEFAULT_BASE_URL
from mindsmirror.errors import EngineError


def test_samples_of_a_prompt_are_one_request(server: Server) -> None:
    server.behaviour = well
    with engine_at(server, extra={"top_k": 5}) as engine:
        completions = ask(engine, *KEYS[:3], temperature=0.5, top_p=0.9, max_tokens=77)
        assert [c.text for c in completions] == [f"text {seed_of(KEYS[0])}.{i}" for i in range(3)]
        assert all(c.finish is Finish.STOP for c in completions)
        assert [c.tokens_in for c in completions] == [11, 0, 0]
        assert sum(c.tokens_out for c in completions) == 6
        assert engine.poll() == [] and engine.capacity == 18
    (body,) = server.bodies
    assert body.pop("authorization") == f"Bearer {SECRET}"
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say r."}]
    sampling = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 77, "n": 3, "seed": seed_of(KEYS[0])}
    assert body == sampling | {"model": "tiny", "messages": turns, "top_k": 5}


def test_many_requests_all_end(server: Server) -> None:
    server.behaviour = well
    with engine_at(server, concurrency=4) as engine:
        for i in range(40):
            engine.submit(request(KEYS[i % 8], KEYS[(i + 1) % 8], id=str(i)))
        ended: list[str] = []
        while batch := engine.poll():
            ended += [r.id for r, _ in batch]
    assert sorted(ended, key=int) == [str(i) for i in range(40)]


def test_a_request_for_no_samples_ends_without_any(server: Server) -> None:
    server.behaviour = well
    with engine_at(server) as engine:
        assert ask(engine) == () and server.bodies == []


@pytest.mark.parametrize("refusal", ["refuses", "returns_one"])
def test_n_that_is_not_supported_is_remembered(server: Server, refusal: str) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if body.get("n", 1) > 1 and refusal == "refuses":
            handler.refuse(400, "Only one completion choice is allowed")
        else:
            handler.send(200, completion([f"text {body['seed']}"]))

    server.behaviour = behave
    with engine_at(server) as engine:
        completions = ask(engine, *KEYS[:3])
        assert [c.text for c in completions] == [f"text {seed_of(k)}" for k in KEYS[:3]]
        before = len(server.bodies)
        assert before == (4 if refusal == "refuses" else 3)
        ask(engine, *KEYS[3:6])
        assert len(server.bodies) == before + 3 and all("n" not in b for b in server.bodies[before:])
        assert engine.capacity == 6


def test_a_bad_prompt_does_not_make_n_forgotten(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if "bad" in body["messages"][-1]["content"]:
            handler.refuse(400, "maximum context length exceeded")
        else:
            well(server, handler, body)

    server.behaviour = behave
    with engine_at(server) as engine:
        engine.submit(request(*KEYS[:2], id="bad"))
        ((_, completions),) = engine.poll()
        assert all(c.finish is Finish.FAILED and "maximum context" in c.error for c in completions)
        ask(engine, *KEYS[:2])
        assert server.bodies[-1]["n"] == 2


def test_siblings_of_a_failed_sample_survive(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if body.get("n", 1) > 1:
            handler.send(200, completion(["one", "two"]))
        else:
            handler.refuse(400, "no")

    server.behaviour = behave
    with engine_at(server) as engine:
        completions = ask(engine, *KEYS[:3])
    assert [(c.text, c.finish) for c in completions[:2]] == [("one", Finish.STOP), ("two", Finish.STOP)]
    assert completions[2].finish is Finish.FAILED and "no" in completions[2].error


def test_a_server_that_refuses_every_request_alike_is_not_asked_for_all(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.refuse(400, f"request {len(s.bodies)}: temperature is not supported")
    with engine_at(server) as engine, pytest.raises(EngineError, match=r"refuses every request alike.*temperature"):
        for number in range(40):
            ask(engine, f"{number}")
    assert len(server.bodies) < 40


def test_retry_after_is_honoured(server: Server) -> None:
    server.behaviour = first_then(lambda s, h, b: h.refuse(429, "slow down", Retry_After="1"))
    began = time.monotonic()
    with engine_at(server) as engine:
        assert ask(engine, KEYS[0])[0].finish is Finish.STOP
    assert time.monotonic() - began >= 1.0


PASSING: dict[str, Behaviour] = {
    "status 500": lambda s, h, b: h.refuse(500, "oops"),
    "no JSON at all": lambda s, h, b: h.send(200, b"<html>busy</html>", Content_Type="text/html"),
    "half JSON": lambda s, h, b: h.send(200, completion(["x"])[:40]),
    "invalid UTF-8": lambda s, h, b: h.send(200, b'{"choices": "\xff\xfe"}'),
    "no choices": lambda s, h, b: h.send(200, b'{"choices": []}'),
    "no message": lambda s, h, b: h.send(200, b'{"choices": [{"message": null}]}'),
    "cut short": cut_short,
    "connection reset": reset,
    "hang": hang,
}


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_tried_again(server: Server, name: str) -> None:
    server.behaviour = first_then(PASSING[name])
    with engine_at(server, timeout=patience(name, "hang")) as engine:
        (only,) = ask(engine, KEYS[0])
    assert only.text == f"text {seed_of(KEYS[0])}.0" and len(server.bodies) == 2


@pytest.mark.parametrize("name", PASSING)
def test_what_does_not_pass_is_a_failed_sample_with_its_reason(server: Server, name: str) -> None:
    server.behaviour = first_then(well, PASSING[name])
    with engine_at(server, timeout=patience(name, "hang"), retries=0) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
    assert only.finish is Finish.FAILED and only.error and not only.text and len(server.bodies) == 2


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, None, "refuses the API key.*sent the value of the environment variable TEACHER_KEY"),
        (403, None, "refuses the API key.*sent the value of the environment variable TEACHER_KEY"),
        (404, "model_not_found", "does not know the model 'tiny'.*base_url"),
        (429, "insufficient_quota", "no money"),
    ],
)
def test_an_endpoint_that_refuses_everything_is_an_error(
    server: Server, status: int, code: str | None, message: str
) -> None:
    server.behaviour = lambda s, h, b: h.refuse(status, f"bad key {SECRET}", code)
    with engine_at(server) as engine:
        engine.submit(request(*KEYS[:2]))
        with pytest.raises(EngineError, match=message) as caught:
            engine.poll()
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert f":{server.server_port}/v1" in str(caught.value)
        with pytest.raises(EngineError):
            engine.poll()


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_key_is_not_a_wrong_one(server: Server, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour = lambda s, h, b: h.refuse(status, "who are you?")
    for value, state in ((None, "is not set"), (" ", "is empty")):
        monkeypatch.delenv("TEACHER_KEY")
        if value is not None:
            monkeypatch.setenv("TEACHER_KEY", value)
        with engine_at(server) as engine:
            engine.submit(request(KEYS[0]))
            with pytest.raises(EngineError, match=rf"needs an API key \(.*TEACHER_KEY {state}: export TEACHER_KEY=…"):
                engine.poll()
        monkeypatch.setenv("TEACHER_KEY", SECRET)
    monkeypatch.delenv("TEACHER_KEY")
    with engine_at(f"http://me:a%40b@127.0.0.1:{server.server_port}/v1") as engine:
        engine.submit(request(KEYS[0]))
        with pytest.raises(EngineError, match="refuses user and password"):
            engine.poll()


def test_openai_itself_is_not_asked_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    message = r"https://api\.openai\.com/v1 needs an API key\. The environment variable TEACHER_KEY is not set"
    with pytest.raises(EngineError, match=message):
        engine_at(f"{DEFAULT_BASE_URL}/")


def test_an_endpoint_that_is_down_is_an_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with engine_at(f"http://127.0.0.1:{port}/v1", retries=5) as engine:
        engine.submit(request(KEYS[0]))
        with pytest.raises(EngineError, match=rf"127\.0\.0\.1:{port}/v1 does not answer.*Is the server"):
            engine.poll()


def test_an_endpoint_that_dies_stops_the_run_but_keeps_what_came(server: Server) -> None:
    server.behaviour = first_then(well, reset)
    with engine_at(server, retries=0, concurrency=1) as engine:
        assert ask(engine, KEYS[0])[0].text
        for i in range(6):
            engine.submit(request(KEYS[1], id=str(i)))
        failed = 0
        with pytest.raises(EngineError, match="has gone away"):
            while batch := engine.poll():
                failed += len(batch)
                assert all(done[0].wasted_in > 0 for _, done in batch), "what it may have billed counts"
        assert failed == 3


def test_finish_reasons_and_refusals(server: Server) -> None:
    replies = iter(
        [
            completion(["cut"], "length"),
            completion(["bad"], "content_filter"),
            completion([None], None, tokens=0),
            b'{"choices": [{"message": {"content": null, "refusal": "I cannot"}, "finish_reason": "stop"}]}',
        ]
    )
    server.behaviour = lambda s, h, b: h.send(200, next(replies))
    with engine_at(server) as engine:
        got = [ask(engine, KEYS[0])[0] for _ in range(4)]
    assert [c.finish for c in got] == [Finish.LENGTH, Finish.FILTERED, Finish.STOP, Finish.FILTERED]
    assert [c.text for c in got] == ["cut", "bad", "", "I cannot"]
    assert [c.estimated for c in got] == [False, False, False, True], "the last has no counts"


def test_refused_field_names_are_adapted(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if "max_tokens" in body:
            handler.refuse(400, "Unsupported parameter: use 'max_completion_tokens' instead")
        elif "seed" in body:
            handler.refuse(422, "extra fields not permitted: seed")
        else:
            handler.send(200, completion(["fine"]))

    server.behaviour = behave
    with engine_at(server, retries=0) as engine:
        assert ask(engine, KEYS[0])[0].text == "fine"
        ask(engine, KEYS[1])
    assert len(server.bodies) == 4 and server.bodies[-1]["max_completion_tokens"] == 256


def test_a_text_that_cannot_be_sent_is_a_failed_sample(server: Server) -> None:
    server.behaviour = well
    with engine_at(server) as engine:
        ask(engine, KEYS[0])
        engine.submit(Request("r", (Message("user", "\ud800"),), Sampling(), (KEYS[1],)))
        ((_, (only,)),) = engine.poll()
    assert only.finish is Finish.FAILED and "surrogate" in only.error


def test_closing_does_not_wait_for_what_hangs(server: Server) -> None:
    begun, ended = threading.Event(), threading.Event()

    def hang_for_good(server: Server, handler: Handler, body: Body) -> None:
        begun.set()
        ended.wait(60)

    server.behaviour = hang_for_good
    with engine_at(server, timeout=1000.0) as engine:
        engine.submit(request(KEYS[0]))
        assert begun.wait(60)
    assert not engine._thread.is_alive()
    ended.set()
