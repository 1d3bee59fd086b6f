"""The `[[teacher]]` table of a recipe: which model, by which engine, with which parameters.

Each engine's parameters are a model here rather than in the engine's own module, so that a recipe is
checked, and an identity computed, before anything heavy is imported.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mindsmirror import limits
from mindsmirror.engines.secrets import secret_in, secret_in_address
from mindsmirror.system.validation import in_words

EngineName = Literal["openvino", "openai", "llama_cpp", "transformers", "vllm", "recorded", "scripted"]
LIMITS = ("max_tokens", "max_completion_tokens")
"""Fields of a request's body that bound the tokens of each of its samples."""
ENGINES: tuple[str, ...] = get_args(EngineName)
DEFAULT_BASE_URL = "https://api.openai.com/v1"
"""Where an `openai` teacher is if neither recipe nor environment says it. Its server takes nobody without a key."""
WITHOUT_FILE = ("openai", "recorded", "scripted")
"""Engines whose models have no file on this machine."""


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(0.0, ge=0, le=limits.PRICE)
    output: float = Field(0.0, ge=0, le=limits.PRICE)


class Options(BaseModel):
    """Base of the engines' parameters; those in `neutral` change speed, never what is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    purpose: ClassVar[str] = ""
    """What the engine is for, in a line."""
    neutral: ClassVar[frozenset[str]] = frozenset()

    def identity(self) -> dict[str, Any]:
        """What of this determines completions; defaults are left out, so a new option changes no key."""
        return self.model_dump(mode="json", exclude=set(self.neutral), exclude_defaults=True)


class OpenVINOOptions(Options):
    """Parameters of the engine `openvino`."""

    purpose = "GGUF files and OpenVINO models in this process, the fastest on a CPU; the default (extra openvino)"
    neutral = frozenset({"in_flight", "cache_gb"})
    in_flight: int | None = Field(None, ge=1, le=limits.TOGETHER, description="sequences decoded together")
    cache_gb: int | None = Field(None, ge=1, le=limits.CACHE_GB, description="size of the key-value cache")


class OpenAIOptions(Options):
    """Parameters of the engine `openai`."""

    purpose = "any OpenAI-compatible server: OpenAI and other providers, or vLLM, SGLang, llama.cpp, Ollama of your own"
    neutral = frozenset({"concurrency", "timeout", "retries"})
    concurrency: int = Field(
        8, ge=1, le=limits.TOGETHER, description="requests at once, at most: the server's load decides"
    )
    timeout: float = Field(
        120.0, gt=0, le=limits.SECONDS, description="seconds for a whole reply; then the request counts as lost"
    )
    retries: int = Field(5, ge=0, le=limits.RETRIES, description="further attempts after a failure that may pass")
    extra: dict[str, Any] = Field(default_factory=dict, description="further fields of the request body")


class LlamaCppOptions(Options):
    """Parameters of the engine `llama_cpp`."""

    purpose = "any GGUF file in this process, also those that OpenVINO cannot read (extra llama-cpp)"
    neutral = frozenset({"slots", "context", "threads", "gpu_layers"})
    slots: int = Field(8, ge=1, le=limits.TOGETHER, description="samples decoded together")
    context: int = Field(
        4096, ge=256, le=limits.TOKENS, description="tokens that prompt and reply of a sample may have"
    )
    threads: int | None = Field(None, ge=1, le=limits.THREADS, description="of the CPU; all of its cores if absent")
    gpu_layers: int | None = Field(
        None, ge=0, le=limits.LAYERS, description="layers on the GPU; as many as fit if absent"
    )


class TransformersOptions(Options):
    """Parameters of the engine `transformers`."""

    purpose = "any causal model of the hub or a folder in this process, with nothing more to install"
    neutral = frozenset({"batch"})
    batch: int = Field(16, ge=1, le=limits.TOGETHER, description="samples generated together")
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    revision: str = Field("main", description="of a hub id")
    trust_remote_code: bool = Field(False, description="runs code from the model's repository")


class VLLMOptions(Options):
    """Parameters of the engine `vllm`."""

    purpose = "models of the hub or a folder on a GPU of this machine; wants an environment of its own"
    neutral = frozenset({"in_flight", "gpu_memory", "context", "gpus"})
    in_flight: int = Field(256, ge=1, le=limits.TOGETHER, description="sequences decoded together")
    gpu_memory: float = Field(0.9, gt=0, le=1, description="share of the GPU's memory that may be taken")
    context: int | None = Field(
        None, ge=256, le=limits.TOKENS, description="tokens of prompt and reply; the model's own if absent"
    )
    gpus: int = Field(1, ge=1, le=limits.GPUS, description="over which each layer is spread")
    dtype: Literal["auto", "float16", "float32", "bfloat16"] = "auto"
    revision: str = Field("main", description="of a hub id")
    trust_remote_code: bool = Field(False, description="runs code from the model's repository")


class RecordedOptions(Options):
    """Parameters of the engine `recorded`: there are none."""

    purpose = "replies that were recorded before, from a file; no model is asked"


class ScriptedOptions(Options):
    """Parameters of the engine `scripted`."""

    purpose = "made-up replies for tests and rehearsals, also of what goes wrong; no model is asked"
    neutral = frozenset({"latency", "delay", "capacity", "together", "log"})
    unparsed: float = Field(0.0, ge=0, le=1, description="share of samples that are cut before they state an answer")
    malformed: float = Field(0.0, ge=0, le=1, description="share of samples that end without stating an answer")
    refused: float = Field(0.0, ge=0, le=1, description="share of prompts that are refused, in every sample")
    failed: float = Field(0.0, ge=0, le=1, description="share of samples that fail")
    latency: float = Field(0.0, ge=0, le=limits.SECONDS, description="seconds that each request takes, all at once")
    delay: float = Field(0.0, ge=0, le=limits.SECONDS, description="seconds that each poll takes")
    capacity: int = Field(16, ge=1, le=limits.TOGETHER, description="samples in flight")
    together: int = Field(1, ge=1, le=limits.TOGETHER, description="requests that a poll may end")
    log: Path | None = Field(None, description="file to which the keys of served samples are appended")


OPTIONS: Mapping[str, type[Options]] = {
    "openvino": OpenVINOOptions,
    "openai": OpenAIOptions,
    "llama_cpp": LlamaCppOptions,
    "transformers": TransformersOptions,
    "vllm": VLLMOptions,
    "recorded": RecordedOptions,
    "scripted": ScriptedOptions,
}


class TeacherConfig(BaseModel):
    """One `[[teacher]]` of a recipe."""

    # An error that quotes what was given would quote secrets.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = Field(
        min_length=1,
        description="catalogue name, path, hub id, model name at base_url, or name of a script",
    )
    engine: EngineName = "openvino"
    path: Path | None = Field(None, description="your copy of a catalogue model, or the recording")
    base_url: str | None = Field(None, description="for openai; else the variable OPENAI_BASE_URL")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    price: Price | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, description="the engine's own")

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, name: str) -> str:
        if not name.isidentifier():
            # Not shown: it may be the key itself.
            raise ValueError("must be the name of an environment variable that holds the key, not the key itself")
        return name

    @model_validator(mode="after")
    def _known_parameters(self) -> Self:
        options_of(self.engine, self.parameters)
        return self

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if self.base_url is not None:
            fault = address_fault(self.base_url)
            if fault:
                raise ValueError(f"base_url: {public_url(self.base_url)!r} is no address: {fault}")
            secret = secret_in_address(self.base_url)
            if secret:
                raise ValueError(
                    f"base_url: {secret} may be a secret, and a recipe is written down and passed on. Put a key into "
                    "the environment variable that api_key_env names, or the whole address into OPENAI_BASE_URL"
                )
        field = secret_in(self.parameters)
        if field:
            raise ValueError(
                f"parameters.{field}: this looks like a secret, and a recipe is written down and passed on. Put the "
                "key into the environment variable that api_key_env names"
            )
        return self

    @property
    def options(self) -> Options:
        """The parameters, checked, as the engine's own type."""
        return options_of(self.engine, self.parameters)


