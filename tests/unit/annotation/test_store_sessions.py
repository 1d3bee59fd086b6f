"""Those who share a store see what the others have in flight; what the dead had is free again, and counts as paid."""

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from mindsmirror.annotation.store import Sent, Store
from mindsmirror.annotation.store.sessions import EXPIRY
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError
from mindsmirror.records import Usage

FORK = multiprocessing.get_context("fork")
SENT = Sent("mine", "teacher", Usage(tokens_in=100, tokens_out=200, usd=0.5), ("a", "b"))


def sessions(path: Path) -> int:
    with sqlite3.connect(path) as database:
        (number,) = database.execute("SELECT count(*) FROM sessions").fetchone()
    database.close()
    return int(number)


def test_others_see_what_is_in_flight_until_it_is_over(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as one:
        assert one.alone and one.others() == []
        with Store(path) as other:
            assert not one.alone and not other.alone
            one.send("1", SENT)
            one.commit()
            assert other.others() == [SENT] and one.others() == []
            other.commit()
            before = other.changes
            request = Request("1", (Message("user", "?"),), Sampling(), ("a",))
            one.put("rationale", "m", request, [Completion("a", "x", Finish.STOP)])
            one.over("1")
            assert other.changes == before
            one.commit()
            assert other.changes != before
            assert other.others() == [] and other.here(["a", "b"]) == {"a"}
        assert one.alone
    assert sessions(path) == 0
    with Store(path) as store:
        assert store.paid("mine") == {}, "what is over was paid for by whoever had it"


def hold(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    store = Store(path)
    store.send("1", SENT)
    store.send("2", SENT._replace(keys=("c",), most=Usage(tokens_in=100, tokens_out=200)))
    store.commit()
    ready.set()
    time.sleep(60)


def test_what_a_killed_process_had_in_flight_is_free_again_and_counts_as_paid_at_its_most(tmp_path: Path) -> None:
    path, ready = tmp_path / "store.sqlite", FORK.Event()
    with Store(path) as store:
        worker = FORK.Process(target=hold, args=(path, ready))
        worker.start()
        assert ready.wait(30)
        assert {key for sent in store.others() for key in sent.keys} == {"a", "b", "c"}
        store.commit()
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert store.others() == []
        store.commit()
        assert store.paid("mine") == {"teacher": Usage(samples=0, tokens_in=200, tokens_out=400, usd=0.5, seconds=0.0)}
        worker.join()
    with Store(path) as store:
        assert store.paid("mine")["teacher"].tokens_in == 200, "it is counted once"


def test_a_killed_process_is_settled_by_whoever_opens_the_store_next(tmp_path: Path) -> None:
    path, ready = tmp_path / "store.sqlite", FORK.Event()
    worker = FORK.Process(target=hold, args=(path, ready))
    worker.start()
    assert ready.wait(30)
    worker.kill()
    worker.join()
    assert sessions(path) == 1
    with Store(path) as store:
        assert store.alone and store.paid("mine")["teacher"].tokens_out == 400


def test_a_store_that_was_left_without_being_ended_holds_nothing_up(tmp_path: Path) -> None:
    """Where nothing could be written any more, by a process that lives on."""
    path = tmp_path / "store.sqlite"
    left = Store(path)
    left.send("1", SENT)
    left.commit()
    left.__exit__(StorageError, StorageError("the disk is full"), None)
    with Store(path) as store:
        assert store.others() == [] and store.paid("mine")["teacher"].tokens_in == 100


@pytest.mark.parametrize(("silent", "living"), [(EXPIRY / 2, True), (EXPIRY * 2, False)])
def test_on_another_machine_a_sign_of_life_has_to_do(tmp_path: Path, silent: float, living: bool) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as one, Store(path) as other:
        other.send("1", SENT)
        other.commit()
        with sqlite3.connect(path) as database:
            query = "UPDATE sessions SET host = 'elsewhere', seen = ? WHERE id IN (SELECT session FROM in_flight)"
            database.execute(query, (time.time() - silent,))
        database.close()
        assert (one.others() == [SENT]) == living
        one.commit()


def test_payments_of_others_can_be_read_from_where_one_had_come_to(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as one, Store(path) as other:
        assert one.last_payment == 0
        first = one.pay("mine", "t", Usage(samples=1, tokens_in=2, tokens_out=3, usd=0.5, seconds=1.0))
        one.commit()
        second = other.pay("mine", "u", Usage(samples=4, tokens_in=5, tokens_out=6))
        other.pay("yours", "u", Usage(samples=9))
        other.commit()
        assert [number for number, *_ in one.payments("mine")] == [first, second]
        assert one.payments("mine", first) == [(second, "u", Usage(samples=4, tokens_in=5, tokens_out=6))]
        assert one.paid("mine", first) == {"t": Usage(samples=1, tokens_in=2, tokens_out=3, usd=0.5, seconds=1.0)}
