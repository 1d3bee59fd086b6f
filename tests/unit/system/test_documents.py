"""What is read is measured first: bounds hold, and whatever is within them reads as it always did."""

import gzip
import json
import resource
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mindsmirror import limits
from mindsmirror.limits import BoundError
from mindsmirror.system.documents import check_document, deeper_than, parse_toml, read_bytes, read_lines

SCRAPS = ["a", "b.c", '"', "'", '"""', "'''", "\\", "#", "=", "[", "]", "{", "}", ",", ".", "\n", " ", "1", "0x1", "x"]
SMALL = st.lists(st.sampled_from(SCRAPS), max_size=14).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(SMALL)
@example('a = "x\\"."\n')
@example("a = '''x''''\n")
@example('a = """x"""""\n')
@example("a.b.c = [0.5, 0.25, 1.5]\n")
def test_a_short_text_reads_as_tomllib_reads_it(text: str) -> None:
    try:
        expected: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        expected = None
    try:
        assert parse_toml(text) == expected
    except tomllib.TOMLDecodeError:
        assert expected is None


@given(st.text() | SMALL)
def test_any_text_is_toml_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_toml(text), dict)
    except (tomllib.TOMLDecodeError, BoundError) as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "9" * 5000, "a number or key of 5,000 characters"),
        ("x = 0x" + "F" * 200_000, "a number or key"),
        ("k" * 5000 + " = 1", "a number or key"),
        ("x = " + "[" * 100_000, "line 1: brackets are nested more than 16 deep"),
        ("y = 1\nx = " + "{a = " * 5000 + "1" + "}" * 5000, "line 2: brackets"),
        ("x" + ".a" * 400_000 + " = 1", "a dotted key has more than 16 parts"),
        ("x" + ' . "a"' * 100_000 + " = 1", "a dotted key"),
        ("x" + ".'a'" * 100_000 + " = 1", "a dotted key"),
        ("[x" + ".a" * 100_000 + "]", "a dotted key"),
        ("#" * 1_000_001, "longer than 1,000,000 characters"),
        ("x = '''" + "[.a" * 300_000 + "'''\n" + "y = " + "[" * 20, "line 2: brackets"),
        ('x = "' + '\\"' * 200_000 + '"\ny = ' + "[" * 20, "line 2: brackets"),
    ],
)
def test_what_would_cost_too_much_is_refused_at_once(text: str, reason: str) -> None:
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BoundError, match=reason):
        parse_toml(text)
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@given(JSON)
def test_any_document_is_taken_or_refused_by_key(document: Any) -> None:
    try:
        check_document({"table": {"key": document}}, ["parameters"])
    except BoundError as error:
        assert str(error).startswith("table.key") or "values" in str(error)


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"seed": 2**64}, "seed: the whole number is too large"),
        ({"a": {"b": [1, -(2**63)]}}, "a.b.1: the whole number is too large"),
        ({"price": float("inf")}, "price: inf is not a finite number"),
        ({"price": float("nan")}, "price: nan"),
        ({"name": "a\0b"}, "name: the text contains a NUL"),
        ({"a\0b": 1}, "a key: the text contains a NUL"),
        ({"name": "n" * 300}, "name: a name of 300 bytes is too long; at most 255"),
        ({"path": "ä" * 128}, "path: a name of 256 bytes"),
        ({"path": "a/" * 3000}, "path: the text has 6,000 bytes"),
        ({"parameters": {"x": "a" * 100_001}}, "parameters.x: the text has 100,001 characters"),
        ({"x": _nested(100_000)}, "more than 16 deep"),
        ({"x": list(range(20_001))}, "more than 20,000 values"),
        (tomllib.loads("x = 1979-05-27"), "x: dates and times are not allowed"),
    ],
)
def test_what_no_recipe_needs_is_refused_by_key(document: Any, reason: str) -> None:
    with pytest.raises(BoundError, match=reason):
        check_document(document, ["parameters"])


def test_texts_of_an_engine_may_be_long() -> None:
    check_document({"teacher": [{"parameters": {"extra": {"note": "a" * 5000}}}]}, ["parameters"])
    check_document({"system": "a" * 5000})


@given(JSON, st.integers(0, 4))
def test_depth_is_counted_as_brackets_are(value: Any, most: int) -> None:
    text, depth, deepest, quoted = json.dumps(value), 0, 0, False
    letters = iter(text)
    for letter in letters:
        if quoted and letter == "\\":
            next(letters)
        elif letter == '"':
            quoted = not quoted
        elif not quoted:
            depth += (letter in "[{") - (letter in "]}")
            deepest = max(deepest, depth)
    assert deeper_than(value, most) is (deepest > most)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=5), st.booleans())
def test_lines_are_those_of_the_file(lines: list[bytes], packed: bool) -> None:
    content = b"".join(line + b"\n" for line in lines) + b"end"
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("lines.jsonl.gz" if packed else "lines.jsonl")
        path.write_bytes(gzip.compress(content) if packed else content)
        assert list(read_lines(path)) == [*(line + b"\n" for line in lines), b"end"]


def _bomb(path: Path, pieces: Iterable[bytes]) -> Path:
    with gzip.open(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


def test_bombs_are_refused_after_a_few_megabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = _bomb(tmp_path / "line.gz", [b"a" * 2**20] * 200)
    blank = _bomb(tmp_path / "blank.gz", [b"\n" * 2**20] * 200)
    assert line.stat().st_size + blank.stat().st_size < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BoundError, match="line 1 is longer than 8,388,608 bytes"):
        list(read_lines(line))
    with pytest.raises(BoundError, match="more than 100,000 blank lines before line 100001"):
        list(read_lines(blank))
    monkeypatch.setattr(limits, "ROWS", 1000)
    with pytest.raises(BoundError, match="more than 1,000 lines"):
        list(read_lines(blank))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000


def test_a_file_without_an_end_is_read_no_further_than_its_bound() -> None:
    with pytest.raises(BoundError, match="longer than 1,000 bytes"):
        read_bytes(Path("/dev/zero"), 1000)
    assert read_bytes(Path("/dev/null"), 1000) == b""
