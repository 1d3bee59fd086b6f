"""A student's folder as a GGUF file, with its tokenizer and its chat template inside.

The package `gguf` brings the format, the names of tensors and the simple quantisations, but no converter: llama.cpp's
`convert_hf_to_gguf.py` is a script in its repository. Written here is what it does for the architectures of our
students. Llama's queries and keys are reordered, because ggml rotates neighbouring values and Transformers halves
(`LlamaModel.permute` there).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.delivery.folder import decoder_only_config
from mindsmirror.delivery.gguf_types import FILE_TYPES, quantised, tensor_type
from mindsmirror.delivery.gguf_vocabulary import read_vocabulary
from mindsmirror.errors import ModelFileError

ARCHITECTURES: Mapping[str, str] = {"llama": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3"}
"""Transformers' `model_type` to the package's name of the architecture."""
PERMUTED: Mapping[str, str] = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
"""Of a Llama: projections whose rows are reordered, and the setting that counts their heads."""


class About(NamedTuple):
    """What a file says of itself."""

    name: str
    licence: str
    """As the hub calls it."""
    description: str


def check_gguf(folder: Path) -> None:
    """ModelFileError if a student is of an architecture or has a tokenizer that is not written as GGUF here."""
    config = read_config(folder)
    read_vocabulary(folder, config.vocab_size)


def file_name(name: str, parameters: int, weights: str, kind: str | None = None) -> str:
    """As llama.cpp names files: name, size, type of the weights and, of an adapter, kind, separated by dashes."""
    import gguf

    size = gguf.model_weight_count_rounded_notation(parameters)
    return f"{gguf.naming_convention(name, None, None, None, size, weights, kind)}.gguf"


def write_gguf(folder: Path, path: Path, weights: str, about: About) -> None:
    """Write the student in `folder` as a GGUF file of that type of weights (gguf_types.WEIGHTS)."""
    import gguf

    config = read_config(folder)
    out = writer(path, config, gguf.GGUFType.MODEL, about)
    out.add_file_type(gguf.LlamaFileType[FILE_TYPES[weights]])
    out.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_shape(out, config)
    _add_vocabulary(out, folder, config.vocab_size)
    for name, values in _tensors(folder, config):
        kind = tensor_type(name, values.shape, weights, config.num_hidden_layers, tied=config.tie_word_embeddings)
        # Readers take an unquantised tensor's type from the array, a quantised one's from `raw_dtype`.
        raw = None if kind in ("F32", "F16") else gguf.GGMLQuantizationType[kind]
        out.add_tensor(name, values.astype("<f2") if kind == "F16" else quantised(values, kind), raw_dtype=raw)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def writer(path: Path, config: Any, kind: str, about: About) -> Any:
    """A new file of that kind (gguf.GGUFType) for the model's architecture, which says what it is."""
    import gguf

    out = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[_architecture(config.model_type)])
    out.add_type(kind)
    out.add_name(about.name)
    out.add_description(about.description)
    out.add_license(about.licence)
    return out


def read_config(folder: Path) -> Any:
    """The model's configuration; ModelFileError if its architecture is not written here."""
    config = decoder_only_config(folder, "llama.cpp's server and Ollama do not run")
    if config.model_type not in ARCHITECTURES:
        raise ModelFileError(
            f"students of the architecture {config.model_type} are not written as GGUF here (only "
            f"{', '.join(ARCHITECTURES)}). Export with --to safetensors, and convert that with llama.cpp's "
            "convert_hf_to_gguf.py."
        )
    scaling = config.rope_parameters.get("rope_type", "default")
    if scaling != "default" or getattr(config, "mlp_bias", False):
        raise ModelFileError(
            f"the student in {folder} scales its positions ({scaling}) or has biases that are not written as GGUF "
            "here. Export with --to safetensors, and convert that with llama.cpp's convert_hf_to_gguf.py."
        )
    if "sliding_attention" in (getattr(config, "layer_types", None) or ()):
        raise ModelFileError(
            f"the student in {folder} has layers of sliding attention, which are not written as GGUF here."
        )
    return config


def _architecture(model_type: str) -> Any:
    import gguf

    return gguf.MODEL_ARCH[ARCHITECTURES[model_type]]


@cache
def _tensor_names(model_type: str, layers: int) -> Any:
    """GGUF's names for all tensors of such a model."""
    import gguf

    return gguf.get_tensor_name_map(_architecture(model_type), layers)


def _add_shape(out: Any, config: Any) -> None:
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    out.add_vocab_size(config.vocab_size)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_rope_dimension_count(width)
    out.add_key_length(width)
    out.add_value_length(width)


def _add_vocabulary(out: Any, folder: Path, size: int) -> None:
    import transformers

    vocabulary = read_vocabulary(folder, size)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre(vocabulary.pre)
    out.add_token_list(vocabulary.tokens)
    out.add_token_types(vocabulary.kinds)
    out.add_token_merges(vocabulary.merges)
    for name, add in (
        ("bos", out.add_bos_token_id),
        ("eos", out.add_eos_token_id),
        ("unk", out.add_unk_token_id),
        ("pad", out.add_pad_token_id),
    ):
        number = getattr(tokenizer, f"{name}_token_id")
        if number is not None:
            add(number)
    read = tokenizer("a").input_ids
    out.add_add_bos_token(tokenizer.bos_token_id is not None and read[:1] == [tokenizer.bos_token_id])
    out.add_add_space_prefix(False)
    if tokenizer.chat_template:
        out.add_chat_template(tokenizer.chat_template)


def named_tensor(name: str, folder: Path, config: Any) -> str:
    """GGUF's name for a tensor of the student in `folder`; ModelFileError if it has none."""
    names = _tensor_names(config.model_type, config.num_hidden_layers)
    named: str | None = names.get_name(name, try_suffixes=(".weight", ".bias"))
    if named is None:
        raise ModelFileError(f"the student in {folder} has a tensor {name!r} for which GGUF has no name.")
    return named


def reordered(name: str, values: Any, config: Any) -> Any:
    """A tensor [N, ...] with its rows as llama.cpp wants them: those of queries and keys from halves to neighbours.

    [heads, 2, d / 2] becomes [heads, d / 2, 2].
    """
    setting = PERMUTED.get(name.split(".")[-2]) if config.model_type == "llama" else None
    if setting is None:
        return values
    halves = values.reshape(getattr(config, setting), 2, -1, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _tensors(folder: Path, config: Any) -> Iterator[tuple[str, Any]]:
    """Every tensor under its name in the file, fp32."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for name, weight in model.state_dict().items():
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        yield named_tensor(name, folder, config), reordered(name, weight.numpy(), config)
