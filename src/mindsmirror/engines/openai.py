"""Any OpenAI-compatible chat completions server: OpenAI, vLLM, SGLang, llama.cpp, Ollama and others.

A fixed number of threads each keep one HTTP request going. The samples of a prompt are one HTTP request
(`n`) where the server allows it; where it refuses or returns fewer, single ones are sent from then on. What
may pass (429, 5xx, a lost connection, half a reply) is tried again with growing pauses, or after the time
that the server asks for. A sample that finally fails is a failed completion and takes no sibling along. An
endpoint that is down, or that refuses key or model, before anything has worked is an EngineError.
"""

import json
import os
import queue
import random
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mindsmirror.engines.base import Completion, EngineBase, Finish, Request, seed_of
from mindsmirror.engines.chat import MalformedError, Reply, completions_of, read_reply, retry_after
from mindsmirror.engines.config import OpenAIOptions, public_url
from mindsmirror.errors import EngineError

LONGEST_PAUSE = 600.0
"""Seconds: a server that asks for more is not waited for."""
LOST_IN_A_ROW = 2
"""Times the concurrency: after so many lost requests in a row the endpoint counts as gone."""


@dataclass
class _Pending:
    """A request, and its completions as far as they have arrived."""

    request: Request
    arrived: dict[str, Completion] = field(default_factory=dict)


class _Job(NamedTuple):
    """One HTTP request: some of a pending request's samples."""

    pending: _Pending
    keys: tuple[str, ...]
    refused: bool = False
    """The server refused these samples as part of more, or left them out."""


