"""Rows of JSON Lines files (plain or gzip), read so that every error names the file and the line."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from mindsmirror import limits
from mindsmirror.errors import DataError
from mindsmirror.limits import BoundError
from mindsmirror.system.documents import deeper_than, read_bytes, read_lines, text_of

SHAPES = (
    ("question", "choices", "answer_key"),
    ("premise", "hypothesis", "label"),
    ("question", "answer"),
)
"""The keys by which a row of one's own is known, in the order in which they are looked for."""

LONGEST_NAMES = 300
"""Characters of the names of fields that an error shows."""


@dataclass(frozen=True)
class Row:
    """One row, and where it stands (`data/dev.jsonl, line 7`)."""

    where: str
    fields: Mapping[str, Any]
    line: int = 0
    """Its line in the file, from 1; 0 where it comes from none."""

    def text(self, key: str) -> str:
        """The field as a string that is not blank. DataError if it is missing or anything else."""
        value = self.value(key)
        if not isinstance(value, str):
            raise DataError(f"{self.where}: {key!r} must be a string, not {_kind_of(value)}.")
        if not value.strip():
            raise DataError(f"{self.where}: {key!r} is empty.")
        return value

    def value(self, key: str) -> Any:
        """The field as it is. DataError if it is missing."""
        if key not in self.fields:
            raise DataError(f"{self.where}: {key!r} is missing. The row has: {self.names()}.")
        return self.fields[key]

    def scalar(self, key: str) -> str | None:
        """The field as an answer's text: a string, number or boolean (yes, no); None if it is null or missing."""
        value = self.fields.get(key)
        if value is None:
            return None
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            if not isfinite(value):
                raise DataError(f"{self.where}: {key!r} is {value}, which is not a finite number.")
            return str(int(value)) if value.is_integer() else repr(value)
        return self.text(key)

    def choices(self) -> dict[str, str]:
        """The field `choices` as letters a, b, c … to texts, whether it is a mapping or a list of texts."""
        value = self.value("choices")
        texts = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(texts, list) or not 2 <= len(texts) <= 26:
            raise DataError(f"{self.where}: 'choices' must map 2 to 26 letters to texts, or list the texts.")
        if not all(isinstance(text, str | int | float) and str(text).strip() for text in texts):
            raise DataError(f"{self.where}: every choice must be a text, and not empty.")
        return lettered(map(str, texts))

    def names(self) -> str:
        """The names of its fields for an error message, on one line."""
        names = (name if name.isprintable() else repr(name) for name in self.fields)
        return ", ".join(names)[:LONGEST_NAMES] or "nothing"

    def others(self, *used: str) -> dict[str, Any]:
        """The fields that are not among `used`."""
        return {key: value for key, value in self.fields.items() if key not in used}


def lettered(texts: Iterable[Any]) -> dict[str, Any]:
    """Choices under the letters a, b, c …, of which there are 26."""
    return dict(zip(ascii_lowercase, texts, strict=False))


def read_rows(path: Path) -> list[Row]:
    """All rows of a .jsonl or .jsonl.gz file; blank lines are passed over.

    DataError names the file, and the line where there is one: no such file, a folder, not gzip, not UTF-8,
    not JSON, not an object, no rows at all; or beyond the bounds on length, depth and number (limits.py).
    """
    return list(each_row(path))


def each_row(path: Path) -> Iterator[Row]:
    """The same one by one, so that a large file need not fit into memory."""
    found = 0
    for number, line in enumerate(each_line(path), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            fields = json.loads(text_of(line, number))
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: this is not UTF-8 ({error.reason} at byte {error.start}).") from error
        except json.JSONDecodeError as error:
            raise DataError(f"{where}: this is not JSON ({error.msg} at column {error.colno}).") from error
        except (RecursionError, ValueError) as error:
            raise DataError(f"{where}: this JSON cannot be read ({error}).") from error
        if not isinstance(fields, dict):
            raise DataError(f"{where}: a row must be a JSON object, not {_kind_of(fields)}.")
        if line.count(b"{") + line.count(b"[") > limits.ROW_DEPTH and deeper_than(fields, limits.ROW_DEPTH):
            raise DataError(f"{where}: objects and lists are nested more than {limits.ROW_DEPTH} deep.")
        if b"\\u" in line:
            _check_surrogates(fields, where)
        found += 1
        yield Row(where, fields, number)
    if not found:
        raise DataError(f"{path} contains no rows.")


def _check_surrogates(fields: Any, where: str) -> None:
    """Refuse one half of a surrogate pair, which JSON's escapes can write but no file can hold."""
    try:
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start].encode("ascii", "backslashreplace").decode()
        raise DataError(f"{where}: {half} is one half of a surrogate pair. Write both halves, or remove it.") from error


def read_ids(path: Path) -> dict[str, list[str]]:
    """A split file: one JSON object that maps the name of a split to a list of ids."""
    try:
        splits = json.loads(read_bytes(path, limits.JSON_BYTES))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except BoundError as error:
        raise DataError(f"{path}: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}.") from error
    if not isinstance(splits, dict) or not all(
        isinstance(ids, list) and all(isinstance(each, str) for each in ids) for ids in splits.values()
    ):
        raise DataError(f"{path} must map each split's name to a list of ids.")
    return splits


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256:…`."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def each_line(path: Path) -> Iterator[bytes]:
    """The lines of a file of one's own, unpacked if its name ends in .gz; DataError if they cannot be read."""
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; a file is needed.")
        if path.exists() and not path.is_file():
            raise DataError(f"{path} cannot be read twice; a regular file is needed.")
        yield from read_lines(path)
    except BoundError as error:
        raise DataError(f"{path}: {error}.") from error
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist. Check the path, or data_dir in [task].") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a complete gzip file: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
