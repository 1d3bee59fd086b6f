"""How each tensor of a GGUF file is stored, and llama.cpp's own quantiser for types that the package gguf only reads.

F16 and Q8_0 are written by the package `gguf`. Q4_K_M mixes types as llama.cpp's `llama_tensor_get_type` does: the
head, and values and down projections in the layers where it matters most, have more bits. Blocks of the K types have
256 values, so a matrix of other rows gets the next larger type, as in llama.cpp.

`xllamacpp` does not wrap `llama_model_quantize`, but its library exports ggml's `ggml_quantize_chunk` (ggml.h).
"""

import ctypes
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from mindsmirror.errors import MissingExtraError

WEIGHTS = ("f16", "q8_0", "q4_k_m")
FILE_TYPES: Mapping[str, str] = {"f16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0", "q4_k_m": "MOSTLY_Q4_K_M"}
FALLBACK: Mapping[str, str] = {"Q4_K": "Q5_0", "Q6_K": "Q8_0", "Q5_0": "F16", "Q8_0": "F16"}
"""The type of a matrix whose rows are no multiple of a type's block."""


def tensor_type(name: str, shape: tuple[int, ...], weights: str, layers: int, *, tied: bool) -> str:
    """The type of a tensor, by its name in the file and its shape; vectors stay F32."""
    import gguf

    if len(shape) == 1:
        return "F32"
    if weights != "q4_k_m":
        wanted = weights.upper()
    else:
        head = name == ("token_embd.weight" if tied else "output.weight")
        wanted = "Q6_K" if head or _worth_more(name, layers) else "Q4_K"
    while wanted != "F16" and shape[-1] % gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[wanted]][0]:
        wanted = FALLBACK[wanted]
    return wanted


def _worth_more(name: str, layers: int) -> bool:
    """llama.cpp's `use_more_bits`: values and down projections of the first and last eighth, and each third one."""
    if not name.endswith(("attn_v.weight", "ffn_down.weight")):
        return False
    layer, eighth = int(name.split(".")[1]), layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def quantised(values: Any, kind: str) -> Any:
    """A matrix, [rows, columns] fp32, in the bytes of a type."""
    import gguf

    named = gguf.GGMLQuantizationType[kind]
    if kind in ("Q4_K", "Q6_K"):
        return by_llama_cpp(values, named.value, gguf.GGML_QUANT_SIZES[named])
    return gguf.quants.quantize(values, named)


def by_llama_cpp(values: Any, number: int, block: tuple[int, int]) -> Any:
    """A matrix in the bytes of ggml's type of that number; a block is (values, bytes).

    MissingExtraError if xllamacpp is not installed.
    """
    import numpy as np

    rows, columns = values.shape
    source = np.ascontiguousarray(values, dtype=np.float32)
    out = np.empty((rows, columns // block[0] * block[1]), dtype=np.uint8)
    written = _quantise_chunk()(number, source.ctypes.data, out.ctypes.data, 0, rows, columns, None)
    assert written == out.nbytes, f"ggml wrote {written} bytes of type {number}, not {out.nbytes}"
    return out


@cache
def _quantise_chunk() -> Callable[..., int]:
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtraError("xllamacpp", "llama-cpp") from error
    chunk = ctypes.CDLL(xllamacpp.xllamacpp.__file__).ggml_quantize_chunk
    chunk.restype = ctypes.c_size_t
    # type, source, target, first value, rows, values in a row, importance matrix
    chunk.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    return chunk
