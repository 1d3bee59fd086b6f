"""Mutated GGUF headers, recipes and rows: each is read, or refused by a clean error that names the file."""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import tiny_gguf
from attacks.scale import ATTACK, TIMES
from unit.models.test_gguf_header import accepted
from unit.runs.test_recipe import PLAIN
from unit.runs.test_recipe_anything import JARGON
from unit.runs.test_recipe_files import TEXT
from unit.tasks.test_own_file import problems

from mindsmirror.errors import DataError, MindsMirrorError, RecipeError, UnknownNameError
from mindsmirror.runs.recipe import make_recipe, read_recipe
from mindsmirror.tasks import TaskConfig, load_task

pytestmark = ATTACK

HEADERS, RECIPES, DOCUMENTS, ROWS = 20_000 * TIMES, 8000 * TIMES, 20_000 * TIMES, 4000 * TIMES
HEADER_BYTES = 9000
"""Of the tiny model's file, which are its header and the beginning of its tensors."""
SCRAPS = (
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\n", b"\r", b'"', b"'''", b"\\", b"\\u0000", b"[", b"]", b"{", b"}", b"[["),
    *(
        b"=",
        b".",
        b",",
        b":",
        b"#",
        b"-",
        b"inf",
        b"nan",
        b"1e999",
        b"9" * 400,
        b"9" * 5000,
        b"0x" + b"F" * 300,
        b"true",
    ),
    *(b"null", b"1979-05-27", b"[" * 300, b"{a=" * 40, b"a." * 40, b"\n" * 200, b"\xe2\x80\xae", b"\xef\xbb\xbf"),
)
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.5, 1e308, float("inf"), float("nan")),
    *("", "a", "a\0b", "\ud800", "x" * 5000, "/" * 300, "../..", "~nobody-at-all/x", "9" * 5000, "\x1b[31m"),
    *([], [[]], {}, {"": 1}, {"a": {"b": []}}, [1] * 50, "train", ["train"], {"train": 1}),
)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """That text, hit one to four times."""
    whole = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(whole) + 1)
        end = min(len(whole), at + draw.choice((0, 0, 1, 1, 5, 40)))
        way = draw.randrange(4)
        if way == 0:
            whole[at:end] = draw.choice(SCRAPS)
        elif way == 1:
            whole[at:end] = bytes(draw.randrange(256) for _ in range(draw.randint(0, 3)))
        elif way == 2:
            whole[at:at] = whole[at:end] * draw.choice((1, 2, 100))
        elif at < len(whole):
            whole[at] ^= 1 << draw.randrange(8)
    return bytes(whole)


def changed(document: Any, draw: random.Random) -> Any:
    """A copy of that document with a value of it replaced, a key added or one removed."""
    document = copy.deepcopy(document)
    table = document
    while True:
        keys: list[Any] = list(table) if isinstance(table, dict) else list(range(len(table)))
        key = draw.choice(keys) if keys else None
        inner = None if key is None else table[key]
        if isinstance(inner, dict | list) and draw.random() < 0.7:
            table = inner
            continue
        if key is not None and draw.random() < 0.15:
            del table[key]
        elif isinstance(table, dict) and (key is None or draw.random() < 0.15):
            table[draw.choice(("parameters", "budget", "path", "base_url", "more", "", "a.b", "\0"))] = draw.choice(ODD)
        elif key is not None:
            table[key] = draw.choice(ODD)
        return document


def read(action: Callable[[], object], named: str, *errors: type[MindsMirrorError]) -> str:
    """ "read", or "refused" where it ends with one line by one of these errors that names the file."""
    try:
        action()
    except errors as error:
        named = "" if isinstance(error, UnknownNameError) else named
        assert named in str(error) and "\n" not in str(error) and not JARGON.search(str(error)), str(error)
        return "refused"
    return "read"


def test_mutated_headers_of_models_are_accepted_or_refused(tmp_path: Path) -> None:
    true = tiny_gguf.write(tmp_path / "tiny.gguf").read_bytes()
    header, rest, place = true[:HEADER_BYTES], true[HEADER_BYTES:], tmp_path / "m.gguf"
    found: Counter[bool] = Counter()
    for number in range(HEADERS):
        draw = random.Random(number)
        found[accepted(place, struck(header, draw) + rest)] += 1
    print(dict(found))
    assert min(found[True], found[False]) > HEADERS // 50


def struck(header: bytes, draw: random.Random) -> bytes:
    """A header with numbers of 1, 4 or 8 bytes replaced, or bytes put in or left out."""
    whole = bytearray(header)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        # Half of them where the counts, the first entries and the first tensors stand.
        at = draw.randrange(len(whole) - 8) if draw.random() < 0.5 else draw.randrange(600)
        width = draw.choice((1, 4, 8))
        most = 1 << (8 * width)
        value = draw.choice((0, 1, 8, 9, most - 1, most // 2, draw.randrange(256), draw.randrange(most)))
        end = at + width if draw.random() < 0.9 else at + draw.choice((0, 1, 9))
        whole[at:end] = value.to_bytes(width, "little")
    return bytes(whole)


def test_mutated_recipes_are_recipes_or_refused(tmp_path: Path) -> None:
    path, found = tmp_path / "mine.toml", Counter[str]()
    for number in range(RECIPES):
        path.write_bytes(mutated(TEXT.encode(), random.Random(number)))
        found[read(lambda: read_recipe(path), str(path), MindsMirrorError)] += 1
    print(dict(found))
    assert min(found["read"], found["refused"]) > RECIPES // 50


def test_recipes_with_odd_values_are_recipes_or_refused() -> None:
    found = Counter[str]()
    for number in range(DOCUMENTS):
        document = changed(PLAIN, random.Random(number))
        found[read(partial(make_recipe, document, "mine.toml"), "", MindsMirrorError)] += 1
    print(dict(found))
    assert min(found["read"], found["refused"]) > DOCUMENTS // 50


def test_mutated_rows_are_a_task_or_refused(tmp_path: Path) -> None:
    path, found = tmp_path / "rows.jsonl", Counter[str]()
    rows = [problem | {"split": "train" if number % 3 else "test"} for number, problem in enumerate(problems(12))]
    for number in range(ROWS):
        draw = random.Random(number)
        if number % 2:
            content = mutated("".join(json.dumps(row) + "\n" for row in rows).encode(), draw)
        else:
            odd = [changed(row, draw) if draw.random() < 0.2 else row for row in rows]
            content = "".join(json.dumps(row) + "\n" for row in odd).encode()
        path.write_bytes(content)
        found[read(lambda: load_task(TaskConfig(name=str(path))), str(path), DataError, RecipeError)] += 1
    print(dict(found))
    assert min(found["read"], found["refused"]) > ROWS // 50
