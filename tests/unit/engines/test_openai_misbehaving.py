"""Servers at their worst: whatever they do, every sample ends, in time, and says what happened."""

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

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
    engine_at,
    first_then,
    request,
    reset,
    well,
)

from mindsmirror.engines.base import Completion, Finish, seed_of
from mindsmirror.engines.openai import OpenAIEngine, scheduler, transport
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.openai.probe import probe
from mindsmirror.errors import EngineError


def submit_many(engine: OpenAIEngine, count: int) -> None:
    for i in range(count):
        engine.submit(request(KEYS[i % 8], id=str(i)))


def drain(engine: OpenAIEngine) -> list[Completion]:
    """Everything that was submitted, as it ends."""
    ended: list[Completion] = []
    while batch := engine.poll():
        ended += [done for _, completions in batch for done in completions]
    return ended


def drip(server: Server, handler: Handler, body: Body) -> None:
    """A reply that never stops and never ends: a byte now and then."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1\r\n \r\n")
        time.sleep(0.02)


def drip_headers(server: Server, handler: Handler, body: Body) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("behaviour", [drip, drip_headers])
def test_a_reply_has_a_time_as_a_whole(server: Server, behaviour: Behaviour) -> None:
    server.behaviour = first_then(well, behaviour)
    with engine_at(server, timeout=1.0, retries=0) as engine:
        ask(engine, KEYS[0])
        began = time.monotonic()
        (only,) = ask(engine, KEYS[1])
        assert time.monotonic() - began >= 1.0
        assert only.finish is Finish.FAILED and "within 1 seconds" in only.error
        server.behaviour = well
        assert ask(engine, KEYS[2])[0].text


MALFORMED = {
    "a list": b"[]",
    "a string": b'"well"',
    "choices that are none": b'{"choices": {"0": 1}}',
    "a choice that is none": b'{"choices": ["text"]}',
    "content that is no text": b'{"choices": [{"message": {"content": 7}}]}',
    "very deep": b'{"choices": ' + b"[" * 200_000,
    "a number without end": b'{"choices": ' + b"9" * 10_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_completion_is_a_failed_sample(server: Server, name: str) -> None:
    server.behaviour = lambda s, h, b: h.send(200, MALFORMED[name])
    with engine_at(server, retries=0) as engine:
        (only,) = ask(engine, KEYS[0])
    assert only.finish is Finish.FAILED and "MalformedError" in only.error and len(only.error) <= 400


def test_a_long_reply_of_another_type_is_a_reply(server: Server) -> None:
    text = "Ä" * 100_000
    server.behaviour = lambda s, h, b: h.send(200, completion([text], tokens=90_000), Content_Type="text/plain")
    with engine_at(server) as engine:
        (only,) = ask(engine, KEYS[0], max_tokens=100_000)
    assert only.text == text and only.tokens_out == 90_000


def test_a_reply_without_end_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST", 50_000)
    server.behaviour = first_then(well, lambda s, h, b: h.send(200, completion(["x" * 100_000])))
    with engine_at(server, retries=0) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
    assert only.finish is Finish.FAILED and "larger than 50000 bytes" in only.error


def packed(times: int) -> bytes:
    """128 MB of nothing, packed so often."""
    content = bytes(2**27)
    for _ in range(times):
        content = gzip.compress(content, 6)
    return content


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip, gzip", "br", "deflate", "identity, gzip"])
def test_a_reply_that_is_packed_is_refused_and_not_unpacked(server: Server, encoding: str) -> None:
    content = packed(1 + encoding.count(",")) if "gzip" in encoding else b"x"
    server.behaviour = first_then(well, lambda s, h, b: h.send(200, content, Content_Encoding=encoding))
    with engine_at(server, retries=0) as engine:
        ask(engine, KEYS[0])
        began = time.process_time()
        (only,) = ask(engine, KEYS[1])
        assert time.process_time() - began < 1
    assert only.finish is Finish.FAILED and f"encoded as '{encoding}', which was not asked for" in only.error
    assert only.wasted_in > 0, "it may be billed"


def test_the_names_of_models_that_a_server_lists_are_bounded(server: Server) -> None:
    server.models = ("\x1b[2Jbig", "x" * 10_000, SECRET)
    server.behaviour = lambda s, h, b: h.refuse(404, "no such model")
    url = f"http://127.0.0.1:{server.server_port}/v1"
    with pytest.raises(EngineError, match=r"It serves \[2Jbig, x+, \*\*\*\.") as caught:
        probe("tiny", url, "TEACHER_KEY", OpenAIOptions())
    assert len(str(caught.value)) < 1000


def test_certificates_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "damaged.pem").write_text("no certificate")
    for path in (tmp_path / "absent.pem", tmp_path / "damaged.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(EngineError, match=rf"certificates .* cannot be read: .*SSL_CERT_FILE \({path}\)"):
            engine_at("https://teacher.invalid/v1")


def test_a_clock_that_goes_back_changes_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour = first_then(lambda s, h, b: h.refuse(429, "slow down", Retry_After="0.5"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1000 * (time.monotonic() % 1000))
    began = time.monotonic()
    with engine_at(server) as engine:
        assert ask(engine, KEYS[0])[0].text
    assert time.monotonic() - began >= 0.5


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with Server() as other:
        other.behaviour = well
        threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
        yield other
        other.shutdown()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(server: Server, elsewhere: Server, status: int) -> None:
    target = f"http://127.0.0.1:{elsewhere.server_port}/v1/chat/completions"
    moved: Behaviour = lambda s, h, b: h.send(status, b"", Location=target)  # noqa: E731
    server.behaviour = moved
    with engine_at(server) as engine:
        engine.submit(request(KEYS[0]))
        with pytest.raises(EngineError, match=f"{elsewhere.server_port}.*base_url"):
            engine.poll()
    server.behaviour = well
    with engine_at(server) as engine:
        ask(engine, KEYS[0])
        server.behaviour = moved
        assert "redirected to" in ask(engine, KEYS[0])[0].error
    assert elsewhere.bodies == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_key_or_model_later_is_a_failed_sample(server: Server, status: int) -> None:
    server.behaviour = first_then(well, lambda s, h, b: h.refuse(status, f"no {SECRET}"))
    with engine_at(server, concurrency=2) as engine:
        ask(engine, KEYS[0])
        (only,) = ask(engine, KEYS[1])
        assert only.finish is Finish.FAILED and str(status) in only.error and SECRET not in only.error
        server.behaviour = well
        assert ask(engine, KEYS[2])[0].text
        server.behaviour = lambda s, h, b: h.refuse(status, "no")
        submit_many(engine, 20)
        with pytest.raises(EngineError, match=r"has gone away: 5 attempts in a row failed.*no"):
            drain(engine)


def test_what_was_paid_for_is_handed_over_before_the_end(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if body.get("n", 1) > 1:
            handler.send(200, completion(["one", "two"]))
        else:
            handler.refuse(429, "no money", "insufficient_quota")

    server.behaviour = behave
    with engine_at(server) as engine:
        engine.submit(request(*KEYS[:4]))
        ((_, completions),) = engine.poll()
        assert [c.text for c in completions] == ["one", "two", "", ""]
        assert [c.finish is Finish.FAILED for c in completions] == [False, False, True, True]
        with pytest.raises(EngineError, match="no money"):
            engine.poll()


def test_a_storm_of_503_passes(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        if 20 <= len(server.bodies) < 50:
            handler.refuse(503, "overloaded", Retry_After="0.05")
        else:
            time.sleep(0.01)
            well(server, handler, body)

    server.behaviour = behave
    with engine_at(server, concurrency=16) as engine:
        submit_many(engine, 80)
        ended = drain(engine)
    assert len(ended) == 80 and all(done.finish is Finish.STOP for done in ended)
    assert len(server.bodies) == 110


@pytest.mark.parametrize("status", [429, 503])
def test_refusals_without_end_end(server: Server, status: int) -> None:
    server.behaviour = first_then(well, lambda s, h, b: h.refuse(status, "overloaded", Retry_After="0.01"))
    with engine_at(server, concurrency=2, retries=3) as engine:
        ask(engine, KEYS[0])
        submit_many(engine, 4)
        with pytest.raises(EngineError, match=f"attempts in a row failed.*{status}: overloaded"):
            drain(engine)
    assert 4 < len(server.bodies) < 100


def test_a_429_without_a_wish_is_tried_again_after_a_while(server: Server) -> None:
    server.behaviour = first_then(lambda s, h, b: h.refuse(429, "slow down"))
    began = time.monotonic()
    with engine_at(server) as engine:
        assert ask(engine, KEYS[0])[0].text
    assert time.monotonic() - began >= 0.3 and len(server.bodies) == 2


def test_a_pause_that_is_too_long_ends_the_run(server: Server) -> None:
    server.behaviour = first_then(well, lambda s, h, b: h.refuse(429, "come tomorrow", Retry_After="86400"))
    with engine_at(server) as engine:
        ask(engine, KEYS[0])
        engine.submit(request(KEYS[1]))
        with pytest.raises(EngineError, match=r"a pause of 86400 seconds.*come tomorrow"):
            engine.poll()


LIMITS = {
    # Of the requests none is left, of the tokens too few: the reply came to 17.
    "requests": {"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "400ms"},
    "tokens": {"X-Ratelimit-Remaining-Tokens": "16", "X-Ratelimit-Reset-Tokens": "400ms"},
}


@pytest.mark.parametrize("what", LIMITS)
@pytest.mark.parametrize("status", [200, 429])
def test_rate_limit_headers_hold_everything_back(server: Server, status: int, what: str) -> None:
    arrivals: list[float] = []

    def behave(server: Server, handler: Handler, body: Body) -> None:
        arrivals.append(time.monotonic())
        if len(arrivals) == 1:
            handler.send(status, completion(["first"]), **LIMITS[what])
        else:
            well(server, handler, body)

    server.behaviour = behave
    with engine_at(server) as engine:
        submit_many(engine, 5)
        assert all(done.finish is Finish.STOP for done in drain(engine))
    assert len(arrivals) == (5 if status == 200 else 6) and arrivals[1] - arrivals[0] >= 0.4


def test_tokens_that_suffice_hold_nothing_back(server: Server) -> None:
    left = {"X-Ratelimit-Remaining-Tokens": "17", "X-Ratelimit-Reset-Tokens": "60s"}
    server.behaviour = lambda s, h, b: h.send(200, completion(["well"]), **left)
    began = time.monotonic()
    with engine_at(server) as engine:
        submit_many(engine, 5)
        assert len(drain(engine)) == 5
    assert time.monotonic() - began < 60


def test_closing_during_a_pause_is_at_once(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.refuse(429, "slow down", Retry_After="100")
    began = time.monotonic()
    with engine_at(server) as engine:
        engine.submit(request(KEYS[0]))
        while not server.bodies and time.monotonic() - began < 60:
            time.sleep(0.01)
    assert time.monotonic() - began < 100 and engine.poll() == []
    with pytest.raises(RuntimeError, match="closed"):
        engine.submit(request(KEYS[0]))


def test_connections_that_break_while_many_are_open(server: Server) -> None:
    lock, seen = threading.Lock(), set[str]()

    def behave(server: Server, handler: Handler, body: Body) -> None:
        name = body["messages"][-1]["content"]
        with lock:
            again = name in seen
            seen.add(name)
        (well if again or not name.endswith("3.") else reset)(server, handler, body)

    server.behaviour = behave
    with engine_at(server, concurrency=8) as engine:
        submit_many(engine, 40)
        assert [done.finish for done in drain(engine)] == [Finish.STOP] * 40


def test_a_fault_of_ours_reaches_whoever_polls(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behaviour = well
    monkeypatch.setattr(scheduler, "completions_of", lambda *_: 1 // 0)
    with engine_at(server) as engine:
        engine.submit(request(KEYS[0]))
        with pytest.raises(ZeroDivisionError):
            engine.poll()


def test_no_key_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.behaviour = first_then(well, lambda s, h, b: h.refuse(400, f"bad {SECRET}"))
    with engine_at(f"http://me:{SECRET}@127.0.0.1:{server.server_port}/v1?token={SECRET}") as engine:
        ask(engine, KEYS[0])
        assert SECRET not in ask(engine, KEYS[1])[0].error
    assert server.bodies[0]["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in caplog.text


def test_user_and_password_are_sent_where_there_is_no_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY")
    server.behaviour = well
    with engine_at(f"http://me:a%40b@127.0.0.1:{server.server_port}/v1") as engine:
        ask(engine, KEYS[0])
    assert server.bodies[0]["authorization"] == "Basic bWU6YUBi"


def test_a_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    server.behaviour = well
    with engine_at("http://teacher.invalid/v1") as engine:
        assert ask(engine, KEYS[0])[0].text == f"text {seed_of(KEYS[0])}.0"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://host/v1", "http:///v1", ""])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(EngineError, match=r"base_url.*http://"):
        engine_at(url)
