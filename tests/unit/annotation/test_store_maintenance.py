"""Copies and merges lose nothing that can be read, and count what is new."""

import sqlite3
from pathlib import Path

import pytest

from mindsmirror.annotation.store import Failure, Sent, Store
from mindsmirror.annotation.store.maintenance import check_store, copy_store, merge_store
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError
from mindsmirror.records import Usage


def filled(path: Path, *keys: str, text: str = "x", payer: str = "mine") -> Path:
    with Store(path) as store:
        prompt = (Message("system", "Think."), Message("user", "?"))
        request = Request("1", prompt, Sampling(), keys, shared=1)
        store.put("rationale", "m", request, [Completion(key, f"{text} {key}", Finish.STOP, 3, 4) for key in keys])
        store.note([Failure(keys[0], "rationale", "m", "no_answer", "no sentence", "Hm")])
        store.pay(payer, "t", Usage(samples=len(keys), tokens_in=3, tokens_out=4, usd=0.5, seconds=1.0))
    return path


def texts(path: Path) -> dict[str, str]:
    with Store(path) as store:
        return {key: stored.text for key, stored in store.get(list(store.keys())).items()}


def test_a_copy_has_all_that_is_committed_while_the_store_is_in_use(tmp_path: Path) -> None:
    path, copy = filled(tmp_path / "store.sqlite", "a"), tmp_path / "new" / "copy.sqlite"
    with Store(path) as store:
        store.put("rationale", "m", Request("1", (), Sampling(), ("b",)), [Completion("b", "y", Finish.STOP)])
        store.send("1", Sent("mine", "t", Usage(tokens_in=1, tokens_out=2), ("c",)))
        store.commit()
        assert copy_store(path, copy) == {"completions": 2, "failures": 1, "payments": 1}
        assert [each.name for each in copy.parent.iterdir()] == ["copy.sqlite"]
    found = check_store(copy)
    assert found.usable and not found.behind
    assert texts(copy) == {"a": "x a", "b": "y"}
    with Store(copy) as store:
        assert store.paid("mine")["t"].samples == 1, "what is in flight is the original's"


def test_a_copy_takes_nothings_place_and_is_made_of_nothing_that_is_damaged(tmp_path: Path) -> None:
    path, other = filled(tmp_path / "store.sqlite", "a"), filled(tmp_path / "other.sqlite", "b")
    with pytest.raises(StorageError, match="already exists"):
        copy_store(path, other)
    assert texts(other) == {"b": "x b"}
    with sqlite3.connect(path) as database:
        database.execute("UPDATE completions SET text = x'00'")
    database.close()
    with pytest.raises(StorageError, match="damaged rows"):
        copy_store(path, tmp_path / "copy.sqlite")
    with pytest.raises(StorageError, match="there is no store"):
        copy_store(tmp_path / "none.sqlite", tmp_path / "copy.sqlite")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["other.sqlite", "store.sqlite"]


def test_a_merge_joins_by_key_and_counts_what_is_new(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "one.sqlite", "a", "b"), filled(tmp_path / "other.sqlite", "b", "c", text="y")
    copy = tmp_path / "copy.sqlite"
    copy_store(one, copy)
    assert merge_store(one, other) == {"completions": 1, "failures": 1, "payments": 1, "lost": 0}
    assert texts(one) == {"a": "x a", "b": "x b", "c": "y c"}
    with Store(one) as store:
        assert store.paid("mine") == {"t": Usage(samples=4, tokens_in=6, tokens_out=8, usd=1.0, seconds=2.0)}
        assert {failure.key for failure in store.failures(["a", "b"])} == {"a", "b"}
    for again in (other, copy):
        assert merge_store(one, again) == {"completions": 0, "failures": 0, "payments": 0, "lost": 0}
    with sqlite3.connect(one) as database:
        assert database.execute("SELECT count(*) FROM prefixes").fetchone() == (1,)
    database.close()
    with pytest.raises(StorageError, match="with itself"):
        merge_store(one, one)


def test_what_can_be_read_of_a_damaged_store_goes_into_a_new_one(tmp_path: Path) -> None:
    keys = [f"{number:04}" for number in range(400)]
    path, new = filled(tmp_path / "store.sqlite", *keys, text="x" * 200), tmp_path / "new.sqlite"
    whole = texts(path)
    hit = bytearray(path.read_bytes())
    place = hit.index(whole["0200"].encode()) // 4096 * 4096
    hit[place : place + 4096] = bytes(4096)
    at = hit.index(whole["0300"].encode())
    hit[at] ^= 1
    path.write_bytes(hit)
    with pytest.raises(StorageError, match=r"cannot be used.*store merge NEW\.sqlite"):
        Store(path)
    found = check_store(path)
    assert found.structure and not found.usable
    new_rows = merge_store(new, path)
    kept = texts(new)
    assert new_rows["completions"] == len(kept) and new_rows["lost"] == 1
    assert 360 < len(kept) < 400 and "0300" not in kept
    assert all(whole[key] == text for key, text in kept.items())
    assert {"0000", "0399"} <= kept.keys(), "from both ends"
    assert path.read_bytes() == hit, "the damaged one stays as it is"
    with Store(new) as store:
        assert store.paid("mine")["t"].samples == 400


@pytest.mark.parametrize("content", [b"", b"This is no database.\n" * 300])
def test_what_is_no_store_is_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(content)
    for call in (lambda: check_store(path), lambda: merge_store(tmp_path / "new.sqlite", path)):
        with pytest.raises(StorageError, match=r"store\.sqlite"):
            call()
    assert path.read_bytes() == content
