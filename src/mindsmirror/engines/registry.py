"""From a recipe's teacher to an engine, and to its identity without opening it.

The identity is part of every sample's key. It is computed from the recipe and from hashes of files alone,
so a run whose samples are all stored already never loads the model. `open_engine` imports what it opens.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindsmirror.engines.base import Engine
from mindsmirror.engines.config import (
    DEFAULT_BASE_URL,
    ENGINES,
    LlamaCppOptions,
    OpenAIOptions,
    OpenVINOOptions,
    ScriptedOptions,
    TeacherConfig,
    TransformersOptions,
    VLLMOptions,
    public_url,
)
from mindsmirror.engines.trial import READERS, try_in_child
from mindsmirror.errors import EngineError, RecipeError, UnknownNameError
from mindsmirror.models import catalogue
from mindsmirror.models.chat_template import check_template
from mindsmirror.models.digest import sha256_of
from mindsmirror.models.gguf_header import read_header
from mindsmirror.system.files import expanded, there
from mindsmirror.system.progress import Working

if TYPE_CHECKING:
    from mindsmirror.engines.openai.probe import Probe


def engine_identity(config: TeacherConfig) -> Mapping[str, Any]:
    """All that determines the teacher's completions besides the request: engine, model, hash, parameters.

    Loads no model and fetches nothing; a local file is hashed once (and not again while it is untouched).
    """
    if config.engine == "recorded":
        from mindsmirror.engines.recorded import recorded_identity

        return recorded_identity(_recording(config), config.model)
    identity: dict[str, Any] = {"engine": config.engine, "model": config.model}
    if config.engine in ("openvino", "llama_cpp", "transformers", "vllm"):
        identity |= _weights(config)
    elif config.engine == "openai":
        identity["base_url"] = public_url(base_url_of(config))
    identity["parameters"] = config.options.identity()
    return identity


def open_engine(config: TeacherConfig) -> Engine:
    """The engine that the recipe asks for, ready for requests; a model file that nobody knows is tried first.

    Raises ModelFileError if the model's bytes cannot be had or are not sound, EngineError if the engine cannot work
    with them or the endpoint is not usable, MissingExtraError if an optional package is missing.
    """
    with Working(f"loading {Path(config.model).name}"):
        unknown = _unknown_file(config)
        if unknown is not None:
            header = read_header(unknown)
            for key, value in header.items():
                if key.startswith("tokenizer.chat_template"):
                    check_template(value, str(unknown))
            try_in_child(config, unknown)
        return open_tried(config)


def open_tried(config: TeacherConfig) -> Engine:
    """The same without trying a model file first: in the process in which it is tried, and once it has been."""
    options, identity = config.options, engine_identity(config)
    if isinstance(options, ScriptedOptions):
        from mindsmirror.engines.scripted import ScriptedEngine

        return ScriptedEngine(config.model, identity=identity, **dict(options))
    if isinstance(options, OpenAIOptions):
        from mindsmirror.engines.openai import OpenAIEngine

        return OpenAIEngine(
            config.model,
            identity,
            base_url=base_url_of(config),
            api_key_env=config.api_key_env,
            options=options,
        )
    if isinstance(options, OpenVINOOptions):
        from mindsmirror.engines.openvino import OpenVINOEngine

        _check_fit(identity)
        path = catalogue.locate(config.model, config.path)
        return OpenVINOEngine(path, identity, **options.model_dump(exclude_none=True))
    if isinstance(options, TransformersOptions):
        from mindsmirror.engines.transformers import TransformersEngine

        _check_fit(identity)
        return TransformersEngine(_source(config), identity, options=options)
    if isinstance(options, LlamaCppOptions):
        from mindsmirror.engines.llama_cpp import LlamaCppEngine

        _check_fit(identity)
        return LlamaCppEngine(catalogue.locate(config.model, config.path), identity, options=options)
    if isinstance(options, VLLMOptions):
        from mindsmirror.engines.vllm import VLLMEngine

        _check_no_gguf(config)
        return VLLMEngine(_source(config), identity, options=options)
    if config.engine == "recorded":
        from mindsmirror.engines.recorded import RecordedEngine

        return RecordedEngine(_recording(config), config.model)
    raise UnknownNameError("engine", config.engine, ENGINES)


def probe_endpoint(config: TeacherConfig) -> "Probe":
    """What the endpoint of an `openai` teacher does, by a handful of tiny samples; EngineError if it is of no use."""
    from mindsmirror.engines.openai.probe import probe

    options = config.options
    assert isinstance(options, OpenAIOptions)
    return probe(config.model, base_url_of(config), config.api_key_env, options)


def _unknown_file(config: TeacherConfig) -> Path | None:
    """The GGUF file that the teacher is, if its bytes are not those of a catalogue model."""
    if config.engine not in (*READERS, "transformers") or config.model in catalogue.entries() or _is_hub_id(config):
        return None
    path = catalogue.locate(config.model, config.path)
    if not path.is_file() or (config.engine == "openvino" and path.suffix != ".gguf"):
        return None
    known = {entry.sha256 for entry in catalogue.entries().values()}
    return None if sha256_of(path) in known else path


def _source(config: TeacherConfig) -> str | Path:
    """The model's hub id, or where its bytes lie."""
    return config.model if _is_hub_id(config) else catalogue.locate(config.model, config.path)


def _weights(config: TeacherConfig) -> dict[str, str]:
    if _is_hub_id(config):
        return {}
    return catalogue.identify(config.model, config.path)


def _is_hub_id(config: TeacherConfig) -> bool:
    """Whether the model is neither in the catalogue nor a file here, but may be an id on the hub."""
    return (
        config.engine in ("transformers", "vllm")
        and config.path is None
        and config.model not in catalogue.entries()
        and not there(expanded(config.model))
        and config.model.count("/") == 1
        and not config.model.endswith(".gguf")
    )


def _check_fit(identity: Mapping[str, Any]) -> None:
    model, engine = identity["model"], identity["engine"]
    entry = catalogue.entries().get(model)
    if entry is not None and engine in entry.unfit:
        raise EngineError(f"the engine {engine} cannot run {model}: {entry.unfit[engine]}")


def _check_no_gguf(config: TeacherConfig) -> None:
    """Before a file is fetched that vLLM could not read."""
    path = expanded(config.path or config.model)
    if config.model in catalogue.entries() or path.is_file():
        raise EngineError(
            f"the engine vllm reads no GGUF file, which {config.model} is: name a folder or an id on the hub, "
            'or use engine = "llama_cpp"'
        )


def _recording(config: TeacherConfig) -> Path:
    if config.path is None:
        raise RecipeError(f"[[teacher]] {config.model}: the engine recorded needs `path`, the recording")
    return expanded(config.path)


def base_url_of(config: TeacherConfig) -> str:
    """Where an `openai` teacher is: what the recipe says, or the environment, or OpenAI itself."""
    return config.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
