"""The formats of an exported student: how each is written, loaded again, and how far off it may be.

safetensors   a folder as Transformers loads it, in bf16, fp16 or fp32, and the adapter that judges, if there is one
gguf          one file for llama.cpp and what is built on it, in F16, Q8_0 or Q4_K_M, and one of the adapter that judges
ollama        such a file with a Modelfile, and the template, system message and parameters as the hub reads them
openvino      a folder for OpenVINO GenAI, in int8 or fp16
onnx          a folder for onnxruntime-genai and transformers.js, in int8 or fp32
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mindsmirror.delivery.fidelity import EIGHT_BITS, EXACT, FOUR_BITS, Bounds
from mindsmirror.delivery.gguf_file import About, check_gguf, file_name, write_gguf
from mindsmirror.delivery.gguf_judge import judge_file_name, write_judge
from mindsmirror.delivery.ollama import Template, read_template, write_beside
from mindsmirror.delivery.onnx_folder import check_onnx, write_onnx
from mindsmirror.delivery.openvino_folder import write_openvino
from mindsmirror.delivery.runtimes.base import Runtime
from mindsmirror.inference.description import FILE as DESCRIPTION
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import JUDGE


class Source(NamedTuple):
    """A trained student that is to be exported."""

    folder: Path
    config: StudentConfig
    about: About
    parameters: int
    context: int
    """Tokens that a prompt and its reply take at most."""
    adapted: tuple[int, ...] = ()
    """The last tokens of whatever the judge reads, on which its adapter works; empty: it has none."""

    def judge_file(self, folder: Path) -> Path | None:
        """Where the judge stands among GGUF files in a folder; None if it is no adapter."""
        return folder / judge_file_name(self.folder, self.about.name) if self.adapted else None


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
    if (source.folder / JUDGE).is_dir():
        # As it was trained: an adapter is small, and the weights under it are rounded already.
        shutil.copytree(source.folder / JUDGE, folder / JUDGE)
    if (source.folder / DESCRIPTION).exists():
        shutil.copy(source.folder / DESCRIPTION, folder / DESCRIPTION)
    return folder


def _open_safetensors(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.plain import TransformersRuntime

    return TransformersRuntime(path, source.config)


def _write_gguf(source: Source, folder: Path, weights: str) -> Path:
    judge = source.judge_file(folder)
    # One judge for all types of weights.
    if judge is not None and not judge.exists():
        write_judge(source.folder, judge, source.about, source.adapted)
    return _write_thinker(source, folder, weights)


def _write_thinker(source: Source, folder: Path, weights: str) -> Path:
    path = folder / file_name(source.about.name, source.parameters, weights)
    write_gguf(source.folder, path, weights, source.about)
    return path


def _open_gguf(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.llama_cpp import LlamaCppRuntime

    return LlamaCppRuntime(path, source.context, source.judge_file(path.parent))


def _open_thinker(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.llama_cpp import LlamaCppRuntime

    return LlamaCppRuntime(path, source.context)


def _check_ollama(folder: Path) -> None:
    check_gguf(folder)
    _template(folder)


def _write_ollama(source: Source, folder: Path, weights: str) -> Path:
    # Ollama lets an adapter work on all tokens, and this one works on the last ones only.
    path = _write_thinker(source, folder, weights)
    template, stop = _template(source.folder)
    write_beside(folder, path.name, template, stop, source.context, source.about.licence)
    return path


def _template(folder: Path) -> tuple[Template, str]:
    """The chat template, and the token that ends a reply."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return read_template(tokenizer), str(tokenizer.eos_token)


def _write_openvino(source: Source, folder: Path, weights: str) -> Path:
    write_openvino(source.folder, folder, weights, source.about)
    return folder


def _open_openvino(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.openvino import OpenVINORuntime

    return OpenVINORuntime(path)


def _write_onnx(source: Source, folder: Path, weights: str) -> Path:
    write_onnx(source.folder, folder, weights)
    return folder


def _open_onnx(source: Source, path: Path) -> Runtime:
    from mindsmirror.delivery.runtimes.onnx import OnnxRuntime

    return OnnxRuntime(path, source.context)


GGUF: Mapping[str, Bounds] = {"q8_0": EIGHT_BITS, "f16": EXACT, "q4_k_m": FOUR_BITS}
STUDENT_FORMATS: Mapping[str, StudentFormat] = {
    "safetensors": StudentFormat(
        {"bf16": EIGHT_BITS, "fp16": EXACT, "fp32": EXACT}, lambda _: None, _write_safetensors, _open_safetensors
    ),
    "gguf": StudentFormat(GGUF, check_gguf, _write_gguf, _open_gguf),
    "ollama": StudentFormat(GGUF, _check_ollama, _write_ollama, _open_thinker),
    # OpenVINO computes in bf16 where the processor can, so fp16 files have the bounds of 8 bits there, too.
    "openvino": StudentFormat({"int8": EIGHT_BITS, "fp16": EIGHT_BITS}, check_gguf, _write_openvino, _open_openvino),
    "onnx": StudentFormat({"int8": EIGHT_BITS, "fp32": EXACT}, check_onnx, _write_onnx, _open_onnx),
}
