"""The store keeps what was committed, whatever happens next: kills, torn files, full disks, other processes."""

import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.store import VERSION, Failure, Store, Stored
from mindsmirror.engines.base import Alternative, Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import MindsMirrorError, StorageError
from mindsmirror.records import DualKind, Parse, Usage

FORK = multiprocessing.get_context("fork")
NOBODY = 65534


def request(*keys: str) -> Request:
    return Request("1", (Message("user", "What is 3 + 5?"),), Sampling(temperature=0.5), keys)


def put(store: Store, *completions: Completion) -> None:
    store.put("rationale", "scripted", request(*(c.key for c in completions)), completions)


def done(key: str, text: str = "", finish: Finish = Finish.STOP) -> Completion:
    return Completion(key, text, finish)


def texts(path: Path, keys: Iterable[str]) -> dict[str, str]:
    with Store(path) as store:
        return {key: stored.text for key, stored in store.get(list(keys)).items()}


def test_what_is_put_is_there_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "store.sqlite"
    with Store(path) as store:
        put(store, Completion("a", "8", Finish.STOP, 30, 2), Completion("b", "cut", Finish.LENGTH, 0, 256))
    with Store(path) as store:
        assert store.get(["a", "b", "c"]) == {
            "a": Stored("8", Finish.STOP, 30, 2),
            "b": Stored("cut", Finish.LENGTH, 0, 256),
        }
        assert list(store.keys()) == ["a", "b"]
    row = sqlite3.connect(path).execute("SELECT purpose, model, messages, sampling FROM completions").fetchone()
    assert row[:2] == ("rationale", "scripted")
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert json.loads(row[2]) == [["user", "What is 3 + 5?"]] and json.loads(row[3])["temperature"] == 0.5


def test_what_prompts_share_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    few_shot = (Message("system", "Think."), Message("user", "1 + 1?"), Message("assistant", "2 \ud83d"))
    prompts = [(*few_shot, Message("user", "3 + 5?")), (*few_shot, Message("user", "4 + 4?")), few_shot]
    for _ in range(2):
        with Store(path) as store:
            for prompt in prompts:
                request = Request("1", prompt, Sampling(), (str(len(prompt)) + prompt[-1].content[0],), len(few_shot))
                store.put("rationale", "m", request, [Completion(request.keys[0], "8", Finish.STOP)])
    database = sqlite3.connect(path)
    ((digest, shared),) = database.execute("SELECT digest, messages FROM prefixes").fetchall()
    assert json.loads(shared.decode("utf-8", "surrogatepass")) == [list(message) for message in few_shot]
    kept = [json.loads(row[0]) for row in database.execute("SELECT messages FROM completions ORDER BY key")]
    assert kept == [[digest], [digest, ["user", "3 + 5?"]], [digest, ["user", "4 + 4?"]]]


ALTERNATIVES = st.lists(
    st.builds(Alternative, st.text(st.characters()), st.floats(max_value=0, allow_nan=False)), max_size=9
)


@settings(max_examples=20, deadline=None)
@given(st.lists(ALTERNATIVES, max_size=9))
def test_alternatives_come_back_as_they_were(drawn: list[list[Alternative]]) -> None:
    """Whatever tokens are: control signs, lone surrogates, halves of words; and probabilities of nothing."""
    kept = {str(number): tuple(alternatives) for number, alternatives in enumerate([[], *drawn])}
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder) / "s") as store:
            put(store, *(Completion(k, "x", Finish.LENGTH, 30, 1, alternatives=each) for k, each in kept.items()))
        with Store(Path(folder) / "s") as store:
            found = store.get(list(kept))
    assert {key: each.alternatives for key, each in found.items()} == kept


def test_values_of_other_types_come_back_as_what_sqlite_makes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    purpose = DualKind.RECTIFIED
    with Store(path) as store:
        store.put(purpose, "m", request("a"), [Completion("a", "8", Finish.STOP, True, 2)])
        store.put(purpose, "m", request("b"), [Completion("b", "", Finish.FAILED, error="no route")])
        store.note([Failure("c", purpose, "m", Parse.EMPTY, "empty")])
        store.pay("mine", "t", Usage(samples=1, tokens_in=2, tokens_out=3, usd=1, seconds=2))
    with Store(path) as store:
        assert store.get(["a"]) == {"a": Stored("8", Finish.STOP, 1, 2)}
        assert store.paid("mine") == {"t": Usage(samples=1, tokens_in=2, tokens_out=3, usd=1.0, seconds=2.0)}


