"""TOML, JSON and lines from files, refused before they cost memory or time (limits.py).

Files come from people and from the network. Given a dotted key of a million parts, brackets a thousand deep or an
endless line, a parser takes gigabytes before it refuses. So the text is measured first.
"""

import gzip
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time
from math import isfinite
from pathlib import Path
from typing import Any

from mindsmirror import limits
from mindsmirror.limits import BoundError

_TOKEN = re.compile(
    r'''(?P<text>"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)|\'\'\'(?:[^']|'(?!''))*+(?:\'\'\'|\Z)'''
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?)"""
    r"|(?P<comment>#[^\n]*+)|(?P<word>[A-Za-z0-9_+:-]++)|(?P<space>[ \t]++)|(?P<mark>.)",
    re.DOTALL,
)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file; BoundError if it is more than `most` bytes, OSError if it cannot be read."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BoundError(f"it is longer than {most:,} bytes")
    return content


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, unpacked if its name ends in .gz; BoundError at one that is too long, or at too many."""
    opened: Callable[..., Any] = gzip.open if path.suffix.lower() == ".gz" else open
    blank = 0
    with opened(path, "rb") as file:
        for number in range(1, limits.ROWS + 2):
            line: bytes = file.readline(limits.ROW_BYTES + 1)
            if not line:
                return
            blank = 0 if line.strip() else blank + 1
            if len(line) > limits.ROW_BYTES:
                raise BoundError(f"line {number} is longer than {limits.ROW_BYTES:,} bytes")
            if blank > limits.BLANK_LINES:
                raise BoundError(f"there are more than {limits.BLANK_LINES:,} blank lines before line {number}")
            yield line
    raise BoundError(f"it has more than {limits.ROWS:,} lines")


def text_of(line: bytes, number: int) -> str:
    """A line as text, of the first one without the mark of its encoding; UnicodeDecodeError if it is not UTF-8."""
    return line.decode("utf-8-sig" if number == 1 else "utf-8")


def parse_toml(text: str) -> dict[str, Any]:
    """The document; TOMLDecodeError if it is not TOML, BoundError if parsing it would cost too much."""
    _measure(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        # Numbers and dates that Python cannot hold.
        raise BoundError(str(error)) from error


def check_document(document: Any, own: Sequence[str] = ()) -> None:
    """BoundError, with the key, for a value that no recipe or prompt set needs.

    Under the keys `own`, and everywhere if there are none, texts may be long; elsewhere they are names and paths.
    """
    waiting: list[tuple[str, Any, int, bool]] = [("", document, 0, not own)]
    seen = 0
    while waiting:
        key, value, depth, long = waiting.pop()
        seen += 1
        if seen > limits.VALUES:
            raise BoundError(f"it holds more than {limits.VALUES:,} values")
        if isinstance(value, dict | list):
            if depth >= limits.DEPTH:
                raise BoundError(f"{_shown(key)}: tables and lists are nested more than {limits.DEPTH} deep")
            for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
                _check_text(key, str(name), long=True)
                waiting.append((f"{key}.{name}" if key else str(name), inner, depth + 1, long or name in own))
        else:
            _check_value(key, value, long)


def deeper_than(value: Any, most: int) -> bool:
    """Whether lists and mappings are nested more than `most` deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _check_value(key: str, value: Any, long: bool) -> None:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str):
        _check_text(key, value, long=long)
    elif isinstance(value, int) and abs(value) > limits.WHOLE:
        raise BoundError(f"{_shown(key)}: the whole number is too large; the largest is {limits.WHOLE}")
    elif isinstance(value, float) and not isfinite(value):
        raise BoundError(f"{_shown(key)}: {value} is not a finite number")
    elif isinstance(value, date | time):
        raise BoundError(f"{_shown(key)}: dates and times are not allowed; write a text in quotes")


def _check_text(key: str, text: str, *, long: bool) -> None:
    if "\0" in text:
        raise BoundError(f"{_shown(key)}: the text contains a NUL character; remove it")
    if len(text) > limits.TEXT:
        raise BoundError(f"{_shown(key)}: the text has {len(text):,} characters; at most {limits.TEXT:,} are allowed")
    if long:
        return
    size = len(text.encode("utf-8", "surrogatepass"))
    part = max(len(each.encode("utf-8", "surrogatepass")) for each in text.split("/"))
    if size > limits.PATH:
        raise BoundError(f"{_shown(key)}: the text has {size:,} bytes; a name or path has at most {limits.PATH:,}")
    if part > limits.PATH_PART:
        raise BoundError(f"{_shown(key)}: a name of {part:,} bytes is too long; at most {limits.PATH_PART} are allowed")


def _measure(text: str) -> None:
    """BoundError if parsing the text would cost far more than its length."""
    if len(text) > limits.RECIPE_BYTES:
        raise BoundError(f"it is longer than {limits.RECIPE_BYTES:,} characters")
    line, depth, parts = 1, 0, 1
    for token in _TOKEN.finditer(text):
        kind, piece = token.lastgroup, token[0]
        if kind == "word" and len(piece) > limits.WORD:
            raise BoundError(
                f"line {line}: a number or key of {len(piece):,} characters; at most {limits.WORD} are allowed"
            )
        if kind == "mark":
            depth += (piece in "[{") - (piece in "]}")
            parts = parts + 1 if piece == "." else 1
        if depth > limits.DEPTH:
            raise BoundError(f"line {line}: brackets are nested more than {limits.DEPTH} deep")
        if parts > limits.KEY_PARTS:
            raise BoundError(f"line {line}: a dotted key has more than {limits.KEY_PARTS} parts")
        line += piece.count("\n")


def _shown(key: str) -> str:
    """A key for a message: short and printable."""
    key = key or "a key"
    key = key if len(key) <= limits.NAME else f"{key[: limits.NAME]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in key)
