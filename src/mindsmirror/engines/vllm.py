"""vLLM in this process: continuous batching with a prefix cache on a GPU, for models of the hub or of a folder.

The package is no extra of ours: it pins another torch and an older Transformers than training is tested with, so it
wants an environment of its own, which annotates and does not train.

Written against vLLM 0.33. Its `LLMEngine` is stepped by hand, so that a request that ends can be followed by the next
one at once. The samples of a prompt are one request. Its seed is that of the first sample's key, and vLLM counts up
from it; what else is in the batch may turn a token, so a run can be resumed but not replayed.
"""

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.base import ALTERNATIVES, Alternative, Completion, Finish, Request, seed_of
from mindsmirror.engines.chat import foreign_code, prompt_ids
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.engines.local import LocalEngine
from mindsmirror.errors import EngineError, ModelFileError
from mindsmirror.models import catalogue
from mindsmirror.models.chat_template import check_tokenizer
from mindsmirror.system.files import expanded
from mindsmirror.system.hardware import device

FAULTS = {"abort": "vLLM gave the request up", "error": "vLLM failed at the request"}
"""Reasons for which a sequence ends without being a reply."""


class VLLMOptions(Options):
    """Parameters of the engine `vllm`."""

    neutral = frozenset({"in_flight", "gpu_memory", "context", "gpus"})
    in_flight: int = Field(256, ge=1, le=limits.TOGETHER, description="sequences decoded together")
    gpu_memory: float = Field(0.9, gt=0, le=1, description="share of the GPU's memory that may be taken")
    context: int | None = Field(
        None, ge=256, le=limits.TOKENS, description="tokens of prompt and reply; the model's own if absent"
    )
    gpus: int = Field(1, ge=1, le=limits.GPUS, description="over which each layer is spread")
    dtype: Literal["auto", "float16", "float32", "bfloat16"] = Field(
        "auto", description="of weights and computation; auto: as the model and the device allow"
    )
    revision: str = Field("main", description="of a hub id")
    trust_remote_code: bool = Field(False, description="runs code from the model's repository")


class VLLMEngine(LocalEngine):
    """Completes prompts in this process; `poll` steps the model until a request ends."""

    purpose = "models of the hub or a folder on a GPU of this machine; wants an environment of its own"
    options = VLLMOptions
    package = "vllm"
    takes_hub_ids = True

    @classmethod
    def check(cls, config: TeacherConfig) -> None:
        """EngineError, before anything is fetched, if the model is a GGUF file: vLLM reads none."""
        if config.model in catalogue.entries() or expanded(config.path or config.model).is_file():
            raise EngineError(
                f"the engine vllm reads no GGUF file, which {config.model} is: name a folder or an id on the hub, "
                'or use engine = "llama_cpp"'
            )

    @classmethod
    def load(cls, config: TeacherConfig) -> Self:
        """The engine with the teacher's model on the GPU."""
        options = VLLMOptions.model_validate(config.parameters)
        return cls(cls.source(config), cls.identity_of(config), options=options)

    def __init__(self, source: str | Path, identity: Mapping[str, Any], *, options: VLLMOptions | None = None) -> None:
        options = options or VLLMOptions()
        self.identity = identity
        self.capacity = options.in_flight
        self._engine = _open(source, options)
        self._tokenizer = self._engine.get_tokenizer()
        if self._tokenizer.chat_template is None:
            self.close()
            raise EngineError(f"{source} has no chat template: as a teacher, take a model trained to follow one")
        try:
            check_tokenizer(self._tokenizer, str(source))
        except ModelFileError:
            self.close()
            raise
        self._window = int(self._engine.model_config.max_model_len)
        self._running: dict[str, Request] = {}
        self._ended: list[tuple[Request, tuple[Completion, ...]]] = []
        self._next_id = 0

    def submit(self, request: Request) -> None:
        """Hand the request over; one that the model's window cannot hold has failed already."""
        from vllm import SamplingParams
        from vllm.inputs import tokens_input
        from vllm.sampling_params import RequestOutputKind

        if self._engine is None:
            raise RuntimeError("the engine is closed")
        if not request.keys:
            self._ended.append((request, ()))
            return
        try:
            ids = prompt_ids(self._tokenizer, request.messages)
            check_window(len(ids), request, self._window)
            params = SamplingParams(**sampling_fields(request), output_kind=RequestOutputKind.FINAL_ONLY)
            # Ids of the caller may repeat: vLLM's are counted up.
            self._next_id += 1
            self._engine.add_request(str(self._next_id), tokens_input(ids), params)
        except ValueError as error:  # vLLM's own refusals are ValueErrors, too
            self._ended.append((request, _failed(request, str(error))))
        else:
            self._running[str(self._next_id)] = request

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Step the model until at least one request has ended."""
        from vllm.v1.engine.exceptions import EngineDeadError

        while self._running and not self._ended:
            try:
                outputs = self._engine.step()
            except (EngineDeadError, RuntimeError) as error:
                raise EngineError(f"vLLM has stopped: {error}. What has come is kept.") from error
            for output in outputs:
                if output.finished:
                    request = self._running.pop(output.request_id)
                    self._ended.append((request, completions_of(request, output)))
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Drop what is in flight, and give back the GPU's memory and vLLM's processes."""
        if self._engine is not None:
            self._engine.engine_core.shutdown()
        self._engine = self._tokenizer = None
        self._running, self._ended = {}, []
        gc.collect()


