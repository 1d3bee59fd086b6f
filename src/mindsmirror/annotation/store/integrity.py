"""Whether a store is what was written: SQLite's own structures, the checksum of every row, and nothing left behind.

All of it is looked at when a store is opened, because a row whose key was hit would otherwise just be missing, and be
paid for again. A store that was copied without its log while it was in use lacks what was paid last: its file still
names the sessions that had it open, and they had another file open.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.annotation.prefixes import digest_of
from mindsmirror.annotation.store.database import Database, of_the_disk, repair_advice
from mindsmirror.annotation.store.rows import COLUMNS, sound
from mindsmirror.annotation.store.schema import made_of, parts_of
from mindsmirror.errors import StorageError

FAULTS_SHOWN = 3
PLACES = {"completions": "key", "failures": "id", "payments": "id", "prefixes": "digest"}
"""The column by which a table's rows are found."""


class BadRow(NamedTuple):
    """A row that is not as it was written."""

    table: str
    place: Any
    """What `PLACES` names."""
    values: tuple[Any, ...]


def structural_faults(database: Database) -> list[str]:
    """What is wrong with the file's tables, a few lines of it; empty if nothing."""
    try:
        found = [str(row[0]) for row in database.rows(f"PRAGMA integrity_check({FAULTS_SHOWN})")]
        with database.snapshot() as connection:
            lacking = made_of() - parts_of(connection)
    except StorageError as error:
        if of_the_disk(error.__cause__):
            raise
        return [str(error.__cause__)]
    if found == ["ok"]:
        found = [f"{kind} {name} is not as it was made" for kind, name, *_ in sorted(lacking)]
    return found


def bad_rows(database: Database) -> Iterator[BadRow]:
    """Every row whose checksum does not hold; reads the whole store, a row at a time."""
    connection = database.connection
    plain = connection.text_factory
    with database.guard():
        connection.text_factory = lenient
        try:
            for table, columns in COLUMNS.items():
                query = f"SELECT {PLACES[table]}, {','.join(columns)}, checksum FROM {table}"
                for place, *values, found in connection.execute(query):
                    if not sound(table, values, found):
                        yield BadRow(table, place, (*values, found))
            for digest, messages in connection.execute("SELECT digest, messages FROM prefixes"):
                if not isinstance(messages, bytes) or digest_of(messages) != digest:
                    yield BadRow("prefixes", digest, (digest, messages))
        finally:
            connection.text_factory = plain


def lenient(raw: bytes) -> str:
    """A text that may not be one: what is not UTF-8 must not end the reading."""
    return raw.decode("utf-8", "surrogateescape")


def behind(database: Database) -> bool:
    """Whether the file was copied or moved without its log while somebody had it open."""
    if database.has_log:
        return False
    place = place_of(database.path)
    return any(tuple(row) != place for row in database.rows("SELECT path, inode FROM sessions"))


def place_of(path: Path) -> tuple[str, int]:
    """Where a store's file is, which a copy cannot have in common with it."""
    return str(path.resolve()), path.stat().st_ino


def require_structure(database: Database) -> None:
    """StorageError if SQLite finds anything wrong."""
    found = structural_faults(database)
    if found:
        reason = found[0].replace("\n", " ")
        raise StorageError(f"the store {database.path} cannot be used: {reason}. {repair_advice(database.path)}")


def require_whole(database: Database) -> None:
    """StorageError if a row is not as it was written, or what was paid last is missing."""
    path = database.path
    if behind(database):
        raise StorageError(
            f"the store {path} is incomplete: its file was copied or moved while it was in use, without "
            f"{path.name}-wal beside it, which holds the newest replies. Copy it again with `mindsmirror store copy`, "
            f"or go on without these replies by `mindsmirror store check --accept {path}`."
        )
    bad = list(bad_rows(database))
    if bad:
        first = f"{bad[0].table} {shown(bad[0].place)}"
        raise StorageError(
            f"the store {path} has {len(bad)} damaged rows (their checksums differ), the first of them {first}. "
            f"Restore it from a copy, or set them aside by `mindsmirror store check --set-aside {path}`: samples among "
            "them are then asked for again, and paid for."
        )


def shown(place: Any) -> str:
    """A key or number that may have been hit, in a form that can be printed."""
    return ascii(place).strip("'")
