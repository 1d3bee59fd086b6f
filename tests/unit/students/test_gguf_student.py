"""A GGUF file as a student: its weights are the file's, it is saved and loaded, and llama.cpp computes the same."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny_gguf
import torch
from unit.models.test_locate import entry_of

from mindsmirror.engines import Message, Request, Sampling, TeacherConfig, open_engine
from mindsmirror.engines.base import Completion, sample_key
from mindsmirror.errors import ModelFileError
from mindsmirror.models import catalogue
from mindsmirror.models.gguf import read_gguf
from mindsmirror.students.config import StudentConfig, converted
from mindsmirror.students.load import load_student

KINDS = ("F32", "F16", "Q8_0", "Q4_1")
NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output.weight": "lm_head.weight",
    "output_norm.weight": "model.norm.weight",
    "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
    "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
}
"""Tensors that Transformers takes over as they are; it reorders the rows of queries and keys."""
QUESTION = "How many legs do 2 cows have?"


Catalogued = Callable[[str], catalogue.CatalogueEntry]


@pytest.fixture
def catalogued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogued:
    """Puts a tiny file of the kind that is named into the cache and makes it the catalogue's one model."""

    def put(kind: str) -> catalogue.CatalogueEntry:
        monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
        (tmp_path / "cache").mkdir()
        path = tiny_gguf.write(tmp_path / "tiny.gguf", kind)
        entry = entry_of(path.read_bytes())
        path.rename(tmp_path / "cache" / entry.file)
        monkeypatch.setattr(catalogue, "entries", lambda: {entry.name: entry})
        return entry

    return put


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_of_the_file(kind: str, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf", kind)
    model, tokenizer = read_gguf(path)
    found = model.state_dict()
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for name, ours in NAMES.items():
        tensor = stored[name]
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        assert found[ours].dtype == torch.float32
        assert np.array_equal(found[ours].numpy(), expected.reshape(found[ours].shape)), name
    assert tokenizer.chat_template == tiny_gguf.TEMPLATE
    assert not hasattr(model.config, "quantization_config")


def test_a_catalogue_student_is_converted_once(catalogued: Catalogued, capsys: pytest.CaptureFixture[str]) -> None:
    entry = catalogued("Q4_1")
    first = load_student(StudentConfig(model=entry.name))
    assert "to a student" in capsys.readouterr().err
    folder = converted(entry)
    written = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert "model.safetensors" in written
    again = load_student(StudentConfig(model=entry.name))
    assert capsys.readouterr().err == ""
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    state = again.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in first.model.state_dict().items())


def test_a_file_that_is_no_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"GGUF" + bytes(200)
    entry = entry_of(content)
    path = tmp_path / "given.gguf"
    path.write_bytes(content)
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalogue, "entries", lambda: {entry.name: entry})
    with pytest.raises(ModelFileError, match=r"given\.gguf cannot be read as a student"):
        load_student(StudentConfig(model=entry.name, path=path))
    assert not converted(entry).exists()


def test_llama_cpp_computes_what_the_student_does(catalogued: Catalogued) -> None:
    """The file in the engine and the folder that was made of it, in Transformers: the same greedy text.

    In F32: of a quantised file llama.cpp rounds the activations as well, and random weights decide by a hair.
    """
    entry = catalogued("F32")
    load_student(StudentConfig(model=entry.name))
    sampling = Sampling(temperature=0, max_tokens=12)
    messages = (Message("user", QUESTION),)
    request = Request("q", messages, sampling, (sample_key({}, messages, sampling, 0),))
    said: list[Completion] = []
    for config in (
        TeacherConfig(model=entry.name, engine="llama_cpp", parameters={"slots": 1, "context": 256, "threads": 1}),
        TeacherConfig(model=str(converted(entry)), engine="transformers", parameters={"dtype": "float32"}),
    ):
        with open_engine(config) as engine:
            engine.submit(request)
            said += [completion for _, completions in engine.poll() for completion in completions]
    ours, theirs = said
    assert (ours.text, ours.tokens_in) == (theirs.text, theirs.tokens_in) and ours.text
