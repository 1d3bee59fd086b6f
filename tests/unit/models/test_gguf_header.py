"""GGUF headers: a true one is read, and a mutated one is accepted or refused cleanly, never anything else."""

import struct
from pathlib import Path

import gguf
import pytest
import tiny_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.errors import ModelFileError
from mindsmirror.models.gguf_header import BLOCKS, read_header


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tiny_gguf.write(tmp_path_factory.mktemp("true") / "tiny.gguf").read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated") / "m.gguf"


def accepted(place: Path, content: bytes) -> bool:
    """Whether the header is; what is not is refused with a message that names the file."""
    place.write_bytes(content)
    try:
        read_header(place)
    except ModelFileError as error:
        assert str(place) in str(error) and "\n" not in str(error)
        return False
    return True


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1"])
def test_a_true_header_is_read(kind: str, tmp_path: Path) -> None:
    found = read_header(tiny_gguf.write(tmp_path / "tiny.gguf", kind))
    assert found["general.architecture"] == "llama"
    assert found["llama.block_count"] == tiny_gguf.LAYERS
    assert found["tokenizer.chat_template"] == tiny_gguf.TEMPLATE
    assert "tokenizer.ggml.tokens" not in found


def test_the_sizes_of_blocks_are_those_of_the_format() -> None:
    theirs = {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in BLOCKS if kind in theirs} == {k: BLOCKS[k] for k in BLOCKS if k in theirs}
    assert set(theirs) <= set(BLOCKS)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_header_is_accepted_or_refused_cleanly(true: bytes, place: Path, data: st.DataObject) -> None:
    content = bytearray(true[:9000])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 8))
        form = data.draw(st.sampled_from(["<B", "<I", "<Q"]))
        width = struct.calcsize(form)
        value = data.draw(
            st.sampled_from([0, 1, 8, 9, 255, 2 ** (8 * width - 1), 2 ** (8 * width) - 1]) | st.integers(0, 255)
        )
        content[at : at + width] = struct.pack(form, value % 2 ** (8 * width))
    accepted(place, bytes(content) + true[9000:])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 9000), st.binary(max_size=12))
def test_what_is_put_in_or_cut_off_is_refused_cleanly(true: bytes, place: Path, at: int, more: bytes) -> None:
    accepted(place, true[:at] + more + true[at:])
    assert not accepted(place, true[:at])
    assert not accepted(place, true[:-1])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(place: Path, content: bytes) -> None:
    assert not accepted(place, content[:3] + content)
    assert not accepted(place, b"GGUF" + content[:19])
    accepted(place, b"GGUF" + struct.pack("<I", 3) + content)


def packed(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def header(*entries: bytes, tensors: bytes = b"", count: int | None = None, version: int = 3) -> bytes:
    named = (1 if tensors else 0) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, named, len(entries)) + b"".join(entries) + tensors


def tensor(shape: tuple[int, ...] = (32,), kind: int = 0, begin: int = 0, name: str = "t") -> bytes:
    return packed(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, begin)


ENTRY = packed("general.architecture") + struct.pack("<I", 8) + packed("llama")
REST = b"\0" * 4096
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not a GGUF file"),
    "version": (header(version=1), "of version 1"),
    "byte order": (header(version=3 << 24), "lowest byte first"),
    "2^64 - 1 tensors": (header(count=2**64 - 1), "18,446,744,073,709,551,615 tensors"),
    "a long key": (header(struct.pack("<Q", 2**40)), "a text in it has 1,099,511,627,776 bytes"),
    "no such kind": (header(packed("a") + struct.pack("<I", 99)), "of the kind 99"),
    "a long list": (header(packed("a") + struct.pack("<IIQ", 9, 4, 2**60)), "a list of"),
    "a list past the end": (header(packed("a") + struct.pack("<IIQ", 9, 4, 10**7)), "ends within its header"),
    "lists in lists": (header(packed("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50), "lists more than"),
    "not UTF-8": (header(struct.pack("<Q", 1) + b"\xff"), "not UTF-8"),
    "twice": (header(ENTRY, ENTRY), "there twice"),
    "alignment 0": (header(packed("general.alignment") + struct.pack("<II", 4, 0)), "no power of 2"),
    "alignment 33": (header(packed("general.alignment") + struct.pack("<II", 4, 33)), "no power of 2"),
    "no dimensions": (header(tensors=tensor(())) + REST, "0 dimensions"),
    "2^32 - 1 dimensions": (header(tensors=packed("t") + struct.pack("<I", 2**32 - 1)) + REST, "4294967295 dimensions"),
    "a shape that overflows": (header(tensors=tensor((2**32, 2**32))) + REST, "does not fit the file"),
    "a shape of nothing": (header(tensors=tensor((0,))) + REST, "does not fit the file"),
    "no such kind of tensor": (header(tensors=tensor(kind=77)) + REST, "kind 77"),
    "a row of half a block": (header(tensors=tensor((16,), kind=8)) + REST, "multiple of its blocks"),
    "past the end": (header(tensors=tensor(begin=2**20)) + REST, "after the file's end"),
    "2^64 - 32": (header(tensors=tensor(begin=2**64 - 32)) + REST, "after the file's end"),
    "not aligned": (header(tensors=tensor(begin=7)) + REST, "no multiple of 32"),
    "one over another": (header(tensors=tensor() + tensor(name="u"), count=2) + REST, "lies over another"),
    "two of a name": (header(tensors=tensor() + tensor(begin=128), count=2) + REST, "the same name"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_is_wrong_is_said(how: str, place: Path) -> None:
    content, reason = REFUSED[how]
    place.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_header(place)
    assert reason in str(caught.value)


def test_a_small_sound_header_is_accepted(place: Path) -> None:
    assert accepted(place, header(ENTRY, tensors=tensor()) + REST)
    assert accepted(place, header(ENTRY))


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_header(tmp_path)