def sampling_fields(request: Request) -> dict[str, Any]:
    """The request's sampling as arguments of vLLM's `SamplingParams`.

    Greedy samples are all the same, and vLLM refuses to draw more than one.
    """
    sampling = request.sampling
    weighed = bool(sampling.choices)
    return {
        "n": 1 if sampling.temperature == 0 or weighed else len(request.keys),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": 1 if weighed else sampling.max_tokens,
        "seed": seed_of(request.keys[0]),
        "logprobs": ALTERNATIVES if weighed else None,
    }


def check_window(tokens: int, request: Request, window: int) -> None:
    """ValueError if prompt and reply do not fit: vLLM would cut the reply as if it had run on."""
    room = 1 if request.sampling.choices else request.sampling.max_tokens
    if tokens + room > window:
        need = f"{tokens} tokens and max_tokens {room}"
        raise ValueError(f"the prompt's {need} do not fit the model's window of {window}")


def completions_of(request: Request, output: Any) -> tuple[Completion, ...]:
    """The samples of a finished `RequestOutput`; a single sequence is that of all keys."""
    sequences = sorted(output.outputs, key=lambda sequence: sequence.index)
    found = []
    for number, key in enumerate(request.keys):
        sequence = sequences[number if len(sequences) > 1 else 0]
        fault = FAULTS.get(sequence.finish_reason)
        found.append(
            Completion(
                key=key,
                text="" if fault else sequence.text,
                finish=_finish(sequence.finish_reason),
                tokens_in=len(output.prompt_token_ids) if number == 0 else 0,
                tokens_out=len(sequence.token_ids) if number < len(sequences) else 0,
                error=fault or "",
                alternatives=_alternatives(sequence) if request.sampling.choices and not fault else (),
            )
        )
    return tuple(found)


def _finish(reason: str) -> Finish:
    if reason in FAULTS:
        return Finish.FAILED
    return Finish.LENGTH if reason == "length" else Finish.STOP


def _alternatives(sequence: Any) -> tuple[Alternative, ...]:
    """The tokens that vLLM gives for the first place, most likely first."""
    first = sequence.logprobs[0].values()
    return tuple(
        Alternative(each.decoded_token or "", each.logprob)
        for each in sorted(first, key=lambda each: each.logprob, reverse=True)
    )


def _failed(request: Request, reason: str) -> tuple[Completion, ...]:
    return tuple(Completion(key, "", Finish.FAILED, error=reason) for key in request.keys)


def _open(source: str | Path, options: VLLMOptions) -> Any:
    """vLLM with the model loaded; MissingExtraError without the package, EngineError without a GPU."""
    try:
        from vllm import EngineArgs, LLMEngine
    except ImportError as error:
        raise VLLMEngine.missing() from error
    if device() != "cuda":
        raise EngineError(
            "the engine vllm needs a GPU, and torch finds none here. "
            'Use engine = "openvino", "llama_cpp" or "transformers" on this machine, or vLLM\'s server on another.'
        )
    try:
        return LLMEngine.from_engine_args(
            EngineArgs(
                model=str(source),
                revision=None if isinstance(source, Path) else options.revision,
                load_format="safetensors",  # never pickles
                dtype=options.dtype,
                trust_remote_code=options.trust_remote_code,
                max_model_len=options.context,
                max_num_seqs=options.in_flight,
                gpu_memory_utilization=options.gpu_memory,
                tensor_parallel_size=options.gpus,
                enable_prefix_caching=True,
                disable_log_stats=True,
            )
        )
    except (OSError, ValueError, RuntimeError) as error:
        if "trust_remote_code" in str(error):
            raise EngineError(foreign_code(source)) from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(f"vLLM cannot load {source}: {lines[0]}") from error
