"""Whatever happens to a store's file: the same annotations, bad rows that are named, or one StorageError."""

import os
import random
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.store import Failure, Store
from mindsmirror.annotation.store.maintenance import check_store
from mindsmirror.annotation.store.rows import checksum, inserted
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError
from mindsmirror.records import Annotation, Usage

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

QUESTIONS, PAGE = 12, 4096


def put(store: Store, *completions: Completion) -> None:
    request = Request("1", (Message("user", "?"),), Sampling(), tuple(c.key for c in completions))
    store.put("rationale", "m", request, completions)


def change(path: Path, statement: str, values: Sequence[object] = ()) -> None:
    with sqlite3.connect(path) as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        put(store, *(Completion(key, f"Text {key}.", Finish.STOP, 3, 4) for key in ("a", "b", "c")))
        store.note([Failure("b", "rationale", "m", "no_answer", "no sentence", "Hm")])
        store.pay("mine", "t", Usage(samples=3, tokens_in=3, tokens_out=4, usd=0.5, seconds=1.0))
    return path


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE completions SET text = x'41' WHERE key = 'b'", "completions b"),
        ("UPDATE completions SET finish = 'stopp' WHERE key = 'b'", "completions b"),
        ("UPDATE completions SET tokens_out = 5 WHERE key = 'b'", "completions b"),
        ("UPDATE completions SET key = 'bb' WHERE key = 'b'", "completions bb"),
        ("UPDATE completions SET model = CAST(x'FF' AS TEXT) WHERE key = 'b'", "completions b"),
        ("UPDATE completions SET checksum = x'' WHERE key = 'b'", "completions b"),
        ("UPDATE failures SET reply = x'41' WHERE key = 'b'", "failures 1"),
        ("UPDATE payments SET usd = 0.25 WHERE payer = 'mine'", "payments 1"),
    ],
)
def test_a_row_that_was_changed_is_named_and_asked_for_again_only_where_that_is_wanted(
    filled: Path, statement: str, place: str
) -> None:
    change(filled, statement)
    with pytest.raises(StorageError, match=rf"1 damaged rows .*{place}\. .*store check --set-aside"):
        Store(filled)
    found = check_store(filled)
    assert found.bad == [place] and not found.usable and not found.set_aside
    found = check_store(filled, set_aside=True)
    assert found.bad == [place] and found.usable and found.set_aside == 1
    with Store(filled) as store:
        assert set(store.keys()) == ({"a", "c"} if place.startswith("completions") else {"a", "b", "c"})
    assert check_store(filled).bad == []
    with sqlite3.connect(filled) as database:
        ((kept,),) = database.execute("SELECT place FROM set_aside").fetchall()
    database.close()
    assert kept == place, "it stays in the file"


def test_a_table_whose_description_was_hit_is_named(filled: Path) -> None:
    with sqlite3.connect(filled) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'seen', 'sean') WHERE name = 'sessions'")
    database.close()
    assert check_store(filled).structure == ["table sessions is not as it was made"]
    with pytest.raises(StorageError, match=r"table sessions is not as it was made\. .*store merge NEW"):
        Store(filled)


def test_what_is_no_sample_any_more_is_not_given_out(filled: Path) -> None:
    """Checksums are compared when the store is opened; what a row holds must be a sample whenever it is read."""
    with Store(filled) as store:
        change(filled, "UPDATE completions SET finish = 'stopp' WHERE key = 'b'")
        assert set(store.get(["a", "c"])) == {"a", "c"}
        with pytest.raises(StorageError, match="sample b is not as it was written"):
            store.get(["a", "b"])


def test_a_sample_that_could_never_be_one_is_a_bad_row_whatever_its_checksum(filled: Path) -> None:
    with sqlite3.connect(filled) as database:
        for key, finish, weighed in (("d", "stop", ""), ("e", "stopp", ""), ("f", "stop", "[[")):
            row = (key, "rationale", "m", b"[]", "{}", b"8", finish, 30, 2, 1.0, weighed)
            database.execute(inserted("completions"), (*row, checksum(*row)))
    database.close()
    with pytest.raises(StorageError, match="2 damaged rows"):
        Store(filled)
    assert check_store(filled, set_aside=True).bad == ["completions e", "completions f"]
    with Store(filled) as store:
        assert store.get(["d", "e", "f"]).keys() == {"d"}


