"""The store of everything a teacher ever wrote: SQLite, addressed by content, append only.

A sample's key is the hash of all that determines it (`engines.base.sample_key`), so a sample that is here is
never asked for twice, whichever run asks. Raw text is kept for ever and parsing happens on reading: a better
parser costs nothing. A failed request is a row of its own table and does not keep the sample from being asked
for again. What arrives together is committed together, before the engine is waited for again, so a kill loses
at most what was in flight. Two processes may share a store: each transaction is short, and inserting a key
that is there already changes nothing.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.errors import StorageError

VERSION = 1
KEYS_A_QUERY = 500
PATIENCE = 60.0
"""Seconds for which another process may hold the store."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, purpose TEXT NOT NULL, model TEXT NOT NULL, messages BLOB NOT NULL,
    sampling TEXT NOT NULL, text BLOB NOT NULL, finish TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL,
    reason BLOB NOT NULL, created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_by_key ON failures (key);
"""


@dataclass(frozen=True)
class Stored:
    """A completion as the store holds it."""

    text: str
    finish: Finish
    tokens_in: int
    tokens_out: int


class Store:
    """An open store; use it in a `with` block, which commits at its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._guard():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Transactions are opened and committed by hand: the group commit needs to know when.
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def get(self, keys: Sequence[str]) -> dict[str, Stored]:
        """Those of the keys that are here."""
        rows = self._by_key("SELECT key, text, finish, tokens_in, tokens_out FROM completions", keys)
        return {row[0]: Stored(_decode(row[1]), Finish(row[2]), row[3], row[4]) for row in rows}

    def failures(self, keys: Sequence[str]) -> dict[str, str]:
        """The last reason why each of the keys failed, for those that did."""
        rows = self._by_key("SELECT key, reason, id FROM failures", keys)
        return {row[0]: _decode(row[1]) for row in sorted(rows, key=lambda row: int(row[2]))}

    def put(self, purpose: str, model: str, request: Request, completions: Iterable[Completion]) -> None:
        """Write down what a request brought, failed samples in the ledger; durable after `commit`."""
        now = time.time()
        messages = _encode(json.dumps([list(m) for m in request.messages], ensure_ascii=False))
        sampling = request.sampling.model_dump_json()
        with self._guard():
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            for done in completions:
                if done.finish is Finish.FAILED:
                    self._db.execute(
                        "INSERT INTO failures (key, purpose, model, reason, created) VALUES (?,?,?,?,?)",
                        (done.key, purpose, model, _encode(done.error), now),
                    )
                    continue
                row = (done.key, purpose, model, messages, sampling, _encode(done.text), done.finish.value)
                self._db.execute(
                    "INSERT OR IGNORE INTO completions VALUES (?,?,?,?,?,?,?,?,?,?)",
                    (*row, done.tokens_in, done.tokens_out, now),
                )

    def keys(self) -> Iterator[str]:
        """Every key, sorted."""
        with self._guard():
            for (key,) in self._db.execute("SELECT key FROM completions ORDER BY key"):
                yield key

    def commit(self) -> None:
        """Make durable what was put."""
        if self._db.in_transaction:
            with self._guard():
                self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After a full disk the commit fails again; what was committed before is safe either way.
        if isinstance(error, StorageError):
            self._db.close()
        else:
            self.close()

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise StorageError(
                f"{self.path} was written by a newer version (store version {version}, this one reads "
                f"{VERSION}). Update mindsmirror, or name another store in [annotation] store."
            )
        self._use_wal()
        # FULL, not NORMAL: in WAL mode NORMAL can lose commits when the power fails.
        self._db.execute("PRAGMA synchronous = FULL")
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")

    def _use_wal(self) -> None:
        # Unlike all other statements, the change to WAL fails at once where another process opens the store too.
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def _by_key(self, query: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._guard():
            for start in range(0, len(keys), KEYS_A_QUERY):
                part = tuple(keys[start : start + KEYS_A_QUERY])
                rows += self._db.execute(f"{query} WHERE key IN ({','.join('?' * len(part))})", part)
        return rows

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the store {self.path} cannot be used: {error}. Everything committed before is safe; "
                "free some disk space or mend the path, then start the same command again."
            ) from error


def _encode(text: str) -> bytes:
    # A model's text may hold lone surrogates, which SQLite's TEXT refuses.
    return text.encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