def test_a_key_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        put(store, done("a", "first"))
        put(store, done("a", "second", Finish.LENGTH), done("b", "new"))
    assert texts(path, "ab") == {"a": "first", "b": "new"}


def test_more_keys_than_a_query_takes(tmp_path: Path) -> None:
    keys = [f"{n:05}" for n in range(1203)]
    with Store(tmp_path / "store.sqlite") as store:
        put(store, *(done(key, key) for key in keys))
        assert {key: stored.text for key, stored in store.get(keys * 2).items()} == {key: key for key in keys}
        assert store.get([]) == {} and store.failures([]) == []
        assert list(store.keys()) == keys


def test_failures_are_kept_beside_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.sqlite"
    clock = [9e9]
    monkeypatch.setattr(time, "time", lambda: clock[-1])
    with Store(path) as store:
        put(store, Completion("a", "", Finish.FAILED, error="no route"), done("b", "8"))
        clock.append(5.0)
        put(store, Completion("a", "", Finish.FAILED, error="half \ud83d an emoji\x00"))
    clock.append(-3.0)
    with Store(path) as store:
        found = [(f.key, f.kind, f.reason, f.attempt) for f in store.failures(["a", "b"])]
        assert found == [("a", "failed", "no route", 1), ("a", "failed", "half \ud83d an emoji\x00", 2)]
        assert list(store.keys()) == ["b"]
        put(store, done("a", "at last"))
    assert texts(path, "ab") == {"a": "at last", "b": "8"}, "a clock that goes back does no harm"
    assert sqlite3.connect(path).execute("SELECT count(*) FROM failures").fetchone() == (2,)


def test_others_see_what_is_committed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as writer, Store(path) as reader:
        put(writer, done("a"))
        assert list(reader.keys()) == [] and list(writer.keys()) == ["a"]
        writer.commit()
        assert list(reader.keys()) == ["a"]


