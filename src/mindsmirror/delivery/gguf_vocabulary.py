"""A student's tokenizer as the entries of a GGUF file that llama.cpp reads it from.

llama.cpp cuts a text into pieces by a rule that it knows by name (`tokenizer.ggml.pre`), not by the expressions of
`tokenizer.json`. The names here are those of its `llama-vocab.cpp`; which one a tokenizer follows is read from its
steps. Whether both cut real questions alike is measured after the export (fidelity.py).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror import limits
from mindsmirror.errors import ModelFileError
from mindsmirror.system.documents import read_bytes

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Kinds of token, as GGUF numbers them."""

BYTES = "ByteLevel"
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace(r"\p{N}{1,3}", r"\p{N}")
NAMES: Mapping[tuple[str, ...], str] = {
    (BYTES,): "gpt-2",
    ("Digits", BYTES): "smollm",
    (LLAMA_3, BYTES): "llama-bpe",
    (QWEN_2, BYTES): "qwen2",
}
"""llama.cpp's name of each way to cut: the steps of `tokenizer.json`, a regular expression standing for itself."""


class Vocabulary(NamedTuple):
    """What llama.cpp needs of a byte-level BPE tokenizer."""

    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]


def read_vocabulary(folder: Path, size: int) -> Vocabulary:
    """The vocabulary in a student's `tokenizer.json`, filled up to the model's `size`.

    ModelFileError for a tokenizer that is no byte-level BPE, or that cuts texts in a way for which llama.cpp is not
    known to have a name.
    """
    path = folder / "tokenizer.json"
    try:
        document = json.loads(read_bytes(path, limits.JSON_BYTES))
        model, added = document["model"], document["added_tokens"]
        steps = _steps(document.get("pre_tokenizer"))
        known = dict(model["vocab"]) | {token["content"]: token["id"] for token in added}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read as a tokenizer ({error!r:.200}).") from error
    if model.get("type") != "BPE" or BYTES not in steps or document.get("normalizer"):
        raise ModelFileError(
            f"{path} is no byte-level BPE tokenizer, the only kind that is written as GGUF here. "
            "Export with --to safetensors, and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    if steps not in NAMES:
        raise ModelFileError(
            f"{path} cuts texts by {' and '.join(steps)}, and llama.cpp's name for that is not known here. "
            "Export with --to safetensors, and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    if not model["merges"]:
        raise ModelFileError(f"{path} has no merges, without which llama.cpp does not load a tokenizer.")
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    special = {token["id"]: CONTROL if token["special"] else USER_DEFINED for token in added}
    tokens, kinds = [f"[PAD{place}]" for place in range(size)], [UNUSED] * size
    for token, place in known.items():
        if place >= size:
            raise ModelFileError(f"{path} has the token {token!r:.80} as number {place}, but the model only {size}.")
        tokens[place], kinds[place] = token, special.get(place, NORMAL)
    return Vocabulary(NAMES[steps], tokens, kinds, merges)


def _steps(rule: Any) -> tuple[str, ...]:
    """The steps of a pre-tokenizer, one name each; what makes no difference to the pieces is left out."""
    if rule is None:
        return ()
    kind = rule["type"]
    if kind == "Sequence":
        return tuple(step for part in rule["pretokenizers"] for step in _steps(part))
    if kind == "Split" and rule["behavior"] == "Isolated" and not rule["invert"]:
        return (str(rule["pattern"].get("Regex", rule["pattern"])),)
    if kind == "Digits" and not rule["individual_digits"]:
        return ("Digits together",)
    if kind == BYTES and rule.get("add_prefix_space"):
        return ("ByteLevel with a space before",)
    return (str(kind),)
