"""The header of a GGUF file, checked before any reader sees it: theirs are written in C++ and crash at mutated ones.

Everything is held against the size of the file and the bounds of limits.py: magic, version, counts, lengths, kinds,
alignment, and that every tensor lies within the file, aligned, over no other. What the values mean is left to the
reader, which is tried in a process of its own first (trial.py).

The format: magic, version, number of tensors, number of entries; entries of key, kind and value; of each tensor its
name, shape, kind and offset; then, aligned, the tensors (https://github.com/ggml-org/ggml, docs/gguf.md).
"""

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mindsmirror import limits
from mindsmirror.errors import ModelFileError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = "general.alignment"
STRING, LIST = 8, 9
SCALARS: Mapping[int, str] = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
"""Kinds of value but strings and lists, as `struct` reads them."""
BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 40),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
    40: (64, 36),
    41: (128, 18),
}
"""Kinds of tensor: values in a block, and its bytes."""

Scalar = int | float | str
MOST_NESTED = 2
"""Lists inside each other."""


class _Tensor(NamedTuple):
    name: str
    begin: int
    size: int


def read_header(path: Path) -> Mapping[str, Scalar]:
    """The entries that are no lists; ModelFileError, with what is wrong, if the header is not sound."""
    try:
        with path.open("rb") as file:
            return _Header(file, path, os.fstat(file.fileno()).st_size).read()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}") from error


class _Header:
    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file, self._path, self._size = file, path, size

    def read(self) -> Mapping[str, Scalar]:
        magic = self._file.read(4)
        if magic != MAGIC:
            raise ModelFileError(f"{self._path} is not a GGUF file: it begins with {magic!r}")
        version = self._number("<I")
        if version not in VERSIONS:
            raise self._bad(f"it is of version {version}, and only {VERSIONS} are read, the lowest byte first")
        tensors, entries = self._number("<Q"), self._number("<Q")
        for what, count in (("tensors", tensors), ("entries", entries)):
            if count > limits.GGUF_ENTRIES:
                raise self._bad(f"it names {count:,} {what}; at most {limits.GGUF_ENTRIES:,} are read")
        found = self._entries(int(entries))
        alignment = found.get(ALIGNMENT, 32)
        if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 20 or alignment & (alignment - 1):
            raise self._bad(f"its {ALIGNMENT} is {alignment!r:.40}, which is no power of 2 from 8 on")
        self._check_places([self._tensor(alignment) for _ in range(int(tensors))], alignment)
        return found

    def _entries(self, count: int) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        names = set()
        for _ in range(count):
            key = self._text(limits.PATH)
            if key in names:
                raise self._bad(f"the entry {key!r:.80} is there twice")
            names.add(key)
            value = self._value(int(self._number("<I")), key)
            if value is not None:
                found[key] = value
        return found

    def _value(self, kind: int, key: str, depth: int = 0) -> Scalar | None:
        """A value; None for a list, which is passed over."""
        if kind == STRING:
            return self._text(limits.GGUF_STRING)
        if kind in SCALARS:
            return self._number(SCALARS[kind])
        if kind != LIST:
            raise self._bad(f"the entry {key!r:.80} is of the kind {kind}, which there is not")
        if depth == MOST_NESTED:
            raise self._bad(f"the entry {key!r:.80} holds lists more than {MOST_NESTED} deep in each other")
        inner, count = int(self._number("<I")), int(self._number("<Q"))
        if count > limits.GGUF_LIST:
            raise self._bad(f"the entry {key!r:.80} is a list of {count:,}; at most {limits.GGUF_LIST:,} are read")
        if inner in SCALARS:
            self._skip(count * struct.calcsize(SCALARS[inner]))
            return None
        for _ in range(count):
            self._value(inner, key, depth + 1)
        return None

    def _tensor(self, alignment: int) -> _Tensor:
        name = self._text(limits.PATH)
        dimensions = int(self._number("<I"))
        if not 1 <= dimensions <= limits.GGUF_DIMENSIONS:
            raise self._bad(f"the tensor {name!r:.80} has {dimensions} dimensions")
        shape = [int(self._number("<Q")) for _ in range(dimensions)]
        kind, begin = int(self._number("<I")), int(self._number("<Q"))
        if kind not in BLOCKS:
            raise self._bad(f"the tensor {name!r:.80} is of the kind {kind}, which is not known here")
        if not all(0 < length <= self._size * 16 for length in shape):
            raise self._bad(f"the tensor {name!r:.80} has the shape {shape}, which does not fit the file")
        values, size = BLOCKS[kind]
        if shape[0] % values:
            raise self._bad(f"the tensor {name!r:.80} has rows of {shape[0]}, no multiple of its blocks of {values}")
        if begin % alignment:
            raise self._bad(f"the tensor {name!r:.80} begins at {begin}, no multiple of {alignment}")
        whole = size * (shape[0] // values)
        for length in shape[1:]:
            whole *= length
        return _Tensor(name, begin, whole)

    def _check_places(self, tensors: list[_Tensor], alignment: int) -> None:
        if len({tensor.name for tensor in tensors}) < len(tensors):
            raise self._bad("two of its tensors have the same name")
        start = -(-self._file.tell() // alignment) * alignment
        free = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.begin):
            if tensor.begin < free:
                raise self._bad(f"the tensor {tensor.name!r:.80} lies over another")
            free = tensor.begin + tensor.size
            if start + free > self._size:
                raise self._bad(f"the tensor {tensor.name!r:.80} ends at byte {start + free:,}, after the file's end")

    def _number(self, form: str) -> int | float:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return int(value) if isinstance(value, bool) else value

    def _text(self, most: int) -> str:
        length = int(self._number("<Q"))
        if length > most:
            raise self._bad(f"a text in it has {length:,} bytes; at most {most:,} are read")
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._bad(f"a text in it is not UTF-8 ({error.reason})") from error

    def _take(self, count: int) -> bytes:
        content = self._file.read(count)
        if len(content) < count:
            raise self._bad("it ends within its header")
        return content

    def _skip(self, count: int) -> None:
        if self._file.tell() + count > self._size:
            raise self._bad("it ends within its header")
        self._file.seek(count, os.SEEK_CUR)

    def _bad(self, reason: str) -> ModelFileError:
        return ModelFileError(f"{self._path} is damaged, or made to harm: {reason}. Get an intact copy of the model.")
