"""`mindsmirror store`: what it prints, its documents, and how it ends."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mindsmirror.annotation.store import Store
from mindsmirror.cli.store import command
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        request = Request("1", (Message("user", "?"),), Sampling(), ("a", "b"))
        store.put("rationale", "m", request, [Completion(key, "x", Finish.STOP) for key in request.keys])
    return path


def store(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def document(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store(*arguments, "--json").stdout)
    return found


def test_a_store_that_is_whole_is_said_to_be(path: Path) -> None:
    ended = store("check", path)
    assert ended.exit_code == 0
    assert ended.stdout.splitlines() == [
        *("2 rows in completions", "0 rows in failures", "0 rows in payments"),
        "the store is whole",
    ]


def test_a_bad_row_is_named_and_set_aside_on_demand(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE completions SET text = x'41' WHERE key = 'b'")
    database.close()
    ended = store("check", path)
    assert ended.exit_code == StorageError.exit_code
    assert "damaged: completions b" in ended.stdout and "--set-aside" in ended.stdout
    found = document("check", path)
    assert found["bad"] == ["completions b"] and not found["usable"]
    ended = store("check", path, "--set-aside")
    assert ended.exit_code == 0 and "1 rows were set aside" in ended.stdout
    assert document("check", path)["rows"] == {"completions": 1, "failures": 0, "payments": 0}


def test_copies_and_merges_say_how_many(path: Path, tmp_path: Path) -> None:
    copy, into = tmp_path / "copy.sqlite", tmp_path / "into.sqlite"
    assert document("copy", path, copy) == {
        "store": str(copy),
        "rows": {"completions": 2, "failures": 0, "payments": 0},
    }
    new = {"completions": 2, "failures": 0, "payments": 0, "lost": 0}
    assert document("merge", into, path, copy) == {
        "into": str(into),
        "merged": [{"store": str(path), **new}, {"store": str(copy), **new, "completions": 0}],
    }
    assert isinstance(store("copy", path, copy).exception, StorageError)
