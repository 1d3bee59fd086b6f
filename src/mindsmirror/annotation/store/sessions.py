"""Who has the store open, and what each has asked for, so that processes ask nothing twice and share their caps.

A session is one opening of the store by one process. A request is written down before it is sent, with its keys and
the most that it can cost, and removed in the transaction that stores the replies. A session ends with its process:
others see by the process's number and start time that it is dead. They count what it had in flight as paid at its
most, because its teacher may have written it. Processes of another machine cannot be looked up; there a session counts
as dead after an hour without a sign of life.
"""

import os
import time
import uuid
from collections.abc import Sequence
from typing import Literal, NamedTuple

from mindsmirror.annotation.store.database import Database, repair_advice
from mindsmirror.annotation.store.integrity import place_of
from mindsmirror.annotation.store.ledger import write_payment
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
        """Enter this session into the store, and count what dead sessions had in flight; durable at once."""
        process, place = this_process(), place_of(self._database.path)
        with self._database.writing() as connection:
            # A copy has its own file, so the sessions of the original do not have it open.
            self._bury([row[0] for row in connection.execute("SELECT id FROM sessions WHERE inode <> ?", place[1:])])
            self._bury(self._dead())
            row = (self.id, *process, *place, time.time())
            connection.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?,?)", row)
        self._database.commit()
        self._database.checkpoint()
        _OPEN.add(self.id)

    def end(self) -> None:
        """End the session; what is still in flight counts as paid at its most."""
        with self._database.writing():
            self._bury([self.id])
        self.leave()

    def leave(self) -> None:
        """End the session where nothing can be written; another session will count what it had in flight."""
        _OPEN.discard(self.id)

    @property
    def alone(self) -> bool:
        """Whether nobody else has the store open."""
        return self._database.rows("SELECT count(*) FROM sessions") == [(1,)]

    def send(self, name: str, sent: Sent) -> None:
        """Write down what is about to be sent; `over` removes it by its name."""
        most = sent.most
        row = (self.id, *sent[:2], most.tokens_in, most.tokens_out, most.usd, " ".join(sent.keys))
        with self._database.writing() as connection:
            query = "INSERT INTO in_flight (session, payer, teacher, tokens_in, tokens_out, usd, keys) VALUES "
            self._sent[name] = int(connection.execute(f"{query} (?,?,?,?,?,?,?)", row).lastrowid or 0)
            if time.monotonic() - self._signed > SIGN_EVERY:
                connection.execute("UPDATE sessions SET seen = ? WHERE id = ?", (time.time(), self.id))
                self._signed = time.monotonic()

    def over(self, name: str) -> None:
        """Remove a request, by its name, from what is in flight."""
        number = self._sent.pop(name, None)
        if number is not None:
            with self._database.writing() as connection:
                connection.execute("DELETE FROM in_flight WHERE id = ?", (number,))

    def others(self) -> list[Sent]:
        """What other living sessions have in flight. What dead ones had is counted first, in a transaction."""
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
                raise StorageError(
                    f"the store {path} cannot be used: its table in_flight is damaged. {repair_advice(path)}"
                )
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
