"""The store of everything a teacher ever wrote: SQLite, addressed by content, append only.

A sample's key is the hash of all that determines it (`engines.base.sample_key`), so a sample that is here is
never asked for twice, whichever run asks. Raw text is kept for ever and parsing happens on reading: a better
parser costs nothing. Whatever gave nothing to use is a row of the ledger `failures` too: a failed request, which
does not keep the sample from being asked for again, and a reply that did not parse when it was first read, which
the reports read anew. `payments` says what each recipe has paid, request by request. Every sample is kept with
its prompt, but for the few-shot messages that prompts share (`annotation.prefixes`).

What arrives together is committed together, before the engine is waited for again, so a kill loses at most what
was in flight. Two processes may share a store: each transaction is short, and inserting a key that is there
changes nothing.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from mindsmirror.annotation.prefixes import Prefixes
from mindsmirror.engines.base import Alternative, Completion, Finish, Request
from mindsmirror.errors import StorageError

KEYS_A_QUERY = 500
PATIENCE = 60.0
"""Seconds for which another process may hold the store."""
SCHEMA: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE IF NOT EXISTS completions (
            key TEXT PRIMARY KEY, purpose TEXT NOT NULL, model TEXT NOT NULL, messages BLOB NOT NULL,
            sampling TEXT NOT NULL, text BLOB NOT NULL, finish TEXT NOT NULL,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, created REAL NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS failures (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL,
            reason BLOB NOT NULL, created REAL NOT NULL
        )""",
        "CREATE INDEX IF NOT EXISTS failures_by_key ON failures (key)",
    ),
    (
        "ALTER TABLE failures ADD COLUMN kind TEXT NOT NULL DEFAULT 'failed'",
        "ALTER TABLE failures ADD COLUMN reply BLOB NOT NULL DEFAULT x''",
        "ALTER TABLE failures ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1",
        "CREATE UNIQUE INDEX failures_unparsed ON failures (key) WHERE kind <> 'failed'",
        """CREATE TABLE payments (
            id INTEGER PRIMARY KEY, payer TEXT NOT NULL, teacher TEXT NOT NULL, samples INTEGER NOT NULL,
            tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL, seconds REAL NOT NULL,
            created REAL NOT NULL
        )""",
        "CREATE INDEX payments_by_payer ON payments (payer)",
    ),
    ("CREATE TABLE prefixes (digest TEXT PRIMARY KEY, messages BLOB NOT NULL) WITHOUT ROWID",),
    ("ALTER TABLE completions ADD COLUMN alternatives TEXT NOT NULL DEFAULT ''",),
)
"""What leads from each version of the store to the next."""
VERSION = len(SCHEMA)


@dataclass(frozen=True)
class Stored:
    """A completion as the store holds it."""

    text: str
    finish: Finish
    tokens_in: int
    tokens_out: int
    alternatives: tuple[Alternative, ...] = ()


class Failure(NamedTuple):
    """A row of the ledger: a request that failed, or a reply that did not parse."""

    key: str
    purpose: str
    model: str
    kind: str
    """How reading it ended, as `records.Parse` has it; "failed" for a request without a reply."""
    reason: str
    reply: str = ""
    """The raw reply."""
    attempt: int = 1
    """The how manyth request for this sample it was, its repairs and what failed before included."""


