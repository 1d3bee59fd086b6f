"""A student as a GGUF file: the file it was read from comes out again, and what cannot be written is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import exported
import gguf
import numpy as np
import pytest
import tiny_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.delivery.gguf_file import check_gguf, file_name, write_gguf
from mindsmirror.delivery.gguf_types import by_llama_cpp, quantised, tensor_type
from mindsmirror.delivery.gguf_vocabulary import CONTROL, LLAMA_3, NORMAL, QWEN_2, UNUSED, read_vocabulary
from mindsmirror.errors import ModelFileError

SAME = (
    "general.architecture",
    "llama.context_length",
    "llama.embedding_length",
    "llama.block_count",
    "llama.feed_forward_length",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.rope.freq_base",
    "llama.rope.dimension_count",
    "llama.vocab_size",
    "tokenizer.ggml.model",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.chat_template",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder; not to be written to."""
    return exported.student_folder(tmp_path_factory.mktemp("gguf"))


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Entries and tensors of a file."""
    reader = gguf.GGUFReader(path)
    return {key: field.contents() for key, field in reader.fields.items()}, {t.name: t for t in reader.tensors}


def test_a_file_that_became_a_student_comes_out_again(folder: Path, tmp_path: Path) -> None:
    write_gguf(folder, tmp_path / "out.gguf", "f16", exported.ABOUT)
    before, stored = read(tiny_gguf.write(tmp_path / "before.gguf", "F16"))
    after, found = read(tmp_path / "out.gguf")
    assert {key: after[key] for key in SAME} == {key: before[key] for key in SAME}
    assert after["general.name"] == "tiny-mirror"
    assert after["general.license"] == "apache-2.0"
    assert set(found) == set(stored)
    for name, tensor in stored.items():
        assert found[name].tensor_type == tensor.tensor_type, name
        assert np.array_equal(found[name].data, tensor.data), name


def test_eight_bits_are_the_packages_own(folder: Path, tmp_path: Path) -> None:
    write_gguf(folder, tmp_path / "out.gguf", "q8_0", exported.ABOUT)
    _, stored = read(tiny_gguf.write(tmp_path / "before.gguf", "Q8_0"))
    entries, found = read(tmp_path / "out.gguf")
    assert entries["general.file_type"] == gguf.LlamaFileType.MOSTLY_Q8_0
    for name, tensor in stored.items():
        assert found[name].tensor_type == tensor.tensor_type, name
        assert np.array_equal(found[name].data, tensor.data), name


@pytest.mark.parametrize(
    ("name", "shape", "layers", "tied", "expected"),
    [
        ("token_embd.weight", (49152, 576), 30, True, "Q8_0"),
        ("token_embd.weight", (49152, 2048), 30, True, "Q6_K"),
        ("token_embd.weight", (49152, 2048), 30, False, "Q4_K"),
        ("output.weight", (49152, 2048), 30, False, "Q6_K"),
        ("blk.0.attn_q.weight", (576, 576), 30, True, "Q5_0"),
        ("blk.0.ffn_down.weight", (576, 1536), 30, True, "Q6_K"),
        ("blk.3.ffn_down.weight", (576, 1536), 30, True, "Q4_K"),
        ("blk.5.ffn_down.weight", (576, 1536), 30, True, "Q6_K"),
        ("blk.26.attn_v.weight", (192, 576), 30, True, "Q8_0"),
        ("blk.0.attn_k.weight", (192, 100), 30, True, "F16"),
        ("blk.0.attn_norm.weight", (576,), 30, True, "F32"),
    ],
)
def test_the_mix_of_types_is_llama_cpps(
    name: str, shape: tuple[int, ...], layers: int, tied: bool, expected: str
) -> None:
    assert tensor_type(name, shape, "q4_k_m", layers, tied=tied) == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**31), st.sampled_from([1e-3, 1.0, 50.0]))
def test_llama_cpps_quantiser_agrees_with_the_package(rows: int, blocks: int, seed: int, spread: float) -> None:
    values = np.random.default_rng(seed).normal(0, spread, (rows, 256 * blocks)).astype(np.float32)
    eight = gguf.GGMLQuantizationType.Q8_0
    own = gguf.quants.dequantize(by_llama_cpp(values, eight.value, gguf.GGML_QUANT_SIZES[eight]), eight)
    assert np.abs(own - values).max() <= np.abs(values).max() / 127
    for kind, most in (("Q6_K", 0.03), ("Q4_K", 0.13)):
        back = gguf.quants.dequantize(quantised(values, kind), gguf.GGMLQuantizationType[kind])
        assert np.sqrt(np.mean((back - values) ** 2)) < most * spread, kind


def test_names_are_as_llama_cpp_wants_them() -> None:
    assert file_name("quickstart-minds_mirror", 134_515_008, "q4_k_m") == "quickstart-minds_mirror-135M-Q4_K_M.gguf"
    assert file_name("a run", 1_500_000_000, "f16") == "a-run-1.5B-F16.gguf"


def changed(folder: Path, target: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A folder that holds only the tokenizer, changed."""
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    change(document)
    (target / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    return target


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ([BYTES], "gpt-2"),
        ([{"type": "Digits", "individual_digits": True}, BYTES], "smollm"),
        ([split(LLAMA_3), BYTES], "llama-bpe"),
        ([split(QWEN_2), BYTES], "qwen2"),
    ],
)
def test_a_pre_tokenizer_is_known_by_its_steps(
    folder: Path, tmp_path: Path, steps: list[dict[str, Any]], name: str
) -> None:
    rule = {"type": "Sequence", "pretokenizers": steps}
    path = changed(folder, tmp_path, lambda document: document.update(pre_tokenizer=rule))
    assert read_vocabulary(path, 300).pre == name


def test_a_vocabulary_is_filled_up_to_the_models(folder: Path) -> None:
    found = read_vocabulary(folder, 270)
    assert len(found.tokens) == len(found.kinds) == 270
    assert len(set(found.tokens)) == 270
    assert found.kinds[:3] == [CONTROL] * 3
    assert found.kinds[3] == NORMAL
    assert found.kinds[-1] == UNUSED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(pre_tokenizer=split(r"\w+")), "byte-level"),
        (
            lambda d: d.update(pre_tokenizer={"type": "Sequence", "pretokenizers": [split("x"), BYTES]}),
            "cuts texts by x",
        ),
        (lambda d: d["pre_tokenizer"].update(add_prefix_space=True), "byte-level"),
        (lambda d: d["model"].update(merges=[]), "no merges"),
        (lambda d: d["model"].update(type="Unigram"), "byte-level"),
        (lambda d: d["model"]["vocab"].update(far=9999), "number 9999"),
        (lambda d: d.pop("model"), "cannot be read"),
    ],
)
def test_a_tokenizer_that_llama_cpp_would_read_otherwise_is_refused(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(ModelFileError, match=said):
        read_vocabulary(changed(folder, tmp_path, change), 300)


@pytest.mark.parametrize(("kind", "said"), [("t5", "encoder-decoder"), ("gpt2", "gpt2"), ("llama", "no merges")])
def test_students_that_are_not_written_are_refused(tiny_folder: Callable[..., Path], kind: str, said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        check_gguf(tiny_folder(kind))
