"""Who has the store open, and what each of them has asked for: nothing is asked twice, no cap passed together.

A session is one opening of the store by one process. What it sends is written down before it is sent, with its keys
and the most that it can cost, and struck out in the transaction that keeps the replies. A session ends with its
process, whatever becomes of it: others see by the process's number and start that it is dead, and count what it had
in flight as paid at its most, because its teacher may have written it. Only where processes cannot be looked up,
on another machine, an hour without a sign has to do.
"""

import os
import time
import uuid
from collections.abc import Sequence
from typing import Literal, NamedTuple

from mindsmirror.annotation.store.database import Database, repair_advice
from mindsmirror.annotation.store.ledger import write_payment
from mindsmirror.annotation.store.soundness import place_of
from mindsmirror.errors import StorageError
from mindsmirror.records import Usage
from mindsmirror.system.processes import Process, lives, this_process

EXPIRY = 3600.0
"""Seconds without a sign of life after which a session on another machine counts as dead."""
SIGN_EVERY = 60.0
_OPEN: set[str] = set()
"""The sessions of this process; one that is not here was left without being ended."""


class Sent(NamedTuple):
    """A request that is in flight."""

    payer: str
    teacher: str
    most: Usage
    """The most that it can use, all its attempts together."""
    keys: tuple[str, ...]
    """Of its samples."""


class Session:
    """This opening of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.id = uuid.uuid4().hex
        self._sent: dict[str, int] = {}
        self._signed = time.monotonic()

    def begin(self) -> None:
        """Take part, and settle what the dead have left; the file itself knows of it before anything is paid."""
        process, place = this_process(), place_of(self._database.path)
        with self._database.writing() as connection:
            # A copy has its own file: who had the original open does not have this one open.
            self._bury([row[0] for row in connection.execute("SELECT id FROM sessions WHERE inode <> ?", place[1:])])
            self._bury(self._dead())
            row = (self.id, *process, *place, time.time())
            connection.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?,?)", row)
        self._database.commit()
        self._database.checkpoint()
        _OPEN.add(self.id)

    def end(self) -> None:
        """Take no part any more; what is still in flight counts as paid at its most."""
        with self._database.writing():
            self._bury([self.id])
        self.leave()

    def leave(self) -> None:
        """Where nothing can be written: others will settle it."""
        _OPEN.discard(self.id)

    @property
    def alone(self) -> bool:
        """Whether nobody else has the store open."""
        return self._database.rows("SELECT count(*) FROM sessions") == [(1,)]

    def send(self, name: str, sent: Sent) -> None:
        """Write down what is about to be sent; `name` strikes it out later."""
        most = sent.most
        row = (self.id, *sent[:2], most.tokens_in, most.tokens_out, most.usd, " ".join(sent.keys))
        with self._database.writing() as connection:
            query = "INSERT INTO in_flight (session, payer, teacher, tokens_in, tokens_out, usd, keys) VALUES "
            self._sent[name] = int(connection.execute(f"{query} (?,?,?,?,?,?,?)", row).lastrowid or 0)
            if time.monotonic() - self._signed > SIGN_EVERY:
                connection.execute("UPDATE sessions SET seen = ? WHERE id = ?", (time.time(), self.id))
                self._signed = time.monotonic()

    def over(self, name: str) -> None:
        """Strike it out."""
        number = self._sent.pop(name, None)
        if number is not None:
            with self._database.writing() as connection:
                connection.execute("DELETE FROM in_flight WHERE id = ?", (number,))

    def others(self) -> list[Sent]:
        """What others who live have in flight; what the dead had is settled first, in a transaction."""
        dead = self._dead()
        if dead:
            with self._database.writing():
                self._bury(dead)
        return self._in_flight("<>", self.id)

    def _in_flight(self, which: Literal["=", "<>"], name: str) -> list[Sent]:
        query = f"SELECT payer, teacher, tokens_in, tokens_out, usd, keys FROM in_flight WHERE session {which} ?"
        found = []
        for payer, teacher, tokens_in, tokens_out, usd, keys in self._database.rows(query, (name,)):
            texts = isinstance(payer, str) and isinstance(teacher, str) and isinstance(keys, str)
            if not (texts and isinstance(tokens_in, int) and isinstance(tokens_out, int)):
                path = self._database.path
                raise StorageError(f"the store {path} cannot be used: in_flight is torn. {repair_advice(path)}")
            most = Usage(tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)
            found.append(Sent(payer, teacher, most, tuple(keys.split())))
        return found

    def _dead(self) -> list[str]:
        rows = self._database.rows("SELECT id, host, pid, started, seen FROM sessions WHERE id <> ?", (self.id,))
        return [name for name, host, pid, started, seen in rows if not _living(name, Process(host, pid, started), seen)]

    def _bury(self, names: Sequence[str]) -> None:
        connection = self._database.connection
        for name in names:
            for sent in self._in_flight("=", name):
                write_payment(connection, sent.payer, sent.teacher, sent.most)
            connection.execute("DELETE FROM in_flight WHERE session = ?", (name,))
            connection.execute("DELETE FROM sessions WHERE id = ?", (name,))


def _living(name: str, process: Process, seen: float) -> bool:
    if not isinstance(process.pid, int) or not isinstance(seen, float):
        return False
    found = lives(process)
    if found is None:
        return time.time() - seen < EXPIRY
    return found and (process.pid != os.getpid() or name in _OPEN)
