"""Batches of prompts through Hugging Face Transformers: any causal model from the hub, a folder or a GGUF file.

Samples are generated `batch` at a time, padded on the left, and a batch lasts as long as its longest sample.
The random state is set from the key of a batch's first sample, so a text depends on what else is in its
batch: a run can be resumed but not replayed, as with every engine that batches.
"""

import gc
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.base import ALTERNATIVES, Alternative, Completion, Finish, Message, Request, Sampling, seed_of
from mindsmirror.engines.chat import foreign_code, prompt_ids
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.engines.in_flight import InFlight
from mindsmirror.engines.local import LocalEngine
from mindsmirror.errors import EngineError
from mindsmirror.models.chat_template import check_tokenizer
from mindsmirror.system import hardware


class TransformersOptions(Options):
    """Parameters of the engine `transformers`."""

    neutral = frozenset({"batch"})
    batch: int = Field(16, ge=1, le=limits.TOGETHER, description="samples generated together")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of weights and computation; auto: as the model and the device allow"
    )
    revision: str = Field("main", description="of a hub id")
    trust_remote_code: bool = Field(False, description="runs code from the model's repository")


@dataclass(eq=False)
class _Prompted(InFlight):
    """A request in flight, and the ids of its prompt."""

    prompt: list[int] = field(kw_only=True)


class Followed(NamedTuple):
    """A reply of another engine as this model reads it, token by token; its end counts as one, if it came to it."""

    prompt_tokens: int
    agrees: tuple[bool, ...]
    """Whether the token is the model's own first choice."""
    gaps: tuple[float, ...]
    """By how much the token's log-probability lies below that of the first choice, in nats."""


