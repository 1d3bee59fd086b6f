"""The store's tables, and how a store of an older version is brought up to date.

`completions`, `failures` and `payments` are what is kept for good, `prefixes` what prompts share. `sessions` are the
processes that have the store open, `in_flight` what they have asked for and may have to pay, and `set_aside` rows whose
checksum did not hold, as they were found.
"""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from mindsmirror.annotation.store.rows import COLUMNS, checksum
from mindsmirror.errors import StorageError

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
    (
        *(f"ALTER TABLE {table} ADD COLUMN checksum BLOB NOT NULL DEFAULT x''" for table in COLUMNS),
        *(f"UPDATE {table} SET checksum = row_checksum({','.join(columns)})" for table, columns in COLUMNS.items()),
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
    ),
)
"""What leads from each version of the store to the next."""
VERSION = len(SCHEMA)


def version_of(database: sqlite3.Connection, path: Path) -> int:
    """The version of a store, 0 for a new one; StorageError if it is none that is known."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in range(VERSION + 1):
        raise StorageError(
            f"{path} was written by a newer version (store version {version}, this one reads "
            f"{VERSION}). Update mindsmirror, or name another store in [annotation] store."
        )
    return int(version)


@cache
def made_of(version: int) -> frozenset[tuple[str, ...]]:
    """Kind, name, table and statement of everything that a store of a version is made of."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.create_function("row_checksum", -1, checksum)
        for statements in SCHEMA[:version]:
            for statement in statements:
                database.execute(statement)
        return parts_of(database)


def parts_of(database: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """The same of a store that is there, however its statements are broken into lines."""
    rows = database.execute("SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_master")
    return frozenset((kind, name, table, " ".join(statement.split())) for kind, name, table, statement in rows)


def bring_up_to_date(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables that a store lacks; rows from before there were checksums get theirs."""
    database.create_function("row_checksum", -1, checksum, deterministic=True)
    database.execute("BEGIN IMMEDIATE")
    # Again, now that nobody else can change it: several processes may open an old store at once.
    for statements in SCHEMA[version_of(database, path) :]:
        for statement in statements:
            database.execute(statement)
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")
