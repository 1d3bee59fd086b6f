"""A GGUF file as a student: de-quantised to fp32, so that it can be trained and saved like any other."""

import contextlib
import io
from pathlib import Path
from typing import Any


def read_gguf(path: Path) -> tuple[Any, Any]:
    """The model of the GGUF file at `path`, in fp32 and with nothing quantised in it, and its tokenizer.

    What Transformers raises for a broken file is passed on.
    """
    import torch
    import transformers

    at = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name, "trust_remote_code": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**at)
    # Transformers' own bar for this knows no switch.
    with contextlib.redirect_stderr(io.StringIO()):
        read = transformers.AutoModelForCausalLM.from_pretrained(
            **at, dtype=torch.float32, quantization_config=transformers.GgufConfig(dequantize=True)
        )
    # Transformers refuses to save a model that it has read from a GGUF, so the weights move to one that it has not.
    # Some versions leave this setting behind, 5.23 removes it.
    vars(read.config).pop("quantization_config", None)
    model = type(read)(read.config)
    model.load_state_dict(read.state_dict())
    model.generation_config = read.generation_config
    return model, tokenizer
