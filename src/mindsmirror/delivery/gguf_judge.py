"""The adapter with which a student judges, as a GGUF file that llama.cpp lays over the student's.

The adapter works on the last tokens of what a judge reads and on none before them (training/judge.py). llama.cpp has
this as an "activated" adapter: its file names tokens, and the adapter sets in where a prompt last contains them. It
sets in one token before them (seen with xllamacpp 2026.10.11549), so the first of the tokens that ours works on is not
named. Every export is held against the trained student, so a llama.cpp that does otherwise is found.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mindsmirror.delivery.gguf_file import About, file_name, named_tensor, read_config, reordered, writer
from mindsmirror.errors import ModelFileError
from mindsmirror.students.load import JUDGE

WEIGHTS = "F16"
MATRICES = "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What PEFT puts before the model's own names."""
SIDES = {"lora_A": "lora_a", "lora_B": "lora_b"}
"""The two matrices of a layer, for PEFT and for llama.cpp."""


def judge_file_name(folder: Path, name: str) -> str:
    """As llama.cpp names adapters, for the judge of the student in `folder`, which is called `name`."""
    from safetensors import safe_open

    with safe_open(folder / JUDGE / MATRICES, framework="numpy") as file:
        parameters = sum(math.prod(file.get_slice(key).get_shape()) for key in file.offset_keys())
    return file_name(f"{name}-{JUDGE}", parameters, WEIGHTS, "LoRA")


def write_judge(folder: Path, path: Path, about: About, adapted: Sequence[int]) -> None:
    """Write the judge of the student in `folder`, which works on the tokens `adapted` at the end of every prompt.

    ModelFileError if it is no plain low-rank adapter of linear layers.
    """
    import gguf

    config = read_config(folder)
    settings = json.loads((folder / JUDGE / "adapter_config.json").read_text())
    if settings["peft_type"] != "LORA" or settings.get("use_rslora") or settings.get("use_dora"):
        raise ModelFileError(f"the judge in {folder / JUDGE} is no plain LoRA adapter, which is all that GGUF has.")
    out = writer(path, config, gguf.GGUFType.ADAPTER, about)
    out.add_string(gguf.Keys.Adapter.TYPE, "lora")
    out.add_float32(gguf.Keys.Adapter.LORA_ALPHA, settings["lora_alpha"])
    # llama.cpp reads these tokens as 32 bits without a sign, and not as what the writer would make of them.
    kinds = {"vtype": gguf.GGUFValueType.ARRAY, "sub_type": gguf.GGUFValueType.UINT32}
    out.add_key_value(gguf.Keys.Adapter.ALORA_INVOCATION_TOKENS, list(adapted[1:]), **kinds)
    for name, values in _matrices(folder):
        layer, _, side = name.removesuffix(".weight").rpartition(".")
        weight = f"{layer.removeprefix(PREFIX)}.weight"
        # Only rows of what comes out are reordered, and those are the second matrix's.
        rows = reordered(weight, values, config) if side == "lora_B" else values
        out.add_tensor(f"{named_tensor(weight, folder, config)}.{SIDES[side]}", rows.astype("<f2"))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def _matrices(folder: Path) -> Iterator[tuple[str, Any]]:
    """The adapter's matrices under PEFT's names, fp32."""
    from safetensors.torch import load_file

    for name, values in sorted(load_file(folder / JUDGE / MATRICES).items()):
        yield name, values.float().numpy()
