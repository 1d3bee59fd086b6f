"""The store's tables.

`completions`, `failures` and `payments` are kept for good, `prefixes` holds what prompts share. `sessions` are the
processes that have the store open, `in_flight` what they have asked for and may have to pay for, and `set_aside` rows
whose checksum did not hold, as they were found.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from mindsmirror.errors import StorageError

SCHEMA: tuple[str, ...] = (
    """CREATE TABLE completions (
        key TEXT PRIMARY KEY, purpose TEXT NOT NULL, model TEXT NOT NULL, messages BLOB NOT NULL,
        sampling TEXT NOT NULL, text BLOB NOT NULL, finish TEXT NOT NULL,
        tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, created REAL NOT NULL,
        alternatives TEXT NOT NULL DEFAULT '', checksum BLOB NOT NULL DEFAULT x''
    ) WITHOUT ROWID""",
    """CREATE TABLE failures (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, purpose TEXT NOT NULL, model TEXT NOT NULL,
        reason BLOB NOT NULL, created REAL NOT NULL, kind TEXT NOT NULL DEFAULT 'failed',
        reply BLOB NOT NULL DEFAULT x'', attempt INTEGER NOT NULL DEFAULT 1, checksum BLOB NOT NULL DEFAULT x''
    )""",
    "CREATE INDEX failures_by_key ON failures (key)",
    "CREATE UNIQUE INDEX failures_unparsed ON failures (key) WHERE kind <> 'failed'",
    """CREATE TABLE payments (
        id INTEGER PRIMARY KEY, payer TEXT NOT NULL, teacher TEXT NOT NULL, samples INTEGER NOT NULL,
        tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL, seconds REAL NOT NULL,
        created REAL NOT NULL, checksum BLOB NOT NULL DEFAULT x''
    )""",
    "CREATE INDEX payments_by_payer ON payments (payer)",
    "CREATE TABLE prefixes (digest TEXT PRIMARY KEY, messages BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE sessions (
        id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
        path TEXT NOT NULL, inode INTEGER NOT NULL, seen REAL NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE in_flight (
        id INTEGER PRIMARY KEY, session TEXT NOT NULL, payer TEXT NOT NULL, teacher TEXT NOT NULL,
        tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, usd REAL, keys TEXT NOT NULL
    )""",
    """CREATE TABLE set_aside (
        id INTEGER PRIMARY KEY, place TEXT NOT NULL, row BLOB NOT NULL, created REAL NOT NULL
    )""",
)
VERSION = 5
"""Of these tables; it stands in every store (`user_version`)."""


def version_of(database: sqlite3.Connection, path: Path) -> int:
    """The version of a store, 0 for an empty file; StorageError for any but the present one."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        age = "a newer version" if version > VERSION else "an unreleased version"
        raise StorageError(
            f"{path} was written by {age} (store version {version}, this one reads "
            f"{VERSION}). Update mindsmirror, or name another store in [annotation] store."
        )
    return int(version)


@cache
def made_of() -> frozenset[tuple[str, ...]]:
    """Kind, name, table and statement of everything that a store is made of."""
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in SCHEMA:
            database.execute(statement)
        return parts_of(database)


def parts_of(database: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """The same of a store on disk, white space aside: that of its statements depends on how it was made."""
    rows = database.execute("SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_master")
    return frozenset((kind, name, table, "".join(statement.split())) for kind, name, table, statement in rows)


def make_tables(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new store."""
    database.execute("BEGIN IMMEDIATE")
    # Asked again, now that nobody else can write: several processes may open a new store at once.
    if not version_of(database, path):
        for statement in SCHEMA:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
