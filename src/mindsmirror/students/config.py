"""The `[student]` table of a recipe; apart from the students, so that it is read and checked without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.errors import ModelFileError, UnknownNameError
from mindsmirror.models import catalogue
from mindsmirror.models.chat_template import check_template
from mindsmirror.models.digest import cache_dir
from mindsmirror.models.locate import is_cached, locate
from mindsmirror.system.documents import read_bytes
from mindsmirror.system.files import expanded, there

COMPILED = "openvino"
"""Folder in a trained student's own: the graph that OpenVINO computes (compiled.py)."""
GRAPH = "openvino_model.xml"
"""File of such a graph, as OpenVINO GenAI names it; its weights lie beside it."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""As a hub repository of a small model names them; T5 v1.1's still has the older name."""


class StudentConfig(BaseModel):
    """The `[student]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="catalogue name, hub id, or folder")
    path: Path | None = Field(None, description="your copy of a catalogue model")
    trust_remote_code: bool = Field(
        False,
        description="true: run code from the model's folder or repository",
    )
    adapter: Literal["none", "lora"] = Field("none", description="lora: train low-rank adapters only")
    lora_rank: int = Field(16, ge=1, le=limits.LORA_RANK, description="rank of the adapters")
    weights: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        "auto",
        description="precision in which the trained weights are saved; auto: bf16, or fp32 where training.precision "
        "is fp32",
    )
    max_source: int = Field(
        1024, ge=8, le=limits.TOKENS, description="the most tokens it reads; longer questions lose their beginning"
    )
    max_target: int = Field(
        256, ge=2, le=limits.TOKENS, description="the most tokens of a target; longer ones are dropped and counted"
    )


LEARNT_POSITIONS = frozenset(("gpt2", "gpt_neo", "opt", "biogpt", "bart", "mbart", "pegasus", "blenderbot", "plbart"))
"""Types of models whose positions are a table, beyond whose end there is nothing."""


def check_student(config: StudentConfig) -> None:
    """Refuse a student that cannot be had, before a teacher is paid for it; nothing is loaded.

    A copy of a catalogue model is hashed, a folder must hold a configuration, no code that the recipe does not allow
    and no template that hangs, and of an id the hub must have a configuration.
    Raises ModelFileError, or UnknownNameError for a single word that nothing knows.
    """
    if config.model in catalogue.entries():
        if config.path is not None:
            locate(config.model, config.path)
        return
    folder = expanded(config.model)
    if not there(folder) and not config.model.startswith((".", "/", "~")):
        _check_hub(config.model)
    elif not (folder / "config.json").is_file():
        raise ModelFileError(
            f"the student {config.model!r} is not a model: there is no file {folder / 'config.json'}. "
            "Give a catalogue name (mindsmirror list students), a folder as Transformers saves it, or a hub id."
        )
    else:
        _check_folder(config, folder)


def foreign_code(source: str) -> str:
    """What to say of a student that would run code of its own."""
    return (
        f"the student {source!r} brings code of its own, which is not run unless the recipe allows it. Look at that "
        "code, and if you trust it set student.trust_remote_code = true."
    )


def is_at_hand(config: StudentConfig) -> bool:
    """Whether the student can be loaded without fetching anything, if its name is good at all."""
    entry = catalogue.entries().get(config.model)
    if entry is not None:
        return config.path is not None or is_cached(entry.name) or converted(entry).exists()
    if there(expanded(config.model)):
        return True
    from huggingface_hub import try_to_load_from_cache

    try:
        cached = {
            name: isinstance(try_to_load_from_cache(config.model, name), str) for name in ("config.json", *WEIGHTS)
        }
        return cached["config.json"] and any(cached[name] for name in WEIGHTS)
    except ValueError:
        return False


def converted(entry: catalogue.CatalogueEntry) -> Path:
    """The folder in which a catalogue model is kept as a student, whether it is there yet or not."""
    return cache_dir() / "students" / f"{entry.name}-{entry.sha256[:12]}"


def _check_folder(config: StudentConfig, folder: Path) -> None:
    where = f"the student {config.model!r}"
    model, tokenizer = (_document(folder / name, where) for name in ("config.json", "tokenizer_config.json"))
    if not config.trust_remote_code and ("auto_map" in model or "auto_map" in tokenizer):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        # Of an architecture that Transformers has itself it takes its own code.
        if str(model.get("model_type")) not in CONFIG_MAPPING_NAMES:
            raise ModelFileError(foreign_code(config.model))
    _check_window(config, model, where)
    check_template(tokenizer.get("chat_template"), where)
    written = folder / "chat_template.jinja"
    if written.is_file():
        with written.open(encoding="utf-8", errors="replace") as file:
            check_template(file.read(limits.TEMPLATE + 1), where)


def _check_window(config: StudentConfig, model: Mapping[str, Any], where: str) -> None:
    """Refuse a student that has learnt a place for fewer tokens than it would read and write."""
    if str(model.get("model_type")) not in LEARNT_POSITIONS:
        return
    window = model.get("n_positions") or model.get("max_position_embeddings")
    parts = (config.max_source, config.max_target)
    needed = max(parts) if model.get("is_encoder_decoder") else sum(parts)
    if isinstance(window, int) and needed > window:
        raise ModelFileError(
            f"{where} reads and writes at most {window} tokens, but student.max_source = {parts[0]} and "
            f"student.max_target = {parts[1]} ask for {needed}. Lower one of them."
        )


def _document(path: Path, where: str) -> dict[str, Any]:
    """What a folder's JSON file says; empty if there is none."""
    if not path.exists():
        return {}
    try:
        document = json.loads(read_bytes(path, limits.JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{where} cannot be loaded: {path} cannot be read ({error}).") from error
    if not isinstance(document, dict):
        raise ModelFileError(f"{where} cannot be loaded: {path} holds no JSON object.")
    return document


def _check_hub(name: str) -> None:
    from huggingface_hub import constants, try_to_load_from_cache

    from mindsmirror.models.download import SourceError, reach_hub

    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        if constants.is_offline_mode():
            raise SourceError("HF_HUB_OFFLINE is set")
        reach_hub(name, "config.json")
    except (SourceError, ValueError) as error:
        if "/" not in name:
            raise UnknownNameError("student", name, catalogue.entries()) from error
        raise ModelFileError(
            f"the student {name!r} is not in the catalogue ({', '.join(sorted(catalogue.entries()))}), "
            f"there is no such folder, and the hub does not give it: {error}"
        ) from error
