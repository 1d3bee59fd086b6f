"""A loopback server for the engine's tests: it behaves, and misbehaves, as each test wants."""

import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mindsmirror.engines.base import Completion, Message, Request, Sampling
from mindsmirror.engines.openai import OpenAIEngine
from mindsmirror.engines.openai.options import OpenAIOptions

KEYS = tuple(hashlib.sha256(str(i).encode()).hexdigest() for i in range(8))
SECRET = "sk-very-secret"

Body = dict[str, Any]
Behaviour = Callable[["Server", "Handler", Body], None]


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        rows = [{"id": name, "object": "model"} for name in self.server.models]
        status = 200 if self.path == "/v1/models" and rows else 404
        self.send(status, json.dumps({"object": "list", "data": rows}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body | {"authorization": self.headers["Authorization"]})
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        try:
            self.server.behaviour(self.server, self, body)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        error = {"message": message, "code": code, "type": None, "param": None}
        self.send(status, json.dumps({"error": error}).encode(), **headers)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    behaviour: Behaviour
    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[Body] = []
        self.models: tuple[str, ...] = ()
        """What it lists; where that is nothing, it knows no such question."""
        self.connections = 0
        """Those that are open."""
        self.now = self.most = 0
        """Requests that are being answered, and the most there ever were."""
        self.lock = threading.Lock()

    def process_request(self, *arguments: Any) -> None:
        with self.lock:
            self.connections += 1
        super().process_request(*arguments)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.lock:
            self.connections -= 1

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the tests."""


def patience(name: str, hanging: str) -> float:
    """Seconds that a reply may take: few only where none will come."""
    return 1.0 if name == hanging else 60.0


def engine_at(server: Server | str, **options: Any) -> OpenAIEngine:
    url = server if isinstance(server, str) else f"http://127.0.0.1:{server.server_port}/v1"
    return OpenAIEngine(
        "tiny",
        {"engine": "openai", "model": "tiny"},
        base_url=url,
        api_key_env="TEACHER_KEY",
        options=OpenAIOptions(**{"timeout": 60.0, "retries": 2} | options),
    )


def completion(texts: list[str | None], finish: str | None = "stop", tokens: int = 6) -> bytes:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": finish}
        for i, t in enumerate(texts)
    ]
    usage = {"prompt_tokens": 11, "completion_tokens": tokens, "total_tokens": 11 + tokens}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": choices, "usage": usage}).encode()


def well(server: Server, handler: Handler, body: Body) -> None:
    handler.send(200, completion([f"text {body['seed']}.{i}" for i in range(body.get("n", 1))]))


def request(*keys: str, id: str = "r", **sampling: Any) -> Request:
    messages = (Message("system", "Be brief."), Message("user", f"Say {id}."))
    return Request(id, messages, Sampling(**sampling), keys)


def ask(engine: OpenAIEngine, *keys: str, **sampling: Any) -> tuple[Completion, ...]:
    engine.submit(request(*keys, **sampling))
    ((_, completions),) = engine.poll()
    assert tuple(c.key for c in completions) == keys
    return completions


def first_then(first: Behaviour, then: Behaviour = well) -> Behaviour:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        (first if len(server.bodies) == 1 else then)(server, handler, body)

    return behave


def hang(server: Server, handler: Handler, body: Body) -> None:
    """Answer nothing until whoever asks has gone."""
    with contextlib.suppress(OSError):
        handler.connection.recv(1)


def reset(server: Server, handler: Handler, body: Body) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()
    handler.close_connection = True


def cut_short(server: Server, handler: Handler, body: Body) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(completion(["x"])[:40])
    handler.close_connection = True
