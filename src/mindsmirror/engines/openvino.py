"""The embedded teacher on a CPU: OpenVINO GenAI's continuous batching over a GGUF file or an OpenVINO folder.

Three things make it fast; each avoids computing something twice. Samples of one prompt are one request and share
its cache. The few-shot prefix that prompts share is run once, alone, before the first request that has it. And
a prompt that continues an earlier one (a critique continues its rationale) finds the blocks that generation
left behind. Texts depend on what else is in the batch, so a live run can be resumed but not replayed.

A trap, seen with 2026.4.1 (docs/log.md): requests that restore the same partly filled block of the prefix cache
write into it together, and a question is then answered with the numbers of another. So the shared prefix is cut
to whole blocks, and requests start one a step, each prompt in one piece: then none finds another's partial block.

It tells no alternatives to a token, only how likely the drawn token was before any constraint. So each of a request's
choices is drawn once, by a grammar that allows nothing else; the prompt is found in the cache.
"""

import gc
import hashlib
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.base import Alternative, Completion, Finish, Message, Request, seed_of
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.engines.local import LocalEngine
from mindsmirror.errors import EngineError
from mindsmirror.system.openvino_settings import openvino_settings
from mindsmirror.system.signal_stack import signal_stack_kept

IN_FLIGHT = 96
"""Sequences decoded together: past this a 2-core machine gains nothing and the cache overflows."""
CACHE_GB = 1
BATCHED_TOKENS = 2048
"""Prompts up to this length are computed in one step."""
BLOCK = 32
"""Tokens in a block of the cache on a CPU."""


class OpenVINOOptions(Options):
    """Parameters of the engine `openvino`."""

    neutral = frozenset({"in_flight", "cache_gb"})
    in_flight: int | None = Field(None, ge=1, le=limits.TOGETHER, description="sequences decoded together")
    cache_gb: int | None = Field(None, ge=1, le=limits.CACHE_GB, description="size of the key-value cache")


@dataclass
class _Asked:
    """A request, and what is known of its choices."""

    request: Request
    weighed: list[Alternative] = field(default_factory=list)


@dataclass
class _Running:
    asked: _Asked
    handle: Any
    tokens_in: int
    choice: str | None
    """The one of the request's choices that is drawn; None where it has none."""