class Payment(NamedTuple):
    """What was paid to a teacher."""

    samples: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = None
    """At the price of that time; None if it had none."""
    seconds: float = 0.0
    """Wall time in which it was waited for."""


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
                self._prefixes = Prefixes(self._db)
            except BaseException:
                self._db.close()
                raise

    def get(self, keys: Sequence[str]) -> dict[str, Stored]:
        """Those of the keys that are here."""
        rows = self._by_key("SELECT key, text, finish, tokens_in, tokens_out, alternatives FROM completions", keys)
        return {row[0]: Stored(_decode(row[1]), Finish(row[2]), row[3], row[4], _alternatives(row[5])) for row in rows}

    def failures(self, keys: Sequence[str]) -> list[Failure]:
        """The ledger's rows of the keys, oldest first."""
        rows = self._by_key("SELECT id, key, purpose, model, kind, reason, reply, attempt FROM failures", keys)
        return [
            Failure(row[1], row[2], row[3], row[4], _decode(row[5]), _decode(row[6]), row[7])
            for row in sorted(rows, key=lambda row: int(row[0]))
        ]

    def put(
        self, purpose: str, model: str, request: Request, completions: Iterable[Completion], repair: int = 0
    ) -> None:
        """Write down what a request brought, failed samples in the ledger; durable after `commit`.

        `repair` is how many replies of the sample were asked for again before.
        """
        now = time.time()
        sampling = request.sampling.model_dump_json()
        with self._writing():
            messages = self._prefixes.kept(request)
            for done in completions:
                if done.finish is Finish.FAILED:
                    self._note(Failure(done.key, purpose, model, "failed", done.error, done.text), repair, now)
                    continue
                row = (done.key, purpose, model, messages, sampling, _encode(done.text), done.finish.value)
                self._db.execute(
                    "INSERT OR IGNORE INTO completions VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                    (*row, done.tokens_in, done.tokens_out, now, _document(done.alternatives)),
                )

    def note(self, failures: Iterable[Failure], repair: int = 0) -> None:
        """Enter replies that did not parse into the ledger, each key once; durable after `commit`."""
        with self._writing():
            for failure in failures:
                self._note(failure, repair, time.time())

    def pay(self, payer: str, teacher: str, payment: Payment) -> None:
        """Write down what a request cost; durable after `commit`."""
        row = (payment.samples, payment.tokens_in, payment.tokens_out, payment.usd, payment.seconds)
        with self._writing():
            self._db.execute(
                "INSERT INTO payments (payer, teacher, samples, tokens_in, tokens_out, usd, seconds, created) "
                "VALUES (?,?,?,?,?,?,?,?)",
                (payer, teacher, *row, time.time()),
            )

    def paid(self, payer: str) -> dict[str, Payment]:
        """What the payer has paid to each teacher so far."""
        query = (
            "SELECT teacher, sum(samples), sum(tokens_in), sum(tokens_out), sum(usd), sum(seconds) "
            "FROM payments WHERE payer = ? GROUP BY teacher"
        )
        with self._guard():
            return {row[0]: Payment(*row[1:]) for row in self._db.execute(query, (payer,))}

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
        if version not in range(VERSION + 1):
            raise StorageError(
                f"{self.path} was written by a newer version (store version {version}, this one reads "
                f"{VERSION}). Update mindsmirror, or name another store in [annotation] store."
            )
        self._use_wal()
        # FULL, not NORMAL: in WAL mode NORMAL can lose commits when the power fails.
        self._db.execute("PRAGMA synchronous = FULL")
        if version < VERSION:
            self._db.execute("BEGIN IMMEDIATE")
            # Again, now that nobody else can change it: several processes may open an old store at once.
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            for statements in SCHEMA[version:]:
                for statement in statements:
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
            self._db.execute("COMMIT")

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

    def _note(self, failure: Failure, repair: int, now: float) -> None:
        query = "SELECT count(*) FROM failures WHERE key = ? AND kind = 'failed'"
        earlier = self._db.execute(query, (failure.key,)).fetchone()[0]
        self._db.execute(
            "INSERT OR IGNORE INTO failures (key, purpose, model, kind, reason, reply, attempt, created) "
            "VALUES (?,?,?,?,?,?,?,?)",
            (*failure[:4], _encode(failure.reason), _encode(failure.reply), repair + 1 + earlier, now),
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._guard():
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the store {self.path} cannot be used: {error}. Everything committed before is safe; "
                "free some disk space or mend the path, then start the same command again."
            ) from error


def _document(alternatives: tuple[Alternative, ...]) -> str:
    return json.dumps(alternatives) if alternatives else ""


def _alternatives(document: str) -> tuple[Alternative, ...]:
    return tuple(Alternative(text, logprob) for text, logprob in json.loads(document or "[]"))


def _encode(text: str) -> bytes:
    # A model's text may hold lone surrogates, which SQLite's TEXT refuses.
    return text.encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
