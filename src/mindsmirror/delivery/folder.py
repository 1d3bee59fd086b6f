"""Folders of an export: what every one holds, that none is written over, and which students have to be refused."""

from pathlib import Path
from typing import Any

from mindsmirror.errors import DataError, ModelFileError

CARD = "README.md"
FIDELITY = "fidelity.json"
"""What an exported student has beside its files, and annotations have not."""


def require_empty(out: Path) -> None:
    """DataError if a folder that is to be written holds something, or is a file."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} already exists and is not empty. Name a folder that does not exist, or empty this one.")


def decoder_only_config(folder: Path, refused: str) -> Any:
    """The configuration of a student's model. ModelFileError for an encoder-decoder, which the format `refused`."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    if config.is_encoder_decoder:
        raise ModelFileError(
            f"the student in {folder} is an encoder-decoder ({config.model_type}), which {refused}. Export it with "
            "--to safetensors."
        )
    return config
