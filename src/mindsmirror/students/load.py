"""Loads a student from the catalogue, the hub or a folder, and saves one as a folder of safetensors."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindsmirror.errors import ModelFileError
from mindsmirror.models import catalogue
from mindsmirror.models.chat_template import check_tokenizer
from mindsmirror.models.gguf import read_gguf
from mindsmirror.models.locate import locate
from mindsmirror.students.base import Student
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.config import StudentConfig, converted, foreign_code
from mindsmirror.students.seq2seq import Seq2SeqStudent
from mindsmirror.system.files import expanded, there, whole_folder
from mindsmirror.system.progress import Working, say

JUDGE = "judge"
"""Folder in a student's own: the adapter with which it judges."""


def load_student(config: StudentConfig, folder: Path | None = None) -> Student:
    """The student in fp32, from `folder` if one is given (a trained one), else from where its name says.

    Raises ModelFileError if it cannot be had, or is no language model that Transformers knows.
    """
    with Working(f"loading the student {Path(config.model).name}"):
        return _loaded(config, folder)


def _loaded(config: StudentConfig, folder: Path | None) -> Student:
    # A trainer and its model hold each other until they are collected: three at once are too much for 8 GB.
    gc.collect()
    source = str(folder) if folder is not None else str(_source(config))
    import torch
    import transformers

    quiet(transformers)
    # Left unset, Transformers asks standard input whether the folder's own code may run.
    at = {"pretrained_model_name_or_path": source, "trust_remote_code": config.trust_remote_code}
    try:
        settings = transformers.AutoConfig.from_pretrained(**at)
        tokenizer = transformers.AutoTokenizer.from_pretrained(**at)
        if settings.is_encoder_decoder:
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(**at, dtype=torch.float32)
        else:
            model = transformers.AutoModelForCausalLM.from_pretrained(**at, dtype=torch.float32)
    # What a broken or foreign folder raises is no family of errors: a list of those seen was never whole.
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise ModelFileError(foreign_code(source)) from error
        raise ModelFileError(
            f"the student {source!r} cannot be loaded: {_first_line(error)} "
            "Give a catalogue name (mindsmirror list students), a folder, or a hub id while the hub can be reached."
        ) from error
    check_tokenizer(tokenizer, f"the student {source!r}")
    # A model's own habits of sampling (Qwen's repetition penalty) would distort what it is taught to write.
    named = model.generation_config
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=named.bos_token_id,
        eos_token_id=named.eos_token_id,
        pad_token_id=named.pad_token_id,
        decoder_start_token_id=named.decoder_start_token_id,
    )
    kind = Seq2SeqStudent if settings.is_encoder_decoder else CausalStudent
    return kind(model, tokenizer, max_source=config.max_source, max_target=config.max_target)


def quiet(transformers: Any) -> None:
    """Leave the terminal to our own progress: its bars, and warnings about tied weights, say nothing here."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def with_adapter(model: Any, config: StudentConfig) -> Any:
    """The model with what is trained of it: itself, or a fresh LoRA adapter on all linear layers (PEFT)."""
    if config.adapter == "none":
        return model
    import peft

    kind = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    settings = peft.LoraConfig(
        r=config.lora_rank, lora_alpha=2 * config.lora_rank, target_modules="all-linear", task_type=kind
    )
    with _without_warning():
        return peft.get_peft_model(model, settings)


def merged_model(model: Any) -> Any:
    """The model with its adapter folded into the weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def saved_precision(model: Any, weights: str, precision: str) -> Any:
    """The model with its weights in the precision in which they are saved: `weights` and `precision` of the recipe.

    It is the model itself, and cannot learn on. Weights that are tied stay so; buffers keep their precision.
    """
    import torch

    named = ("fp32" if precision == "fp32" else "bf16") if weights == "auto" else weights
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[named]
    return cast_weights(model, dtype)


def cast_weights(model: Any, dtype: Any, *, frozen: bool = False) -> Any:
    """The model itself, its weights (`frozen`: those that are not trained) in another precision; buffers keep theirs.

    In bf16 the frequencies of rotary positions, which are among the buffers, would be off by up to 0.2 %.
    """
    for weight in model.parameters():
        if not (frozen and weight.requires_grad):
            weight.data = weight.data.to(dtype)
    return model


def save_student(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer so that a kill leaves either the whole folder or none."""
    with whole_folder(folder) as part:
        model.save_pretrained(part, safe_serialization=True)
        tokenizer.save_pretrained(part)


def save_adapter(model: Any, folder: Path) -> None:
    """Write what was trained of a model with an adapter, whole or not at all."""
    for settings in model.peft_config.values():
        # Else the folder in which it was trained would be written down.
        settings.base_model_name_or_path = None
    with whole_folder(folder) as part:
        model.save_pretrained(part)
        (part / "README.md").unlink(missing_ok=True)


def load_judge(model: Any, folder: Path) -> Any:
    """The adapter with which the student in `folder` judges, put over its model and switched off; None without one."""
    if not (folder / JUDGE / "adapter_config.json").exists():
        return None
    import peft

    with Working("loading the judge"), _without_warning():
        judge = peft.PeftModel.from_pretrained(model, folder / JUDGE)
    judge.base_model.disable_adapter_layers()
    return judge


@contextmanager
def _without_warning() -> Iterator[None]:
    """PEFT asks a model by a name that Transformers is about to give up: nothing that a user could do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        yield


def _source(config: StudentConfig) -> Path | str:
    if config.model in catalogue.entries():
        return _converted(config)
    folder = expanded(config.model)
    if there(folder):
        return folder
    if config.model.startswith((".", "/", "~")):
        raise ModelFileError(f"the student {config.model!r}: there is no such folder")
    return config.model


def _converted(config: StudentConfig) -> Path:
    """A catalogue model as a folder of fp32 safetensors: de-quantised once and kept in the cache."""
    entry = catalogue.entries()[config.model]
    folder = converted(entry)
    if (folder / "config.json").exists():
        return folder
    path = locate(config.model, config.path)
    say(f"converting {path.name} to a student (once)")
    import transformers

    quiet(transformers)
    try:
        model, tokenizer = read_gguf(path)
    except Exception as error:
        raise ModelFileError(f"{path} cannot be read as a student: {_first_line(error)}") from error
    save_student(model, tokenizer, folder)
    return folder


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
