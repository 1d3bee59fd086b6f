"""A JSON Lines file of records as a sequence that is read where it is needed, so that memory holds only its offsets."""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Generic, Self, TypeVar, overload

from pydantic import BaseModel, ValidationError

from mindsmirror.errors import DataError
from mindsmirror.system.validation import in_words

R = TypeVar("R", bound=BaseModel)
BLOCK = 2**20


class RecordFile(Sequence[R], Generic[R]):
    """The records of a file, or some of them, in the file's order.

    Iterating reads one record at a time, and each iteration reads the file again: 8 bytes a record stay in memory.
    DataError where the file cannot be read or a line is no such record: it holds no `what`, and `advice` follows.
    """

    def __init__(
        self, path: Path, kind: type[R], what: str = "records", advice: str = "", begins: "array[int] | None" = None
    ) -> None:
        self.path = path
        self._kind, self._what, self._advice = kind, what, advice
        self._begins = self._lines() if begins is None else begins

    def __len__(self) -> int:
        return len(self._begins)

    def __iter__(self) -> Iterator[R]:
        with self._reading() as file:
            position = 0
            for begin in self._begins:
                if begin != position:
                    file.seek(begin)
                line = file.readline()
                position = begin + len(line)
                yield self._record(line)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> R | Self:
        if isinstance(index, slice):
            return type(self)(self.path, self._kind, self._what, self._advice, self._begins[index])
        with self._reading() as file:
            file.seek(self._begins[index])
            return self._record(file.readline())

    def where(self, taken: Callable[[R], bool]) -> Self:
        """Those of the records for which `taken` holds; reads all of them once."""
        begins = array("q", (begin for begin, record in zip(self._begins, self, strict=True) if taken(record)))
        return type(self)(self.path, self._kind, self._what, self._advice, begins)

    def digest(self) -> str:
        """SHA-256 of the whole file, hex."""
        digest = hashlib.sha256()
        with self._reading() as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def _lines(self) -> "array[int]":
        begins, position = array("q"), 0
        with self._reading() as file:
            for line in file:
                begins.append(position)
                position += len(line)
        return begins

    @contextmanager
    def _reading(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} holds no {self._what} ({error}). {self._advice}".rstrip()) from error

    def _record(self, line: bytes) -> R:
        try:
            return self._kind.model_validate_json(line.decode("utf-8", "surrogatepass"))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "a line"
            raise ValueError(f"{place}: {in_words(first)}") from error