class OpenVINOEngine(LocalEngine):
    """Completes prompts in this process; `poll` runs the model until a request ends."""

    purpose = "GGUF files and OpenVINO models in this process, the fastest on a CPU; the default"
    options = OpenVINOOptions
    package = "openvino-genai"
    may_crash = True

    @classmethod
    def load(cls, config: TeacherConfig) -> Self:
        """The engine with the teacher's model in memory."""
        options = OpenVINOOptions.model_validate(config.parameters)
        return cls(Path(cls.source(config)), cls.identity_of(config), **options.model_dump(exclude_none=True))

    def __init__(
        self,
        model: Path,
        identity: Mapping[str, Any],
        *,
        in_flight: int = IN_FLIGHT,
        cache_gb: int = CACHE_GB,
    ) -> None:
        try:
            import openvino
            import openvino_genai
        except ImportError as error:
            raise self.missing() from error
        self._genai, self._tensor = openvino_genai, openvino.Tensor
        self.identity = identity
        self.capacity = in_flight
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = cache_gb
        scheduler.enable_prefix_caching = True
        scheduler.max_num_seqs = in_flight
        scheduler.max_num_batched_tokens = BATCHED_TOKENS
        try:
            with signal_stack_kept():
                self._pipeline = openvino_genai.ContinuousBatchingPipeline(
                    str(model), scheduler, "CPU", openvino_settings()
                )
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot read the model {model}: {_first_line(error)}") from error
        self._tokenizer = self._pipeline.get_tokenizer()
        self._waiting: deque[tuple[_Asked, str | None]] = deque()
        self._running: dict[int, _Running] = {}
        self._warm: set[str] = set()
        # Duplicate request ids are accepted silently and mix up replies, so ids are only ever counted up.
        self._next_id = 0

    def submit(self, request: Request) -> None:
        """Queue the request; it starts with the next poll."""
        asked = _Asked(request)
        self._waiting.extend((asked, choice) for choice in request.sampling.choices or (None,))

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Run the model until at least one request has ended."""
        finished: list[tuple[Request, tuple[Completion, ...]]] = []
        while (self._running or self._waiting) and not finished:
            if self._waiting:
                self._start(*self._waiting.popleft())
            self._pipeline.step()
            finished = self._collect()
        return finished

    def close(self) -> None:
        """Free the model and its cache: training needs the memory."""
        self._waiting.clear()
        for running in self._running.values():
            running.handle.stop()
        self._running.clear()
        if hasattr(self, "_pipeline"):
            del self._tokenizer, self._pipeline
        gc.collect()

    def _start(self, asked: _Asked, choice: str | None) -> None:
        request, sampling = asked.request, asked.request.sampling
        self._warm_up(request.messages[: request.shared])
        ids = self._ids(request.messages, answer=True)
        if choice is None:
            config = self._config(sampling.max_tokens, sampling.temperature, sampling.top_p)
            # Of greedy samples, which are all the same, it draws no more than one.
            config.num_return_sequences = len(request.keys) if sampling.temperature > 0 else 1
            config.rng_seed = seed_of(request.keys[0])
        else:
            config = self._config(1, 0.0, 1.0)
            config.structured_output_config = self._genai.StructuredOutputConfig(regex=re.escape(choice))
            config.logprobs = 1
        handle = self._pipeline.add_request(self._next_id, ids, config)
        self._running[self._next_id] = _Running(asked, handle, ids.shape[1], choice)
        self._next_id += 1

    def _warm_up(self, prefix: tuple[Message, ...]) -> None:
        digest = hashlib.sha256(repr(prefix).encode("utf-8", "surrogatepass")).hexdigest()
        if not prefix or digest in self._warm:
            return
        self._warm.add(digest)
        tokens = self._ids(prefix, answer=False).data
        whole = tokens[:, : tokens.shape[1] // BLOCK * BLOCK]
        if whole.shape[1] == 0:
            return
        handle = self._pipeline.add_request(self._next_id, self._tensor(whole.copy()), self._config(1, 0.0, 1.0))
        self._next_id += 1
        while handle.get_status() == self._genai.GenerationStatus.RUNNING:
            self._pipeline.step()

    def _ids(self, messages: Sequence[Message], *, answer: bool) -> Any:
        history = [{"role": m.role, "content": m.content} for m in messages]
        text = self._tokenizer.apply_chat_template(history, add_generation_prompt=answer)
        return self._tokenizer.encode(text, add_special_tokens=False).input_ids

    def _config(self, max_tokens: int, temperature: float, top_p: float) -> Any:
        config = self._genai.GenerationConfig()
        config.set_eos_token_id(self._tokenizer.get_eos_token_id())
        config.max_new_tokens = max_tokens
        if temperature > 0:
            config.do_sample = True
            config.temperature = temperature
            config.top_p = top_p
        return config

    def _collect(self) -> list[tuple[Request, tuple[Completion, ...]]]:
        status = self._genai.GenerationStatus
        ended = [(i, r) for i, r in self._running.items() if r.handle.get_status() != status.RUNNING]
        replies = []
        for request_id, running in ended:
            del self._running[request_id]
            asked, outputs = running.asked, running.handle.read_all()
            if running.choice is None:
                replies.append((asked.request, self._completions(running, outputs)))
                continue
            # Of a prompt that does not fit the cache nothing comes.
            logprob = outputs[0].generated_log_probs[0] if outputs else -math.inf
            asked.weighed.append(Alternative(running.choice, logprob))
            if len(asked.weighed) == len(asked.request.sampling.choices):
                replies.append((asked.request, _weighed(asked, running.tokens_in)))
        return replies

    def _completions(self, running: _Running, outputs: Sequence[Any]) -> tuple[Completion, ...]:
        keys, drawn = running.asked.request.keys, len(outputs)
        if running.asked.request.sampling.temperature == 0:
            outputs = [*outputs] * len(keys)
        if len(outputs) < len(keys):
            return _too_long(keys, running.tokens_in)
        length = self._genai.GenerationFinishReason.LENGTH
        completions = []
        for index, (key, output) in enumerate(zip(keys, outputs, strict=True)):
            completions.append(
                Completion(
                    key=key,
                    text=self._tokenizer.decode(output.generated_ids),
                    finish=Finish.LENGTH if output.finish_reason == length else Finish.STOP,
                    tokens_in=running.tokens_in if index == 0 else 0,
                    tokens_out=len(output.generated_ids) if index < drawn else 0,
                )
            )
        return tuple(completions)


def _weighed(asked: _Asked, tokens_in: int) -> tuple[Completion, ...]:
    """The completions of a request whose choices are all weighed: the likeliest is its text."""
    keys = asked.request.keys
    if any(math.isinf(choice.logprob) for choice in asked.weighed):
        return _too_long(keys, tokens_in)
    ranked = tuple(sorted(asked.weighed, key=lambda choice: choice.logprob, reverse=True))
    return tuple(
        Completion(key, ranked[0].text, Finish.LENGTH, 0 if index else tokens_in, 1, alternatives=ranked)
        for index, key in enumerate(keys)
    )


def _too_long(keys: Sequence[str], tokens_in: int) -> tuple[Completion, ...]:
    reason = f"the prompt of {tokens_in} tokens does not fit the engine's cache"
    return tuple(Completion(key, "", Finish.FAILED, error=reason) for key in keys)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
