"""Two endpoints in one recipe work side by side: the fast one is not left idle while a reply of the slow one is due."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from unit.engines.loopback import SECRET, Body, Handler, Server, completion

from mindsmirror.annotation.store import Store
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.engines.base import Completion, Request
from mindsmirror.engines.openai import OpenAIEngine
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.scripted import ScriptedEngine

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

QUESTIONS = 16


def until(so: Callable[[], bool], fault: str) -> None:
    """Wait for something that other threads bring about, a minute at most."""
    limit = time.monotonic() + 60
    while not so():
        assert time.monotonic() < limit, fault
        time.sleep(0.002)


@dataclass
class Endpoint:
    """A loopback server that bears so many requests; a slow one answers none before a fast one has had as many.

    The requests of a question are made together, so the fast one can have as many without a reply of the slow one. The
    first request of a prompt's beginning goes alone; the second is not answered before the slow one has a third, which
    comes only if more than one is sent at once.
    """

    concurrency: int
    fast: "Endpoint | None" = None
    server: Server = field(default_factory=Server)

    def reply(self, server: Server, handler: Handler, body: Body) -> None:
        if self.fast is not None:
            own, asked = server.bodies, self.fast.server.bodies
            enough = len(own)
            until(lambda: enough == 1 or len(own) > 2, "the slow one has one request at a time")
            until(lambda: len(asked) >= enough, "the fast one is left idle")
        handler.send(200, completion(["They are eight. The answer is 8."] * body.get("n", 1)))

    def teacher(self, name: str) -> Teacher:
        identity = {"engine": "openai", "model": name}
        url = f"http://127.0.0.1:{self.server.server_port}/v1"
        options = OpenAIOptions(concurrency=self.concurrency, timeout=60)
        return Teacher(name, identity, lambda: OpenAIEngine(name, identity, base_url=url, options=options))


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Endpoint, Endpoint]]:
    """A slow one that bears four requests, and a fast one that bears a single one."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    fast = Endpoint(1)
    pair = Endpoint(4, fast), fast
    with ExitStack() as opened:
        for endpoint in pair:
            endpoint.server.behaviour = endpoint.reply
            opened.enter_context(endpoint.server)
            threading.Thread(target=endpoint.server.serve_forever, args=(0.01,), daemon=True).start()
        yield pair
        for endpoint in pair:
            endpoint.server.shutdown()


def test_neither_endpoint_waits_for_the_other(lab: "Lab", endpoints: tuple[Endpoint, Endpoint]) -> None:
    slow, fast = endpoints
    with Store(lab.path) as store:
        annotator = lab.annotator(store, k=1, m=0, teacher=slow.teacher("slow"), others=[fast.teacher("fast")])
        assert len(list(annotator.run(("train", example) for example in lab.sums(QUESTIONS)))) == QUESTIONS
    assert 1 < slow.server.most <= 4 and fast.server.most == 1
    assert [len(endpoint.server.bodies) for endpoint in endpoints] == [QUESTIONS, QUESTIONS]


def test_an_engine_that_is_ready_is_polled_while_another_waits(lab: "Lab") -> None:
    prompt = lab.teacher(name="prompt")

    class Late(ScriptedEngine):
        """Has a reply once the other engine has given all of its own."""

        def ready(self) -> bool:
            return lab.engines[0].served == 4

        def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
            assert self.ready(), "it was waited for"
            return super().poll()

    identity = {"engine": "scripted", "model": "late"}
    late = Teacher("late", identity, lambda: Late(identity=identity))
    found = lab.annotate(lab.sums(4), k=1, m=0, teacher=late, others=[prompt])
    assert [{r.teacher for r in annotation.rationales} for annotation in found.values()] == [{"late", "prompt"}] * 4