class OpenAIEngine(EngineBase):
    """Completes prompts at `base_url`; the key is read from the environment and kept out of all texts."""

    def __init__(
        self,
        model: str,
        identity: Mapping[str, Any],
        *,
        base_url: str,
        api_key_env: str = "OPENAI_API_KEY",
        options: OpenAIOptions | None = None,
    ) -> None:
        import openai

        self._openai = openai
        self.identity = identity
        self._model, self._key_variable = model, api_key_env
        self._public_url = public_url(base_url)
        self._options = options or OpenAIOptions()
        self._secret = os.environ.get(api_key_env, "").strip()
        if not self._secret.isascii():
            raise EngineError(f"the environment variable {api_key_env} holds what cannot be an API key")
        self._client = openai.OpenAI(
            api_key=self._secret or "none", base_url=base_url, timeout=self._options.timeout, max_retries=0
        )
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[_Pending | BaseException] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._in_flight = 0
        self._widest = 1
        self._worked, self._lost = False, 0
        self._takes_n = self._takes_seed = True
        self._limit = "max_tokens"
        self._fatal: BaseException | None = None
        # Daemons, so that a request that hangs does not keep the program from ending.
        for _ in range(self._options.concurrency):
            threading.Thread(target=self._work, daemon=True).start()

    @property
    def capacity(self) -> int:
        """The number of HTTP requests at once, times the samples that one of them brings."""
        return self._options.concurrency * (self._widest if self._takes_n else 1)

    def submit(self, request: Request) -> None:
        """Hand the request to the threads."""
        self._in_flight += 1
        self._widest = max(self._widest, len(request.keys))
        pending = _Pending(request)
        if not request.keys:
            self._ended.put(pending)
        for keys in self._portions(request.keys):
            self._jobs.put(_Job(pending, keys))

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Wait for at least one request to end; EngineError once the endpoint proves to be of no use."""
        ended: list[_Pending] = []
        while self._fatal is None and (not self._ended.empty() or (self._in_flight and not ended)):
            item = self._ended.get()
            if isinstance(item, BaseException):
                self._fatal = item
            else:
                self._in_flight -= 1
                ended.append(item)
        if self._fatal is not None and not ended:
            raise self._fatal
        return [(p.request, tuple(p.arrived[key] for key in p.request.keys)) for p in ended]

    def close(self) -> None:
        """Stop asking; replies that are still on their way are dropped."""
        self._closed.set()
        for _ in range(self._options.concurrency):
            self._jobs.put(None)
        self._client.close()

    def _portions(self, keys: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [keys] if self._takes_n and keys else [(key,) for key in keys]

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closed.is_set():
            try:
                self._do(job)
            except BaseException as error:  # a thread's failure must reach whoever polls
                self._ended.put(error)

    def _do(self, job: _Job) -> None:
        """Ask for the job's samples; those that do not come with the others are asked for one by one."""
        try:
            reply = self._ask(job)
        except (self._openai.OpenAIError, MalformedError, ValueError) as error:
            if len(job.keys) > 1 and getattr(error, "status_code", 0) in (400, 422):
                self._split(job, job.keys)
            else:
                self._fail(job, error)
            return
        self._worked, self._lost = True, 0
        self._takes_n = self._takes_n and not job.refused
        got, missing = job.keys[: len(reply.choices)], job.keys[len(reply.choices) :]
        self._arrive(job.pending, completions_of(got, reply))
        if missing:
            self._takes_n = False
            self._split(job, missing)

    def _split(self, job: _Job, keys: tuple[str, ...]) -> None:
        for key in keys:
            self._jobs.put(_Job(job.pending, (key,), refused=True))

    def _fail(self, job: _Job, error: Exception) -> None:
        if isinstance(error, self._openai.APIConnectionError):
            self._lost += 1
            if self._lost > LOST_IN_A_ROW * self._options.concurrency:
                raise self._useless("has gone away", error, "Is the server still running?") from None
        reason = self._reason(error)
        self._arrive(job.pending, [Completion(key, "", Finish.FAILED, error=reason) for key in job.keys])

    def _arrive(self, pending: _Pending, completions: Sequence[Completion]) -> None:
        with self._lock:
            pending.arrived |= {c.key: c for c in completions}
            whole = len(pending.arrived) == len(set(pending.request.keys))
        if whole:
            self._ended.put(pending)

    def _ask(self, job: _Job) -> Reply:
        """One reply, after as many attempts as the options allow."""
        attempt = 0
        while True:
            body = self._body(job)
            try:
                return self._attempt(job, body)
            except (self._openai.OpenAIError, MalformedError) as error:
                if self._adapts(error, body):
                    continue
                self._check_useless(error, attempt)
                pause = self._pause(error, attempt)
                if pause is None or self._closed.wait(pause):
                    raise
            attempt += 1

    def _body(self, job: _Job) -> dict[str, Any]:
        sampling = job.pending.request.sampling
        body: dict[str, Any] = {self._limit: sampling.max_tokens, "temperature": sampling.temperature}
        if self._takes_seed:
            body["seed"] = seed_of(job.keys[0])
        if len(job.keys) > 1:
            body["n"] = len(job.keys)
        if sampling.top_p < 1:
            body["top_p"] = sampling.top_p
        return body | self._options.extra

    def _attempt(self, job: _Job, body: Mapping[str, Any]) -> Reply:
        messages: Any = [{"role": m.role, "content": m.content} for m in job.pending.request.messages]
        try:
            response: object = self._client.chat.completions.create(
                model=self._model, messages=messages, extra_body=body
            )
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise MalformedError(f"the reply is not JSON: {error}") from error
        return read_reply(response)

    def _adapts(self, error: Exception, body: Mapping[str, Any]) -> bool:
        """Whether the server only refused the name of a field, which is left out from now on."""
        if getattr(error, "status_code", 0) not in (400, 422):
            return False
        if "max_completion_tokens" in str(error) and "max_tokens" in body:
            self._limit = "max_completion_tokens"
            return True
        if "seed" in body and "seed" not in self._options.extra and re.search(r"\bseed\b", str(error)):
            self._takes_seed = False
            return True
        return False

    def _check_useless(self, error: Exception, attempt: int) -> None:
        """Raise EngineError for what no other request will survive either."""
        status = getattr(error, "status_code", None)
        if status == 401 or (status == 403 and not self._worked):
            hint = f"Put a valid key for it into the environment variable {self._key_variable}."
            raise self._useless("refuses the API key", error, hint) from None
        if status == 404 and not self._worked:
            hint = "Check `model` against the models that it serves, and that `base_url` ends as it wants (/v1)."
            raise self._useless(f"does not know the model {self._model!r} or the path", error, hint) from None
        if getattr(error, "code", None) == "insufficient_quota":
            raise self._useless("has no money left on this key", error, "Top it up or use another one.") from None
        lost = isinstance(error, self._openai.APIConnectionError)
        if lost and not self._worked and attempt >= min(1, self._options.retries):
            raise self._useless("does not answer", error, "Is the server running, and is `base_url` right?") from None

    def _pause(self, error: Exception, attempt: int) -> float | None:
        """Seconds until the next attempt; None if there is to be none."""
        status = getattr(error, "status_code", None)
        if attempt >= self._options.retries or not (status is None or status in (408, 409, 429) or status >= 500):
            return None
        asked = retry_after(error)
        if asked is not None:
            return asked if asked <= LONGEST_PAUSE else None
        return float(min(0.5 * 2**attempt, 30.0) * random.uniform(0.75, 1.25))

    def _useless(self, what: str, error: Exception, hint: str) -> EngineError:
        # Raised `from None`: the client's own exception may quote the key.
        return EngineError(f"the endpoint {self._public_url} {what} ({self._reason(error)}). {hint}")

    def _reason(self, error: Exception) -> str:
        """The error in one line, without the key, which some servers repeat."""
        cause = f": {error.__cause__}" if error.__cause__ is not None and str(error.__cause__) else ""
        line = " ".join(f"{type(error).__name__}: {error}{cause}".split())[:400]
        return line.replace(self._secret, "***") if self._secret else line