def test_leaving_by_an_error_keeps_what_was_put(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Store(tmp_path / "store.sqlite") as store:
        put(store, done("a", "8"))
        raise KeyboardInterrupt
    assert texts(tmp_path / "store.sqlite", "a") == {"a": "8"}


WRITERS, STORES = ("p", "q", "r", "s"), 16


def write_at_once(folder: Path, who: str, barrier: Barrier) -> None:
    for number in range(STORES):
        barrier.wait()
        with Store(folder / str(number)) as store:
            for n in range(6):
                put(store, done(f"{who} {n}", who), done(f"both {n}", who))
                store.commit()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Also at the very first opening, where SQLite's change of journal mode does not wait for others."""
    barrier = FORK.Barrier(len(WRITERS), timeout=30)
    workers = [FORK.Process(target=write_at_once, args=(tmp_path, who, barrier)) for who in WRITERS]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(WRITERS)
    for number in range(STORES):
        with Store(tmp_path / str(number)) as store:
            found = {key: stored.text for key, stored in store.get(list(store.keys())).items()}
        assert len(found) == 6 * (len(WRITERS) + 1)
        assert all(text == key.split()[0] for key, text in found.items() if not key.startswith("both"))
        assert {text for key, text in found.items() if key.startswith("both")} <= set(WRITERS)


def copied(source: Path, target: Path) -> Path:
    """The files as a power cut would leave them: database and log, while their writer still has them open."""
    target.mkdir()
    for name in (source.name, f"{source.name}-wal"):
        shutil.copy(source.parent / name, target / name)
    return target / source.name


@pytest.mark.parametrize("harm", ["cut", "flip", "noise"])
def test_a_torn_log_costs_only_what_is_torn(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "store.sqlite"
    ends = []
    with Store(path) as store:
        for number in range(12):
            put(store, done(f"{number:02}", "x" * 900 * number))
            store.commit()
            ends.append(Path(f"{path}-wal").stat().st_size)
        keys = list(store.keys())
        places = range(ends[1] + 7, ends[-1], (ends[-1] - ends[1]) // 9)
        for where in places:
            torn = copied(path, tmp_path / f"{harm}{where}")
            log = Path(f"{torn}-wal")
            whole = log.read_bytes()
            bad = {
                "cut": whole[:where],
                "flip": whole[:where] + bytes([whole[where] ^ 16]) + whole[where + 1 :],
                "noise": whole[:where] + os.urandom(len(whole) - where),
            }
            log.write_bytes(bad[harm])
            safe = sum(end <= where for end in ends)
            assert 2 <= safe < 12
            assert texts(torn, keys) == {f"{n:02}": "x" * 900 * n for n in range(safe)}
            with Store(torn) as again:
                put(again, *(done(key, "again") for key in keys))
            assert len(texts(torn, keys)) == 12


FULL = """
import resource, sys
from pathlib import Path
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Alternative, Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError

resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    with Store(Path(sys.argv[1])) as store:
        for n in range(1000):
            key = f"{n:04}"
            request = Request("1", (Message("user", "?"),), Sampling(), (key,))
            store.put("rationale", "m", request, [Completion(key, "x" * 5000, Finish.STOP)])
            store.commit()
            print(key, flush=True)
except StorageError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_a_full_disk_is_one_error_and_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    ended = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == StorageError.exit_code
    assert "Traceback" not in ended.stderr and ended.stderr.count("\n") == 1
    assert str(path) in ended.stderr and "free some disk space" in ended.stderr
    committed = ended.stdout.split()
    assert 15 < len(committed) < 200
    assert texts(path, committed) == dict.fromkeys(committed, "x" * 5000)
    with Store(path) as store:
        assert list(store.keys()) == committed
        put(store, done("after", "x" * 500_000))
    assert len(texts(path, [*committed, "after"])) == len(committed) + 1


def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        put(store, done("a", "8"))
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    before = path.read_bytes()
    versions = rf"store version {VERSION + 1}, this one reads {VERSION}"
    with pytest.raises(StorageError, match=rf"newer version \({versions}\). Update mindsmirror"):
        Store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("shape", ["folder", "under a file", "text", "cut short"])
def test_a_path_that_is_no_store_is_one_error(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "store.sqlite"
    if shape == "folder":
        path.mkdir()
    elif shape == "under a file":
        path.write_text("x")
        path = path / "store.sqlite"
    elif shape == "text":
        path.write_text("This is no database.\n" * 100)
    else:
        with Store(path) as store:
            put(store, done("a", "x" * 50_000))
        path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(StorageError, match=r"store\.sqlite cannot be used: ") as caught:
        list(Store(path).keys())
    assert "\n" not in str(caught.value) and isinstance(caught.value, MindsMirrorError)


def open_as_nobody(path: Path) -> None:
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    try:
        Store(path)
    except StorageError:
        os._exit(StorageError.exit_code)


def test_a_store_that_may_not_be_read_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        put(store, done("a", "8"))
    path.chmod(0)
    worker = FORK.Process(target=open_as_nobody, args=(path,))
    worker.start()
    worker.join()
    assert worker.exitcode == StorageError.exit_code
    path.chmod(0o600)
    assert texts(path, "a") == {"a": "8"}


TODAY = """
CREATE TABLE completions (
            key TEXT PRIMARY KEY, purpose TEXT NOT NULL, model TEXT NOT NULL, messages BLOB NOT NULL,
            sampling TEXT NOT NULL, text BLOB NOT NULL, finish TEXT NOT NULL,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, created REAL NOT NULL
        , alternatives TEXT NOT NULL DEFAULT '', checksum BLOB NOT NULL DEFAULT x'') WITHOUT ROWID;
CREATE TABLE failures (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL,
            reason BLOB NOT NULL, created REAL NOT NULL
        , kind TEXT NOT NULL DEFAULT 'failed', reply BLOB NOT NULL DEFAULT x'', attempt INTEGER NOT NULL DEFAULT 1,
        checksum BLOB NOT NULL DEFAULT x'');
CREATE INDEX failures_by_key ON failures (key);
CREATE UNIQUE INDEX failures_unparsed ON failures (key) WHERE kind <> 'failed';
CREATE TABLE payments (
            id INTEGER PRIMARY KEY, payer TEXT NOT NULL, teacher TEXT NOT NULL, samples INTEGER NOT NULL,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL, seconds REAL NOT NULL,
            created REAL NOT NULL
        , checksum BLOB NOT NULL DEFAULT x'');
CREATE INDEX payments_by_payer ON payments (payer);
CREATE TABLE prefixes (digest TEXT PRIMARY KEY, messages BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
            id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
            path TEXT NOT NULL, inode INTEGER NOT NULL, seen REAL NOT NULL
        ) WITHOUT ROWID;
CREATE TABLE in_flight (
            id INTEGER PRIMARY KEY, session TEXT NOT NULL, payer TEXT NOT NULL, teacher TEXT NOT NULL,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL, keys TEXT NOT NULL
        );
CREATE TABLE set_aside (
            id INTEGER PRIMARY KEY, place TEXT NOT NULL, row BLOB NOT NULL, created REAL NOT NULL
        );
INSERT INTO completions VALUES
    ('a', 'judgement', 'm', x'5b5d', '{}', x'38', 'stop', 30, 2, 1.0, '[["8", -0.5]]', x'bd83494376a208a2');
INSERT INTO failures VALUES (1, 'b', 'rationale', 'm', x'6e6f', 1.0, 'failed', x'', 1, x'a3920bad9c49a5ae');
INSERT INTO payments VALUES (1, 'mine', 't', 1, 30, 2, NULL, 0.5, 1.0, x'39c705e9e870ee5a');
PRAGMA user_version = 5;
"""
"""A store as the versions before the first release made it, with a row of each kind."""


def open_at_once(path: Path, barrier: Barrier, keys: list[str]) -> None:
    barrier.wait()
    with Store(path) as store:
        assert list(store.keys()) == keys


def opened_at_once(path: Path, keys: list[str]) -> None:
    barrier = FORK.Barrier(3, timeout=30)
    workers = [FORK.Process(target=open_at_once, args=(path, barrier, keys)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]


def test_several_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    for number in range(8):
        opened_at_once(tmp_path / f"{number}.sqlite", [])


def test_a_store_of_today_is_read(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(TODAY)
    database.close()
    opened_at_once(path, ["a"])
    with Store(path) as store:
        assert store.get(["a"]) == {"a": Stored("8", Finish.STOP, 30, 2, (Alternative("8", -0.5),))}
        assert store.failures(["a", "b"]) == [Failure("b", "rationale", "m", "failed", "no")]
        assert store.paid("mine") == {"t": Usage(samples=1, tokens_in=30, tokens_out=2, seconds=0.5)}
        put(store, done("c", "9"))
    assert texts(path, ["a", "c"]) == {"a": "8", "c": "9"}


@pytest.mark.parametrize("version", [1, VERSION - 1])
def test_a_store_of_an_unreleased_version_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    with pytest.raises(StorageError, match=rf"unreleased version \(store version {version}, this one reads {VERSION}"):
        Store(path)


def test_the_ledger_holds_a_reply_that_did_not_parse_once_and_every_failed_request(tmp_path: Path) -> None:
    failed = Completion("a", "half a rep", Finish.FAILED, error="cut off")
    unparsed = Failure("a", "rationale", "scripted", "no_answer", "no sentence states an answer", "Hm \ud83d")
    with Store(tmp_path / "store.sqlite") as store:
        put(store, failed)
        put(store, failed)
        put(store, done("a", "Hm \ud83d"))
        store.note([unparsed])
        store.note([unparsed._replace(kind="empty")])
        store.note([unparsed._replace(key="b")], repair=1)
    with Store(tmp_path / "store.sqlite") as store:
        assert store.failures(["a", "b"]) == [
            Failure("a", "rationale", "scripted", "failed", "cut off", "half a rep", 1),
            Failure("a", "rationale", "scripted", "failed", "cut off", "half a rep", 2),
            unparsed._replace(attempt=3),
            unparsed._replace(key="b", attempt=2),
        ]


def test_payments_are_summed_by_payer_and_teacher(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        for payer, teacher in (("mine", "t"), ("mine", "t"), ("mine", "u"), ("yours", "t")):
            store.pay(
                payer,
                teacher,
                Usage(samples=2, tokens_in=10, tokens_out=3, usd=0.5 if teacher == "t" else None, seconds=1.5),
            )
    with Store(path) as store:
        assert store.paid("mine") == {
            "t": Usage(samples=4, tokens_in=20, tokens_out=6, usd=1.0, seconds=3.0),
            "u": Usage(samples=2, tokens_in=10, tokens_out=3, usd=None, seconds=1.5),
        }
        assert store.paid("yours") == {"t": Usage(samples=2, tokens_in=10, tokens_out=3, usd=0.5, seconds=1.5)}
    torn = Store(path)
    torn.pay("mine", "t", Usage(samples=1, tokens_in=1, tokens_out=1))
    torn.__exit__(StorageError, StorageError("the disk is full"), None)
    with Store(path) as store:
        assert store.paid("mine")["t"].samples == 4, "what was not committed was not paid"
