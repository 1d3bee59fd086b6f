"""A tiny Llama as a GGUF file, in any quantisation: what an engine that reads such files is held against.

Its vocabulary is one byte a token, and it writes printable characters only, so that what it has written is read as
the same tokens again.
"""

from pathlib import Path

import gguf
import numpy as np
from tokenizers import pre_tokenizers

END, OPEN, CLOSE = SPECIAL = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LAYERS, WIDTH, HIDDEN, HEADS = 2, 64, 128, 4
NORMAL, CONTROL = 1, 3
"""Kinds of token, as GGUF numbers them."""
ATTENTION = tuple(f"blk.{layer}.attn_{part}.weight" for layer in range(LAYERS) for part in ("q", "k", "v", "output"))


def write(
    path: Path, kind: str = "F16", rope: float = 10000.0, turned: str = "", template: str | None = TEMPLATE
) -> Path:
    """A random model, always the same one, its matrices quantised as `kind`.

    `rope` is the base of its rotary positions; the rows of the matrix `turned` are shifted by one.
    """
    # Readers want at least one merge.
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġt"]
    out = gguf.GGUFWriter(path, "llama")
    out.add_file_type(gguf.LlamaFileType["ALL_F32" if kind == "F32" else f"MOSTLY_{kind}"])
    out.add_context_length(4096)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(HIDDEN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_freq_base(rope)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(tokens)
    out.add_token_types([CONTROL] * len(SPECIAL) + [NORMAL] * (len(tokens) - len(SPECIAL)))
    out.add_token_merges(["Ġ t"])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_pad_token_id(0)
    if template is not None:
        out.add_chat_template(template)
    for name, values in _weights(tokens).items():
        if values.ndim == 1:
            out.add_tensor(name, values)
        else:
            stored = gguf.GGMLQuantizationType[kind]
            rows = np.roll(values, 1, axis=0) if name == turned else values
            out.add_tensor(name, gguf.quants.quantize(rows, stored), raw_dtype=stored)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


def _weights(tokens: list[str]) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    draw = np.random.default_rng(3)

    def matrix(rows: int, columns: int, spread: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return draw.normal(0, spread, (rows, columns)).astype(np.float32)

    ones = np.ones(WIDTH, dtype=np.float32)
    output = matrix(len(tokens), WIDTH, 0.5)
    output[[place for place, token in enumerate(tokens) if len(token) > 1 or not token.isascii()]] = 0
    weights = {
        "token_embd.weight": matrix(len(tokens), WIDTH, 1.0),
        "output.weight": output,
        "output_norm.weight": ones,
    }
    weights |= {name: matrix(WIDTH, WIDTH, 0.3) for name in ATTENTION}
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        weights |= {f"{at}.attn_norm.weight": ones, f"{at}.ffn_norm.weight": ones}
        weights |= {f"{at}.ffn_{part}.weight": matrix(HIDDEN, WIDTH, 0.2) for part in ("gate", "up")}
        weights[f"{at}.ffn_down.weight"] = matrix(WIDTH, HIDDEN, 0.2)
    return weights
