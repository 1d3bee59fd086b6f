"""The engine itself: `submit` and `poll` on one side, an asyncio loop in a thread of its own on the other.

Requests cross over to the loop by a queue, and what has ended comes back by another.
"""

import asyncio
import os
import queue
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from mindsmirror.engines.address import public_url
from mindsmirror.engines.base import Completion, Request
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.openai.endpoint import Endpoint
from mindsmirror.engines.openai.options import DEFAULT_BASE_URL, OpenAIOptions
from mindsmirror.engines.openai.scheduler import Charged, Scheduler
from mindsmirror.engines.openai.transport import Transport
from mindsmirror.engines.plugin import EngineBase, Probe

CLOSING = 2.0
"""Seconds that `close` gives the connections to end."""


class OpenAIEngine(EngineBase):
    """Completes prompts at `base_url`; the key is read from the environment and kept out of all texts."""

    purpose = "any OpenAI-compatible server: OpenAI and other providers, or vLLM, SGLang, llama.cpp, Ollama of your own"
    options = OpenAIOptions

    @classmethod
    def identity_of(cls, config: TeacherConfig) -> Mapping[str, Any]:
        """The model's name, the address without secrets, and the parameters that change what is written."""
        return {**super().identity_of(config), "base_url": public_url(cls.address(config))}

    @classmethod
    def open(cls, config: TeacherConfig) -> Self:
        """The engine with a connection pool; nothing is sent yet."""
        options = OpenAIOptions.model_validate(config.parameters)
        return cls(
            config.model,
            cls.identity_of(config),
            base_url=cls.address(config),
            api_key_env=config.api_key_env,
            options=options,
        )

    @classmethod
    def address(cls, config: TeacherConfig) -> str:
        """What the recipe says, or the environment, or OpenAI itself."""
        return config.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL

    @classmethod
    def probe(cls, config: TeacherConfig) -> Probe:
        """What the endpoint does, by a handful of tiny samples; EngineError if it cannot be used."""
        from mindsmirror.engines.openai.probe import probe

        options = OpenAIOptions.model_validate(config.parameters)
        return probe(config.model, cls.address(config), config.api_key_env, options)

    def __init__(
        self,
        model: str,
        identity: Mapping[str, Any],
        *,
        base_url: str,
        api_key_env: str = "OPENAI_API_KEY",
        options: OpenAIOptions | None = None,
    ) -> None:
        self.identity = identity
        options = options or OpenAIOptions()
        self._endpoint = Endpoint(model, base_url, api_key_env, options)
        secret = self._endpoint.secret
        self._transport = Transport(base_url, secret, connections=options.concurrency, timeout=options.timeout)
        self._ended: queue.SimpleQueue[Charged | BaseException | None] = queue.SimpleQueue()
        self._scheduler = Scheduler(self._endpoint, self._transport, options, self._ended.put)
        self._submitted: deque[Request] = deque()
        self._woken = self._closed = False
        self._owed, self._widest = 0, 1
        self._fatal: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._report)
        # A daemon, so that a request that hangs does not keep the program from ending.
        self._thread = threading.Thread(target=self._serve, name="openai engine", daemon=True)
        self._thread.start()

    @property
    def capacity(self) -> int:
        """The number of HTTP requests at once and half as many to follow, times the samples that one brings."""
        limit = self._scheduler.pace.limit
        return (limit + (limit + 1) // 2) * (self._widest if self._endpoint.takes_n else 1)

    def submit(self, request: Request) -> None:
        """Hand the request to the loop; RuntimeError once the engine is closed."""
        if self._closed:
            raise RuntimeError("the engine is closed")
        self._owed += 1
        self._widest = max(self._widest, len(request.keys))
        self._submitted.append(request)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._accept)

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Wait for at least one request to end; EngineError once the endpoint proves unusable."""
        ended: list[Charged] = []
        while self._fatal is None and (not self._ended.empty() or (self._owed and not ended)):
            item = self._ended.get()
            if isinstance(item, BaseException):
                self._fatal = item
            elif item is None:
                self._owed = 0
            else:
                self._owed -= 1
                ended.append(item)
        if self._fatal is not None and not ended:
            raise self._fatal
        return [(pending.request, pending.completions) for pending in ended]

    def ready(self) -> bool:
        """Whether something has ended since the last poll."""
        return self._fatal is not None or not self._ended.empty()

    def close(self) -> None:
        """Stop asking; replies that are still on their way are dropped."""
        if not self._closed:
            self._closed = True
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSING + 1)
            self._owed = 0
            self._ended.put(None)

    def _serve(self) -> None:
        try:
            self._loop.run_forever()
            for task in self._scheduler.tasks:
                task.cancel()
            self._loop.run_until_complete(self._hang_up())
        except BaseException as error:  # a thread's failure must reach whoever polls
            self._ended.put(error)
        finally:
            self._loop.close()

    async def _hang_up(self) -> None:
        if self._scheduler.tasks:
            await asyncio.wait(self._scheduler.tasks, timeout=CLOSING / 2)
        async with asyncio.timeout(CLOSING / 2):
            await self._transport.close()

    def _accept(self) -> None:
        """Take over what was submitted."""
        self._woken = False
        requests = []
        while self._submitted:
            requests.append(self._submitted.popleft())
        self._scheduler.take(requests)

    def _report(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell the caller of a callback that failed; of a broken connection its own request will know."""
        if "handle" in context and isinstance(context.get("exception"), BaseException):
            self._ended.put(context["exception"])
