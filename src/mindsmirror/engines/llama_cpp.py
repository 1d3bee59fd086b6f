"""Any GGUF file through llama.cpp's server, in this process (package `xllamacpp`).

Samples are decoded together in slots, and a slot keeps its last prompt, so that the beginning that the next prompt
shares with it is not read again. Each slot has a thread here, which hands it one sample after the other. A sample's
seed follows from its own key, whichever other samples are asked for. What else is in the batch may still change a
token, so a run can be resumed but not replayed, as with every engine that batches. The first request of a shared
prefix has its prompt read into all slots, once, before the others start.

The package always opens a port: on the loopback device, with a random key. A thread that Python stops inside llama.cpp
aborts the process, so an engine that was not closed is closed before Python ends. Replies are streamed so that they can
be broken off.
"""

import hashlib
import mmap
import queue
import secrets
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.base import ALTERNATIVES, Alternative, Completion, Finish, Request, seed_of
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.engines.in_flight import InFlight
from mindsmirror.engines.local import LocalEngine
from mindsmirror.errors import EngineError

SILENT = -1
"""The verbosity at which llama.cpp writes nothing to stderr."""


class LlamaCppOptions(Options):
    """Parameters of the engine `llama_cpp`."""

    neutral = frozenset({"slots", "context", "threads", "gpu_layers"})
    slots: int = Field(8, ge=1, le=limits.TOGETHER, description="samples decoded together")
    context: int = Field(
        4096, ge=256, le=limits.TOKENS, description="tokens that prompt and reply of a sample may have"
    )
    threads: int | None = Field(None, ge=1, le=limits.THREADS, description="of the CPU; all of its cores if absent")
    gpu_layers: int | None = Field(
        None, ge=0, le=limits.LAYERS, description="layers on the GPU; as many as fit if absent"
    )


@dataclass
class _Sample:
    """One sample to be drawn."""

    parent: InFlight
    key: str
    ready: threading.Event | None
    """Set once all slots hold the prefix that the prompt shares with others; None if it shares none."""
    leads: bool
    """Whether it is this sample that has them hold it."""


