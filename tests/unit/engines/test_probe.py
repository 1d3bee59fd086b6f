"""What a server can do is found out by a handful of tiny samples, and what is wrong with it is told apart."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from unit.engines.loopback import SECRET, Behaviour, Body, Handler, Server, completion, hang

from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.openai.probe import probe
from mindsmirror.engines.plugin import Probe
from mindsmirror.errors import EngineError


def probed(server: Server | str, **options: Any) -> Probe:
    url = server if isinstance(server, str) else f"http://127.0.0.1:{server.server_port}/v1"
    return probe("tiny", url, "TEACHER_KEY", OpenAIOptions(**{"timeout": 60.0} | options))


def able(server: Server, handler: Handler, body: Body) -> None:
    """Takes `n`, and tells log-probabilities."""
    document = json.loads(completion(["one"] * body.get("n", 1)))
    if body.get("logprobs"):
        alternatives = [{"token": "one", "logprob": -0.1}, {"token": "1", "logprob": -2.5}]
        document["choices"][0]["logprobs"] = {"content": [{"token": "one", "top_logprobs": alternatives}]}
    handler.send(200, json.dumps(document).encode())


def test_a_server_that_can_do_everything(server: Server) -> None:
    server.behaviour, server.models = able, ("small", "tiny")
    found = probed(server)
    assert found._replace(seconds=0.0) == Probe(("small", "tiny"), True, True, 0.0, 4)
    assert found.seconds > 0
    assert [body.get("n", 1) for body in server.bodies] == [1, 2, 1]
    assert all(body["max_tokens"] <= 16 and body["model"] == "tiny" for body in server.bodies)
    assert {body["authorization"] for body in server.bodies} == {f"Bearer {SECRET}"}


def test_a_server_that_can_do_little(server: Server) -> None:
    """No list of models, one sample a request, no log-probabilities; one refuses what the other ignores."""
    server.behaviour = lambda s, h, b: h.send(200, completion(["one"]))
    assert probed(server)[:3] == (None, False, False)

    def strict(server: Server, handler: Handler, body: Body) -> None:
        odd = {"n", "logprobs", "seed", "max_tokens"} & set(body)
        if odd:
            words = "use max_completion_tokens instead of max_tokens" if "max_tokens" in odd else f"no {min(odd)} here"
            handler.refuse(400, words)
        else:
            handler.send(200, completion(["one"]))

    server.behaviour = strict
    assert probed(server)[:3] == (None, False, False)


def test_what_a_busy_server_can_do_is_not_known(server: Server) -> None:
    server.models = ("tiny",)
    server.behaviour = lambda s, h, b: h.refuse(429, f"slow down, {SECRET}", Retry_After="20")
    found = probed(server)
    assert (found.served, found.n, found.logprobs, found.samples) == (("tiny",), None, None, 0)
    assert found.busy == "status 429: slow down, ***" and len(server.bodies) == 1

    def later(server: Server, handler: Handler, body: Body) -> None:
        if len(server.bodies) % 3 == 2:
            able(server, handler, body)
        else:
            handler.refuse(503, "overloaded")

    server.behaviour = later
    found = probed(server)
    assert (found.busy, found.n, found.logprobs) == ("", None, None)


VERDICTS: dict[str, tuple[Behaviour, str]] = {
    "401": (lambda s, h, b: h.refuse(401, f"bad key {SECRET}"), r"refuses the API key .*variable TEACHER_KEY"),
    "403": (lambda s, h, b: h.refuse(403, "not you"), r"refuses the API key"),
    "404": (
        lambda s, h, b: h.refuse(404, "no such model"),
        r"does not know the model 'tiny' .*It serves large, small\.",
    ),
    "400": (lambda s, h, b: h.refuse(400, "what is top_q?"), r"refuses a plain request .*top_q.*parameters\.extra"),
    "quota": (lambda s, h, b: h.refuse(429, "no", "insufficient_quota"), r"no money left"),
    "moved": (lambda s, h, b: h.send(308, b"", Location="https://elsewhere/"), r"is somewhere else .*base_url"),
    "a page": (lambda s, h, b: h.send(200, b"<html>Hello"), r"does not answer as a chat completions server .*base_url"),
    "500": (lambda s, h, b: h.refuse(500, "oops"), r"refuses a plain request .*oops"),
    "timeout": (hang, r"does not answer .*0\.5 seconds.*still loading its model.*parameters\.timeout"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_what_is_wrong_is_told_apart(server: Server, name: str) -> None:
    server.behaviour, message = VERDICTS[name]
    server.models = ("large", "small")
    with pytest.raises(EngineError, match=message) as caught:
        probed(server, timeout=0.5 if name == "timeout" else 60.0)
    assert SECRET not in str(caught.value) and f":{server.server_port}/v1" in str(caught.value)
    assert len(server.bodies) == 1


def test_a_server_that_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EngineError, match=r"does not answer .*Is the server running"):
        probed(url)


@pytest.fixture
def authority() -> trustme.CA:
    """An authority that nobody trusts yet."""
    return trustme.CA()


@pytest.fixture
def safe(authority: trustme.CA) -> Iterator[Server]:
    """A server that speaks TLS with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server() as server:
        server.behaviour = able
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_tls_that_is_not_trusted_and_tls_that_is_none(
    safe: Server, server: Server, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://127.0.0.1:{safe.server_port}/v1"
    with pytest.raises(EngineError, match=r"certificate that is not trusted here .*SSL_CERT_FILE"):
        probed(url)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    assert probed(url).n is True
    server.behaviour = able
    with pytest.raises(EngineError, match=r"does not speak TLS as it should .*http://"):
        probed(f"https://127.0.0.1:{server.server_port}/v1")
