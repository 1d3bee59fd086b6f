"""Who may ask, and how much: what is refused, with which status, in which shape."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import AuthenticationError, OpenAI
from served import NAME, QUESTION, serving

from docs import blocks, commands
from mindsmirror.errors import RecipeError
from mindsmirror.runs.student import TrainedStudent
from mindsmirror.server.config import TOKEN_VARIABLE, ServerConfig, token_for

TOKEN = "a-token-of-some-length"
BODY = {"messages": [{"role": "user", "content": QUESTION}]}
PATH = "/v1/chat/completions"


@pytest.fixture
def http(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, timeout=60) as found:
        yield found


def refused(reply: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal, which always has the same shape."""
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"] and error["type"]
    return reply.status_code, error["code"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost.evil.example:80"])
def test_a_name_that_was_bound_to_this_machine_is_refused(http: httpx2.Client, host: str) -> None:
    for path in ("/", "/health", "/v1/models", "/metrics"):
        assert refused(http.get(path, headers={"Host": host})) == (403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8000", "127.9.9.9"])
def test_the_names_of_this_machine_are_taken(http: httpx2.Client, host: str) -> None:
    assert http.get("/health", headers={"Host": host}).json() == {"status": "ok"}


def test_a_page_of_another_site_may_not_ask(http: httpx2.Client, address: str) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://["):
        assert refused(http.post(PATH, json=BODY, headers={"Origin": origin})) == (403, "wrong_origin")
    assert http.post(PATH, json=BODY, headers={"Origin": address}).status_code == 200
    # What a form of another site can send without being asked first.
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        sent = http.post(PATH, content=json.dumps(BODY), headers={"Content-Type": kind})
        assert refused(sent) == (415, "wrong_content_type")
    sent = http.post(PATH, content=json.dumps(BODY), headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert sent.status_code == 200
    assert "access-control-allow-origin" not in http.get("/v1/models").headers


def test_every_reply_tells_a_browser_what_to_heed(http: httpx2.Client) -> None:
    replies = [http.get("/health"), http.get("/nowhere"), http.post(PATH, json=[]), http.post(PATH, content="x")]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "server" not in reply.headers
    assert [refused(reply) for reply in replies[1:]] == [
        (404, "not_found"),
        (400, "invalid_body"),
        (415, "wrong_content_type"),
    ]
    assert refused(http.get(PATH)) == (405, "not_found")


@pytest.mark.parametrize("body", ["{", "nul", '{"messages": 1e999}', "[" * 100_000, '"\\ud800"', "9" * 5000, ""])
def test_a_body_that_is_none_is_said(http: httpx2.Client, body: str) -> None:
    status, _ = refused(http.post(PATH, content=body, headers={"Content-Type": "application/json"}))
    assert status == 400


def test_what_the_documents_ask_by_curl_is_answered(http: httpx2.Client) -> None:
    typed = [words for block in blocks("sh") for words in commands(block.text) if words[0] == "curl"]
    assert len(typed) >= 2
    for _, url, head, header, data, body in typed:
        assert (head, data) == ("-H", "-d")
        sent = dict([header.split(": ")])
        reply = http.post(url.removeprefix("http://127.0.0.1:8000"), content=body, headers=sent)
        assert reply.status_code == 200 and reply.json()["choices"][0]["mindsmirror"]["mode"] == "think"


def test_half_a_character_is_no_question(http: httpx2.Client) -> None:
    body = '{"messages": [{"role": "user", "content": "\\ud800 pens?"}]}'
    found = http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert refused(found) == (400, "invalid_value") and "whole characters" in found.json()["error"]["message"]
    key = body.replace('"messages"', '"\\ud800": 1, "messages"').replace("\\ud800 pens", "pens")
    found = http.post(PATH, content=key, headers={"Content-Type": "application/json"})
    assert refused(found) == (400, "invalid_value")


def test_a_token_is_needed_where_one_is_set(student: TrainedStudent) -> None:
    with serving(student, ServerConfig(port=0, token=TOKEN)) as address:
        with httpx2.Client(base_url=address, timeout=60) as http:
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"}):
                for path in ("/v1/models", "/metrics"):
                    reply = http.get(path, headers=header)
                    assert refused(reply) == (401, "invalid_api_key")
                    assert reply.headers["www-authenticate"] == "Bearer" and TOKEN not in reply.text
            assert http.get("/health").status_code == 200
            # Who has the token may come by any name: a page that was bound to this one has it not.
            own = {"Authorization": f"Bearer {TOKEN}", "Host": "my.example"}
            assert http.get("/metrics", headers=own).status_code == 200
        stranger = OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0)
        with stranger, pytest.raises(AuthenticationError):
            stranger.models.list()
        with OpenAI(base_url=f"{address}/v1", api_key=TOKEN, max_retries=0) as client:
            assert client.models.list().data[0].id == NAME


def test_a_server_for_other_machines_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    for host in ("127.0.0.1", "localhost", "::1"):
        assert token_for(host) is None
    for host in ("0.0.0.0", "::", "192.168.0.4", "my.example"):
        with pytest.raises(RecipeError, match=TOKEN_VARIABLE):
            token_for(host)
    for weak in ("short", "a token with spaces in it", "ein-schlüssel-mit-umlaut"):
        monkeypatch.setenv(TOKEN_VARIABLE, weak)
        with pytest.raises(RecipeError, match="at least 16 letters"):
            token_for("127.0.0.1")
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert token_for("0.0.0.0") == token_for("127.0.0.1") == TOKEN
    assert TOKEN not in repr(ServerConfig(token=TOKEN))


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(student: TrainedStudent) -> None:
    large = {"messages": [{"role": "user", "content": "x" * 3000}]}
    half = json.dumps(large).encode()[:1500]
    config = ServerConfig(port=0, body=2000)
    with serving(student, config) as address, httpx2.Client(base_url=address, timeout=60) as http:
        assert refused(http.post(PATH, json=large)) == (413, "body_too_large")
        chunked = http.post(PATH, content=iter([half, half]), headers={"Content-Type": "application/json"})
        assert refused(chunked) == (413, "body_too_large")
        assert http.post(PATH, json=BODY).status_code == 200


class Held:
    """A student that waits, so that requests gather: it has the parts of one that a server uses."""

    def __init__(self, student: TrainedStudent) -> None:
        self.description, self.reads = student.description, student.reads
        self.go, self.inside, self._student = threading.Event(), threading.Semaphore(0), student

    def ask_many(self, questions: Any, on_text: Any = None) -> Any:
        self.inside.release()
        assert self.go.wait(60)
        return self._student.ask_many(questions, on_text=on_text)


def post(address: str, found: list[httpx2.Response], **more: Any) -> threading.Thread:
    def send() -> None:
        found.append(httpx2.post(f"{address}{PATH}", json=BODY | more, timeout=60))

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("config", "refusal"),
    [
        (ServerConfig(port=0, queue=1), (429, "queue_full")),
        (ServerConfig(port=0, concurrency=2), (503, "too_busy")),
    ],
)
def test_more_than_the_server_takes_is_told_to_come_again(
    student: TrainedStudent, config: ServerConfig, refusal: tuple[int, str]
) -> None:
    held: Any = Held(student)
    found: list[httpx2.Response] = []
    with serving(held, config) as address:
        threads = [post(address, found)]
        assert held.inside.acquire(timeout=60)
        threads.append(post(address, found))
        waiting(address, 1)
        for stream in (False, True):
            reply = httpx2.post(f"{address}{PATH}", json=BODY | {"stream": stream}, timeout=60)
            assert refused(reply) == refusal and reply.headers["retry-after"] == "1"
        assert httpx2.get(f"{address}/health").status_code == 200
        held.go.set()
        for thread in threads:
            thread.join(60)
    assert [reply.status_code for reply in found] == [200, 200]


def waiting(address: str, number: int) -> None:
    """Until so many questions wait."""
    for _ in range(2000):
        if f"mindsmirror_waiting_questions {number}.0" in httpx2.get(f"{address}/metrics").text:
            return
    raise AssertionError("they never waited")


def test_who_hangs_up_makes_room(student: TrainedStudent) -> None:
    held: Any = Held(student)
    found: list[httpx2.Response] = []
    with serving(held, ServerConfig(port=0, queue=1)) as address:
        threads = [post(address, found)]
        assert held.inside.acquire(timeout=60)
        host, _, port = address.removeprefix("http://").partition(":")
        for stream in (False, True):
            body = json.dumps(BODY | {"stream": stream}).encode()
            head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            with socket.create_connection((host, int(port))) as line:
                line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                waiting(address, 1)
            waiting(address, 0)
        threads.append(post(address, found, mindsmirror={"mode": "vote"}))
        waiting(address, 1)
        held.go.set()
        for thread in threads:
            thread.join(60)
    assert [reply.status_code for reply in found] == [200, 200]


def test_an_end_lets_what_was_begun_come_to_its_end(student: TrainedStudent) -> None:
    held: Any = Held(student)
    found: list[httpx2.Response] = []
    with serving(held, ServerConfig(port=0)) as address:
        threads = [post(address, found), post(address, found, mindsmirror={"mode": "vote"})]
        assert held.inside.acquire(timeout=60)
        waiting(address, 1)
        threading.Timer(0.3, held.go.set).start()
    for thread in threads:
        thread.join(60)
    assert [reply.status_code for reply in found] == [200, 200]


def test_an_end_without_grace_waits_for_no_reply(student: TrainedStudent) -> None:
    held: Any = Held(student)
    with serving(held, ServerConfig(port=0, grace=0)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        body = json.dumps(BODY).encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        line = socket.create_connection((host, int(port)), timeout=60)
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert held.inside.acquire(timeout=60)
    # The server has ended although the student has not.
    with line:
        assert b"200 OK" not in line.recv(1000)
    assert not held.go.is_set()
    held.go.set()


def test_what_was_counted(student: TrainedStudent) -> None:
    with serving(student, ServerConfig(port=0)) as address, httpx2.Client(base_url=address, timeout=60) as http:
        http.post(PATH, json=BODY)
        http.post(PATH, json=BODY | {"max_tokens": 8})
        http.get("/v1/nowhere")
        text = http.get("/metrics").text
    for line in (
        'mindsmirror_requests_total{path="/v1/chat/completions",status="200"} 2.0',
        'mindsmirror_requests_total{path="other",status="404"} 1.0',
        'mindsmirror_replies_total{mode="think",outcome="answered"} 1.0',
        'mindsmirror_replies_total{mode="think",outcome="unread"} 1.0',
        f'mindsmirror_tokens_total{{kind="read"}} {2.0 * student.reads(QUESTION)}',
        'mindsmirror_batch_questions_bucket{le="1.0"} 2.0',
        "mindsmirror_waiting_questions 0.0",
        "mindsmirror_open_requests 1.0",
    ):
        assert line in text
