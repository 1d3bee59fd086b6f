"""The store's SQLite connection: transactions, the log beside the file, and one error for whatever goes wrong.

What is committed stands in the log (`-wal`) until a checkpoint moves it into the file. There is one when the store is
opened, every few seconds while it is written, and when it is closed.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindsmirror.annotation.store.paths import unfit
from mindsmirror.annotation.store.schema import make_tables, version_of
from mindsmirror.errors import StorageError

KEYS_A_QUERY = 500
PATIENCE = 60.0
"""Seconds for which another process may hold the store."""
CHECKPOINT_EVERY = 5.0
"""Seconds."""
OF_THE_DISK = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
)
UNREADABLE = (sqlite3.Error, UnicodeDecodeError, MemoryError)
"""What SQLite raises over a damaged store: even what it says of it may be no text, and a size as large as may be."""


class Database:
    """An open connection; after `prepare` it is in WAL mode and has its tables."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.guard():
            if unfit(str(path)):
                raise StorageError(unfit(str(path)))
            path.parent.mkdir(parents=True, exist_ok=True)
            self.has_log = log_of(path).exists()
            """Whether there was a log before this connection was made."""
            # Transactions are opened and committed by hand: the group commit needs to know when.
            self.connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        self._checkpoint_at = time.monotonic() + CHECKPOINT_EVERY

    @property
    def version(self) -> int:
        """Of the tables; 0 if there are none yet."""
        with self.guard():
            return version_of(self.connection, self.path)

    def prepare(self) -> None:
        """Write by WAL, durably, and make the tables of a new store."""
        with self.guard():
            self._use_wal()
            # FULL, not NORMAL: in WAL mode NORMAL can lose commits when the power fails.
            self.connection.execute("PRAGMA synchronous = FULL")
            if not self.version:
                make_tables(self.connection, self.path)

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.guard():
            return self.connection.execute(query, parameters).fetchall()

    def by_key(self, query: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows of a query that have one of the keys."""
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), KEYS_A_QUERY):
            part = tuple(keys[start : start + KEYS_A_QUERY])
            found += self.rows(f"{query} WHERE key IN ({','.join('?' * len(part))})", part)
        return found

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One state of the store for several queries: another process may be making its tables."""
        with self.guard():
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                self.connection.execute("ROLLBACK")

    def begin(self) -> None:
        """Let nobody else write until the next commit."""
        if not self.connection.in_transaction:
            with self.guard():
                self.connection.execute("BEGIN IMMEDIATE")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, opened if none is."""
        with self.guard():
            self.begin()
            yield self.connection

    def commit(self) -> None:
        """Make durable what was written."""
        if self.connection.in_transaction:
            with self.guard():
                self.connection.execute("COMMIT")
                if time.monotonic() >= self._checkpoint_at:
                    self.checkpoint()

    def checkpoint(self) -> None:
        """Move what is committed from the log into the file, as far as nobody is in the way; waits for nobody."""
        with self.guard():
            try:
                self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.OperationalError as error:
                # A reading of this connection that has not ended is in the way, too.
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
        self._checkpoint_at = time.monotonic() + CHECKPOINT_EVERY

    def close(self) -> None:
        """Close; what is not committed is dropped."""
        self.connection.close()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn whatever SQLite or the disk refuses into one StorageError."""
        try:
            yield
        except (*UNREADABLE, OSError) as error:
            advice = (
                "Everything committed before is safe; free some disk space or mend the path, then start the same "
                "command again."
                if of_the_disk(error)
                else repair_advice(self.path)
            )
            raise StorageError(f"the store {self.path} cannot be used: {error}. {advice}") from error

    def _use_wal(self) -> None:
        # Unlike all other statements, the change to WAL fails at once where another process opens the store too.
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.01)


def of_the_disk(error: BaseException | None) -> bool:
    """Whether the disk, or who else uses it, has refused; else the store itself is not what it should be."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, OSError) or (code is not None and code & 0xFF in OF_THE_DISK)


def log_of(path: Path) -> Path:
    """The log that belongs to a database."""
    return Path(f"{path}-wal")


def repair_advice(path: Path) -> str:
    """What can be done about a damaged store."""
    return (
        "It is damaged: restore it from a copy, or take what can be read of it into a new store with "
        f"`mindsmirror store merge NEW.sqlite {path}` and use that."
    )