class LlamaCppEngine(LocalEngine):
    """Completes prompts in this process; `poll` waits until a request has ended."""

    purpose = "any GGUF file in this process, also those that OpenVINO cannot read"
    options = LlamaCppOptions
    package, extra = "xllamacpp", "llama-cpp"
    may_crash = True

    @classmethod
    def load(cls, config: TeacherConfig) -> Self:
        """The engine with the teacher's model in memory."""
        options = LlamaCppOptions.model_validate(config.parameters)
        return cls(Path(cls.source(config)), cls.identity_of(config), options=options)

    def __init__(self, model: Path, identity: Mapping[str, Any], *, options: LlamaCppOptions | None = None) -> None:
        options = options or LlamaCppOptions()
        self.identity = identity
        self.capacity = 2 * options.slots
        self._slots = _Slots(_open(model, options), options.slots)
        self._prefixes: dict[str, threading.Event] = {}
        self._owed = 0
        # Runs at the exit of the program at the latest, when threads still can.
        self._close = weakref.finalize(self, self._slots.close)

    def submit(self, request: Request) -> None:
        """Queue the request's samples; RuntimeError once the engine is closed."""
        if not self._close.alive:
            raise RuntimeError("the engine is closed")
        pending, leads = InFlight(request), False
        ready = None
        if request.shared:
            prefix = repr(request.messages[: request.shared]).encode("utf-8", "surrogatepass")
            address = hashlib.sha256(prefix).hexdigest()
            leads = address not in self._prefixes
            ready = self._prefixes.setdefault(address, threading.Event())
        self._owed += 1
        if not request.keys:
            self._slots.ended.put(pending)
        for number, key in enumerate(dict.fromkeys(request.keys)):
            self._slots.waiting.put(_Sample(pending, key, ready, leads and number == 0))

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Wait for at least one request to end; empty if none is in flight."""
        ended: list[InFlight] = []
        while self._owed and (not ended or not self._slots.ended.empty()):
            ended.append(self._slots.ended.get())
            self._owed -= 1
        return [(each.request, each.completions) for each in ended]

    def ready(self) -> bool:
        """Whether a request has ended since the last poll."""
        return not self._slots.ended.empty()

    def close(self) -> None:
        """Break off what is being written, end the threads and free the model."""
        self._close()
        self._owed = 0


class _Slots:
    """llama.cpp's server, and a thread for each of its slots; none of them knows the engine, so that it can end."""

    def __init__(self, server: Any, count: int) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._arriving = threading.Lock()
        self.waiting: queue.SimpleQueue[_Sample | None] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[InFlight] = queue.SimpleQueue()
        # Daemons: for other threads Python waits before it runs what would end them.
        self._threads = [threading.Thread(target=self._serve, name="llama.cpp slot", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the threads, which takes as long as a token or the reading of a prompt, and free the model."""
        self._stopping.set()
        for _ in self._threads:
            self.waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._server = None

    def _serve(self) -> None:
        while (sample := self.waiting.get()) is not None:
            if self._stopping.is_set():
                continue
            try:
                self._share(sample)
                request = sample.parent.request
                made = read_stream(sample.key, request, self._stream(body_of(request, sample.key)))
            # A reply that cannot be had is data, and a thread that ended would leave `poll` waiting for ever.
            except Exception as error:
                made = Completion(sample.key, "", Finish.FAILED, error=f"llama.cpp: {error}")
            with self._arriving:
                sample.parent.arrived[sample.key] = made
                whole = sample.parent.whole
            if whole:
                self.ended.put(sample.parent)

    def _share(self, sample: _Sample) -> None:
        """Have all slots hold the sample's shared prefix, or wait until they do."""
        if sample.ready is None:
            return
        if not sample.leads:
            while not (sample.ready.wait(timeout=0.05) or self._stopping.is_set()):
                pass
            return
        try:
            # Of several choices the server reads the prompt once and copies what it has read.
            self._stream(body_of(sample.parent.request, sample.key) | {"n": len(self._threads), "max_tokens": 1})
        finally:
            sample.ready.set()

    def _stream(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        chunks: list[dict[str, Any]] = []

        def take(chunk: dict[str, Any]) -> bool:
            chunks.append(chunk)
            return self._stopping.is_set()

        if not self._stopping.is_set():
            self._server.handle_chat_completions(dict(body), take)
        return chunks


def body_of(request: Request, key: str) -> dict[str, Any]:
    """The chat completion's request for one sample."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # Its own chain would cut by top-k and min-p, and by top-p before the temperature.
        "samplers": ["temperature", "top_p"],
        "seed": seed_of(key),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.choices:
        body |= {"max_tokens": 1, "logprobs": True, "top_logprobs": ALTERNATIVES}
    return body


def read_stream(key: str, request: Request, chunks: Sequence[Mapping[str, Any]]) -> Completion:
    """The completion that the chunks of a stream are; a failed one if they hold an error or break off."""
    text, finish, usage = "", None, None
    alternatives: tuple[Alternative, ...] = ()
    for chunk in chunks:
        if "error" in chunk:
            error = chunk["error"]
            message = str(error.get("message", error) if isinstance(error, dict) else error)
            if "n_ctx" in error:
                message += "; the engine's parameter `context` gives a sample more room"
            return Completion(key, "", Finish.FAILED, error=message)
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            text += choice["delta"].get("content") or ""
            finish = choice.get("finish_reason") or finish
            weighed = (choice.get("logprobs") or {}).get("content")
            if weighed and not alternatives:
                alternatives = tuple(Alternative(a["token"], a["logprob"]) for a in weighed[0]["top_logprobs"])
    if finish is None or usage is None:
        return Completion(key, "", Finish.FAILED, error="llama.cpp broke the reply off")
    written, room = usage["completion_tokens"], 1 if request.sampling.choices else request.sampling.max_tokens
    if finish == "length" and written < room:
        # What is cut by the size of a slot would not be cut by another, so it is not kept.
        read = usage["prompt_tokens"]
        reason = (
            f"the prompt's {read} tokens and max_tokens {room} do not fit; the engine's parameter `context` is small"
        )
        return Completion(key, "", Finish.FAILED, error=reason)
    return Completion(
        key=key,
        text=text,
        finish=Finish.LENGTH if finish == "length" else Finish.STOP,
        tokens_in=usage["prompt_tokens"] if key == request.keys[0] else 0,
        tokens_out=written,
        alternatives=alternatives,
    )


def _open(model: Path, options: LlamaCppOptions) -> Any:
    """The server with the model loaded; MissingExtraError or EngineError if that cannot be."""
    try:
        import xllamacpp
    except ImportError as error:
        raise LlamaCppEngine.missing() from error
    _check(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel = options.slots
    params.n_ctx = options.slots * options.context
    if options.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    if options.gpu_layers is not None:
        params.n_gpu_layers = options.gpu_layers
    # The text as it is: nothing is taken out of it as thinking or as a call of a tool.
    params.force_pure_content_parser = True
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    # Prompts are kept in the slots; by default up to 8 GiB of further ones would be.
    params.cache_ram_mib, params.cache_idle_slots = 0, False
    params.hostnames, params.api_keys = ["127.0.0.1"], [secrets.token_hex(32)]
    params.ui = params.endpoint_slots = False
    params.n_threads_http = 1
    params.verbosity = SILENT
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise EngineError(
            f"llama.cpp cannot load {model}: the file is damaged, of an architecture that xllamacpp "
            f"{xllamacpp.__version__} does not know, or too large for the memory ({error})"
        ) from error


def _check(model: Path) -> None:
    """EngineError if it is not a GGUF file, or has no chat template: llama.cpp would then take one of its own."""
    try:
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[:4] != b"GGUF":
                raise EngineError(f"llama.cpp cannot load {model}: it is not a GGUF file")
            if content.find(b"tokenizer.chat_template") < 0:
                raise EngineError(f"{model} has no chat template: as a teacher, take a model trained to follow one")
    except (OSError, ValueError) as error:
        raise EngineError(f"llama.cpp cannot read {model}: {error}") from error
