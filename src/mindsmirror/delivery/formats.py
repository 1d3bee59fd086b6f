"""The formats of an exported student: how each is written, loaded again, and how far off it may be.

safetensors   a folder as Transformers loads it, in bf16, fp16 or fp32
gguf          one file for llama.cpp and what is built on it, in F16, Q8_0 or Q4_K_M
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mindsmirror.delivery.fidelity import EIGHT_BITS, EXACT, FOUR_BITS, Bounds
from mindsmirror.delivery.gguf_file import About, check_gguf, file_name, write_gguf
from mindsmirror.delivery.runtimes.base import Runtime
from mindsmirror.students.config import StudentConfig

SETTINGS = "mindsmirror.json"
"""What a student's folder says of how it is asked; it goes with its weights where the format is a folder."""


class Source(NamedTuple):
    """A trained student that is to be exported."""

    folder: Path
    config: StudentConfig
    about: About
    parameters: int
    context: int
    """Tokens that a prompt and its reply take at most."""


class StudentFormat(NamedTuple):
    """A format of exported students."""

    weights: Mapping[str, Bounds]
    """The types of weights that it has, the default first, and how far off a file of each may be."""
    check: Callable[[Path], None]
    """Raises ModelFileError for a student's folder that the format cannot hold."""
    write: Callable[[Source, Path, str], Path]
    """Writes into a folder; returns the file, or the folder itself."""
    open: Callable[[Source, Path], Runtime]


def _write_safetensors(source: Source, folder: Path, weights: str) -> Path:
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(source.folder)
    kind = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[weights]
    kind.from_pretrained(source.folder, dtype=dtype).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(source.folder).save_pretrained(folder)
    if (source.folder / SETTINGS).exists():
        shutil.copy(source.folder / SETTINGS, folder / SETTINGS)
    return folder


def _open_safetensors(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.plain import TransformersRuntime

    return TransformersRuntime(path, source.config)


def _write_gguf(source: Source, folder: Path, weights: str) -> Path:
    path = folder / file_name(source.about.name, source.parameters, weights)
    write_gguf(source.folder, path, weights, source.about)
    return path


def _open_gguf(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.llama_cpp import LlamaCppRuntime

    return LlamaCppRuntime(path, source.context)


STUDENT_FORMATS: Mapping[str, StudentFormat] = {
    "safetensors": StudentFormat(
        {"bf16": EIGHT_BITS, "fp16": EXACT, "fp32": EXACT}, lambda _: None, _write_safetensors, _open_safetensors
    ),
    "gguf": StudentFormat({"q8_0": EIGHT_BITS, "f16": EXACT, "q4_k_m": FOUR_BITS}, check_gguf, _write_gguf, _open_gguf),
}