class TransformersEngine(LocalEngine):
    """Completes prompts in this process; `poll` generates batches until a request ends."""

    purpose = "any causal model of the hub or a folder in this process, with nothing more to install"
    options = TransformersOptions
    takes_hub_ids = True

    @classmethod
    def load(cls, config: TeacherConfig) -> Self:
        """The engine with the teacher's model in memory."""
        options = TransformersOptions.model_validate(config.parameters)
        return cls(cls.source(config), cls.identity_of(config), options=options)

    def __init__(
        self, source: str | Path, identity: Mapping[str, Any], *, options: TransformersOptions | None = None
    ) -> None:
        self.identity = identity
        self._options = options or TransformersOptions()
        self.capacity = 2 * self._options.batch
        self._model, self._tokenizer = _load(source, self._options)
        self._window = getattr(self._model.config, "max_position_embeddings", None)
        self._stops = _stops(self._model, self._tokenizer)
        self._ended: list[tuple[Request, tuple[Completion, ...]]] = []
        self._waiting: deque[tuple[_Prompted, str]] = deque()

    def submit(self, request: Request) -> None:
        """Queue the request's samples; one that the model's window cannot hold has failed already."""
        try:
            prompt = prompt_ids(self._tokenizer, request.messages)
        except ValueError as error:
            self._refuse(request, str(error))
            return
        if self._window is not None and len(prompt) + request.sampling.max_tokens > self._window:
            need = f"{len(prompt)} tokens and max_tokens {request.sampling.max_tokens}"
            self._refuse(request, f"the prompt's {need} do not fit the model's window of {self._window}")
            return
        if not request.keys:
            self._ended.append((request, ()))
        pending = _Prompted(request, prompt=prompt)
        self._waiting.extend((pending, key) for key in request.keys)

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Generate batches until at least one request has ended."""
        while self._waiting and not self._ended:
            self._generate(self._next_batch())
        ended, self._ended = self._ended, []
        return ended

    def follow(self, messages: Sequence[Message], reply: Completion) -> Followed:
        """Read a reply to the messages that another engine wrote, each token given all those before it.

        The reply is taken apart anew, so the last token of one that was cut short is left out: what it would have
        been part of is not known. Empty for a reply of which nothing is left.
        """
        import torch

        prompt = prompt_ids(self._tokenizer, messages)
        written = self._tokenizer(reply.text.rstrip("\ufffd"), add_special_tokens=False)["input_ids"]
        ended = reply.finish is Finish.STOP
        written = written if ended else written[:-1]
        ids = torch.tensor([[*prompt, *written]], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, logits_to_keep=len(written) + 1).logits[0].float()
        best = logits.log_softmax(-1)
        top = best.max(-1).values
        taken = [best[place, token] for place, token in enumerate(written)]
        if ended:
            taken.append(best[len(written), self._stops].max())
        gaps = tuple(float(top[place] - value) for place, value in enumerate(taken))
        return Followed(len(prompt), tuple(gap == 0 for gap in gaps), gaps)

    def close(self) -> None:
        """Free the model."""
        self._waiting.clear()
        self._ended.clear()
        self._model = self._tokenizer = None
        gc.collect()

    def _refuse(self, request: Request, reason: str) -> None:
        failed = tuple(Completion(key, "", Finish.FAILED, error=reason) for key in request.keys)
        self._ended.append((request, failed))

    def _next_batch(self) -> list[tuple[_Prompted, str]]:
        """The oldest samples that are drawn alike; the others keep their order."""
        sampling = self._waiting[0][0].request.sampling
        batch: list[tuple[_Prompted, str]] = []
        others: list[tuple[_Prompted, str]] = []
        while self._waiting and len(batch) < self._options.batch:
            item = self._waiting.popleft()
            (batch if item[0].request.sampling == sampling else others).append(item)
        self._waiting.extendleft(reversed(others))
        return batch

    def _generate(self, batch: Sequence[tuple[_Prompted, str]]) -> None:
        import torch

        rows = [pending.prompt for pending, _ in batch]
        padded = self._tokenizer.pad({"input_ids": rows}, padding_side="left", return_tensors="pt")
        padded = padded.to(self._model.device)
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed_of(batch[0][1]))
            sampling = batch[0][0].request.sampling
            made = self._model.generate(
                input_ids=padded["input_ids"],
                attention_mask=padded["attention_mask"],
                generation_config=self._config(sampling),
            )
            weighed = self._alternatives(made.logits[0]) if sampling.choices else [()] * len(batch)
        written = made.sequences[:, padded["input_ids"].shape[1] :].tolist()
        for (pending, key), ids, alternatives in zip(batch, written, weighed, strict=True):
            pending.arrived[key] = self._completion(pending, key, ids, alternatives)
            if pending.whole:
                self._ended.append((pending.request, pending.completions))

    def _config(self, sampling: Sampling) -> Any:
        from transformers import GenerationConfig

        # What is left out would be filled from the model's own defaults: top-k, repetition penalties.
        drawn: dict[str, Any] = {"do_sample": sampling.temperature > 0, "repetition_penalty": 1.0}
        if sampling.temperature > 0:
            drawn |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        return GenerationConfig(
            max_new_tokens=1 if sampling.choices else sampling.max_tokens,
            eos_token_id=self._stops,
            pad_token_id=self._tokenizer.pad_token_id,
            return_dict_in_generate=True,
            output_logits=bool(sampling.choices),
            **drawn,
        )

    def _alternatives(self, logits_BV: Any) -> list[tuple[Alternative, ...]]:
        """The most likely tokens of each row, before any temperature."""
        import torch

        found = torch.log_softmax(logits_BV.float(), dim=-1).topk(min(ALTERNATIVES, logits_BV.shape[-1]))
        return [
            tuple(Alternative(self._tokenizer.decode([i]), p) for i, p in zip(ids, logprobs, strict=True))
            for ids, logprobs in zip(found.indices.tolist(), found.values.tolist(), strict=True)
        ]

    def _completion(
        self, pending: _Prompted, key: str, ids: list[int], alternatives: tuple[Alternative, ...]
    ) -> Completion:
        end = next((place for place, token in enumerate(ids) if token in self._stops), None)
        kept = ids if end is None else ids[:end]
        return Completion(
            key=key,
            text=self._tokenizer.decode(kept, skip_special_tokens=True),
            finish=Finish.LENGTH if end is None else Finish.STOP,
            tokens_in=len(pending.prompt) if key == pending.request.keys[0] else 0,
            tokens_out=len(ids) if end is None else end + 1,
            alternatives=alternatives,
        )


def _load(source: str | Path, options: TransformersOptions) -> tuple[Any, Any]:
    """Model and tokenizer; EngineError if Transformers cannot read them or there is no chat template."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    where, shared = source, {"trust_remote_code": options.trust_remote_code, "revision": options.revision}
    weights: dict[str, Any] = {"dtype": _dtype(options)}
    if isinstance(source, Path) and source.is_file():
        where, shared["gguf_file"] = source.parent, source.name
        # Weights left packed are unpacked in every product of every token: several times slower.
        weights["quantization_config"] = GgufConfig(dequantize=True)
    else:
        weights["use_safetensors"] = True  # never pickles
    try:
        with _no_bars():
            tokenizer = AutoTokenizer.from_pretrained(where, **shared)
            model = AutoModelForCausalLM.from_pretrained(where, **shared, **weights)
    # What a broken or foreign folder raises is no family of errors.
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise EngineError(foreign_code(source)) from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(f"Transformers cannot load {source}: {lines[0]}") from error
    if tokenizer.chat_template is None:
        raise EngineError(f"{source} has no chat template: as a teacher, take a model trained to follow one")
    check_tokenizer(tokenizer, str(source))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    stops = model.generation_config.eos_token_id
    model.generation_config = GenerationConfig(eos_token_id=stops, pad_token_id=tokenizer.pad_token_id)
    return model.eval().to(hardware.device()), tokenizer


@contextmanager
def _no_bars() -> Iterator[None]:
    """Leave stderr to our own progress."""
    from transformers.utils import logging

    hide = logging.is_progress_bar_enabled()
    if hide:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()


def _stops(model: Any, tokenizer: Any) -> list[int]:
    """Ids at which generation stops: those that the model names, and the tokenizer's end of sequence."""
    named = model.generation_config.eos_token_id
    ids = named if isinstance(named, list) else [named]
    return sorted({i for i in (*ids, tokenizer.eos_token_id) if i is not None})


def _dtype(options: TransformersOptions) -> Any:
    import torch

    return hardware.dtype("auto") if options.dtype == "auto" else getattr(torch, options.dtype)