def options_of(engine: str, parameters: Mapping[str, Any]) -> Options:
    """The options of an engine; ValueError, with the key and the nearest known one, if they are wrong."""
    kind = OPTIONS[engine]
    try:
        return kind.model_validate(dict(parameters))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] != "extra_forbidden":
            raise ValueError(f"parameters.{key}: {in_words(first)}") from error
        near = difflib.get_close_matches(key, kind.model_fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(kind.model_fields) or "none"
        raise ValueError(
            f"parameters.{key}: the engine {engine} has no such parameter.{hint} It has: {known}."
        ) from error


def public_url(url: str) -> str:
    """The URL without user, password, query and fragment: secrets stay out of identities.

    Of what is no address nothing up to the last @ is shown, since all of that may be a password.
    """
    if address_fault(url):
        return re.split("[?#]", url.rpartition("@")[2])[0]
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def address_fault(url: str) -> str:
    """Why a URL is no address of a server, in words; empty if it is one."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "it has to begin with http:// or https://, and to name a host"
        if "@" in parts.path:
            # A password with a slash would end the host before its time.
            return "an @ after its host, or a / before it, has to be written as %40 or %2F"
        if parts.port == 0:
            return "its port has to be between 1 and 65535"
    except ValueError:
        return "its host or its port cannot be read; a port is between 1 and 65535"
    return ""


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")