@pytest.mark.parametrize("way", ["copied", "moved", "over"])
def test_a_file_without_its_log_says_that_something_is_missing(tmp_path: Path, way: str) -> None:
    path, other = tmp_path / "store.sqlite", tmp_path / "other.sqlite"
    with Store(other) as store:
        put(store, Completion("old", "x", Finish.STOP))
    child = os.fork()
    if child == 0:
        left = Store(path)
        put(left, Completion("a", "x", Finish.STOP))
        left.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    if way == "moved":
        copy = tmp_path / "elsewhere" / "store.sqlite"
        copy.parent.mkdir()
        path.rename(copy)
    else:
        copy = other
        if way == "copied":
            other.unlink()
        shutil.copyfile(path, other)
    with pytest.raises(StorageError, match=r"is incomplete.*-wal.*store copy.*--accept"):
        Store(copy)
    assert check_store(copy).behind and not check_store(copy).usable
    assert check_store(copy, accept=True).usable
    with Store(copy) as store:
        assert "a" not in set(store.keys())
    if way != "moved":
        with Store(path) as store:
            assert set(store.keys()) == {"a"}


def test_a_copy_with_its_log_is_whole_and_so_is_what_another_program_has_mended(tmp_path: Path) -> None:
    path, copy = tmp_path / "store.sqlite", tmp_path / "copy.sqlite"
    left = Store(path)
    put(left, Completion("a", "x", Finish.STOP))
    left.commit()
    for ending in ("", "-wal"):
        shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    left.__exit__(StorageError, StorageError("the disk is full"), None)
    for each in (copy, path):
        # SQLite's own programs take the log into the file and remove it.
        with sqlite3.connect(each) as database:
            database.execute("SELECT count(*) FROM completions").fetchone()
        database.close()
    with Store(path) as store:
        assert list(store.keys()) == ["a"]
    assert check_store(copy).behind, "its log is gone, so nobody can tell"


def test_what_is_committed_reaches_the_file_while_the_store_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mindsmirror.annotation.store.database.CHECKPOINT_EVERY", 0.0)
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        put(store, *(Completion(key, "x", Finish.STOP) for key in ("a", "b")))
        store.commit()
        reading = store.keys()
        assert next(reading) == "a"
        put(store, Completion("c", "x", Finish.STOP))
        # That a reading has not ended is no reason to fail.
        store.commit()
        assert list(reading)
        put(store, Completion("d", "x", Finish.STOP))
        store.commit()
        bare = tmp_path / "bare.sqlite"
        shutil.copyfile(path, bare)
    assert check_store(bare, accept=True).rows["completions"] == 4


def readings(lab: "Lab") -> dict[str, Annotation]:
    """The annotations as far as they are stored."""
    accounts = lab.accounts(lab.sums(QUESTIONS), budget=BudgetConfig(tokens=0))
    return {id: account.annotation for id, account in accounts.items()}


@cache
def real() -> tuple[bytes, dict[str, Annotation]]:
    """A store that was really annotated into, and what is read from it."""
    from unit.annotation.conftest import Lab

    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        lab.annotate(lab.sums(QUESTIONS), teacher=lab.teacher(malformed=0.2, failed=0.05), repairs=1)
        return lab.path.read_bytes(), readings(lab)


def hit(draw: random.Random, hits: int, way: str) -> bytes:
    """That store, hit so often."""
    whole = bytearray(real()[0])
    pages = len(whole) // PAGE
    for _ in range(hits):
        # Half of them where SQLite keeps its own: the header, the beginnings of pages.
        at = draw.randrange(len(whole))
        at = at if draw.random() < 0.5 else at // PAGE * PAGE + draw.randrange(110)
        if way == "flip":
            whole[at] ^= 1 << draw.randrange(8)
        elif way == "noise":
            whole[at] = draw.randrange(256)
        elif way == "swap":
            one, other = draw.randrange(pages) * PAGE, draw.randrange(pages) * PAGE
            whole[one : one + PAGE], whole[other : other + PAGE] = (
                whole[other : other + PAGE],
                whole[one : one + PAGE],
            )
        else:
            return bytes(whole[:at])
    return bytes(whole)


def outcome(folder: Path, content: bytes) -> str:
    """What becomes of reading a store: "same" or "refused"; a check of it agrees."""
    from unit.annotation.conftest import Lab

    lab = Lab(folder)
    lab.path.write_bytes(content)
    found = "same"
    try:
        assert readings(lab) == real()[1]
    except StorageError as error:
        assert str(lab.path) in str(error) and "\n" not in str(error)
        found = "refused"
    try:
        checked = check_store(lab.path)
    except StorageError as error:
        assert str(lab.path) in str(error) and found == "refused"
    else:
        assert checked.usable == (found == "same")
    return found


@given(
    draw=st.randoms(use_true_random=False),
    hits=st.integers(1, 40),
    way=st.sampled_from(["flip", "noise", "swap", "cut"]),
)
@settings(max_examples=50, deadline=None)
def test_a_store_that_was_hit_gives_the_same_or_says_so(draw: random.Random, hits: int, way: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome(Path(folder), hit(draw, hits, way))


def test_the_whole_store_gives_the_same(tmp_path: Path) -> None:
    assert outcome(tmp_path, real()[0]) == "same"
    found = {outcome(tmp_path, hit(random.Random(number), 3, "flip")) for number in range(20)}
    assert "refused" in found
