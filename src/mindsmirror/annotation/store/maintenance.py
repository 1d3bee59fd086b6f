"""What a user can do with a store: check it, copy it, merge others into it.

Checking and merging read what they can of a store that is damaged; a copy is only made of one that is whole.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindsmirror.annotation.prefixes import digest_of
from mindsmirror.annotation.store.database import UNREADABLE, Database, log_of
from mindsmirror.annotation.store.integrity import (
    PLACES,
    BadRow,
    bad_rows,
    behind,
    lenient,
    shown,
    structural_faults,
)
from mindsmirror.annotation.store.rows import COLUMNS, checksum, inserted, sound
from mindsmirror.annotation.store.store import Store
from mindsmirror.errors import StorageError
from mindsmirror.system.files import share, temporary_beside

ROWS_A_COMMIT = 10_000


@dataclass
class Findings:
    """What a store holds, and what is wrong with it."""

    rows: dict[str, int]
    """How many rows each table has."""
    structure: list[str] = field(default_factory=list)
    """What SQLite finds wrong, a few lines."""
    bad: list[str] = field(default_factory=list)
    """Table and key of each row that is not as it was written."""
    behind: bool = False
    """Whether it was copied without its log, so that what was paid last is missing."""
    set_aside: int = 0
    """Rows that were set aside now."""
    accepted: bool = False
    """Whether it goes as whole from now on, whatever is missing."""

    @property
    def usable(self) -> bool:
        """Whether a run will take it as it now is."""
        return not self.structure and (not self.bad or self.set_aside > 0) and (not self.behind or self.accepted)


def check_store(path: Path, *, set_aside: bool = False, accept: bool = False) -> Findings:
    """Read all of a store; StorageError if there is none or SQLite cannot even open it.

    With `set_aside` rows that are not as they were written go to the table `set_aside`, so that their samples are asked
    for again; with `accept` a store that lacks what was paid last is taken as it is.
    """
    require_file(path)
    with closing(Database(path)) as database:
        _require_store(database)
        faults = structural_faults(database)
        if faults:
            return Findings({}, faults)
        database.prepare()
        bad = list(bad_rows(database))
        counts = {table: int(database.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in COLUMNS}
        found = Findings(counts, [], [f"{row.table} {shown(row.place)}" for row in bad], behind(database))
        if set_aside and bad:
            _set_aside(database, bad)
            found.set_aside = len(bad)
        if accept and found.behind:
            with database.writing() as connection:
                connection.execute("DELETE FROM in_flight")
                connection.execute("DELETE FROM sessions")
            found.accepted = True
        database.commit()
        database.checkpoint()
    return found


def copy_store(source: Path, target: Path) -> dict[str, int]:
    """Copy a store with all that is committed, also while it is in use; returns how many rows each table has.

    StorageError if the source is not whole, or the target is there.
    """
    require_file(source)
    if target.exists() or log_of(target).exists():
        raise StorageError(
            f"{target} already exists, and a copy replaces nothing. Choose another file, or `merge` into it."
        )
    with Store(source), temporary_beside(target) as part:
        with closing(Database(source)) as database, database.guard(), closing(sqlite3.connect(part)) as copy:
            database.connection.backup(copy)
        with closing(Database(part)) as database:
            with database.writing() as connection:
                # Nobody has the copy open.
                connection.execute("DELETE FROM in_flight")
                connection.execute("DELETE FROM sessions")
            database.commit()
            counts = {table: int(database.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in COLUMNS}
        share(part)
        part.replace(target)
    return counts


def merge_store(target: Path, source: Path) -> dict[str, int]:
    """Take over the sound rows of a store, which may be damaged; returns how many were new in each table, and `lost`.

    `lost` counts rows that could not be taken because they are not as they were written; what SQLite cannot reach
    any more is not counted. A target that is not there is made.
    """
    require_file(source)
    if target.resolve() == source.resolve():
        raise StorageError(f"{target} cannot be merged with itself")
    with Store(target), closing(Database(source)) as damaged, closing(Database(target)) as database:
        _require_store(damaged)
        new, lost = dict.fromkeys(COLUMNS, 0), 0
        for table in COLUMNS:
            known = _marks(database, table)
            for number, (values, whole) in enumerate(_readable(damaged, table)):
                mark = checksum(*values)
                lost += not whole
                if whole and mark not in known:
                    with database.writing() as connection:
                        new[table] += connection.execute(inserted(table), (*values, mark)).rowcount
                    known |= set() if table == "completions" else {mark}
                if number % ROWS_A_COMMIT == 0:
                    database.commit()
            database.commit()
        _merge_prefixes(database, damaged)
        database.commit()
    return {**new, "lost": lost}


def require_file(path: Path) -> None:
    """StorageError if there is no file."""
    if not path.is_file():
        raise StorageError(f"there is no store {path}")


def _require_store(database: Database) -> None:
    if not database.version:
        raise StorageError(f"{database.path} is not a store: it has no tables of one")


def _set_aside(database: Database, bad: Sequence[BadRow]) -> None:
    with database.writing() as connection:
        for row in bad:
            values = [value.hex() if isinstance(value, bytes) else value for value in row.values]
            document = json.dumps(values).encode()
            connection.execute(
                "INSERT INTO set_aside (place, row, created) VALUES (?,?,?)",
                (f"{row.table} {shown(row.place)}", document, time.time()),
            )
            name, place = PLACES[row.table], row.place
            if isinstance(place, str):
                # What is not UTF-8 could not be handed over as text.
                place = place.encode("utf-8", "surrogateescape")
                connection.execute(f"DELETE FROM {row.table} WHERE {name} = CAST(? AS TEXT)", (place,))
            else:
                connection.execute(f"DELETE FROM {row.table} WHERE {name} = ?", (place,))


def _marks(database: Database, table: str) -> set[bytes]:
    """The checksums of what is there; completions are known by their keys."""
    if table == "completions":
        return set()
    with database.guard():
        return {row[0] for row in database.connection.execute(f"SELECT checksum FROM {table}")}


def _readable(database: Database, table: str) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """A table's rows, and whether each is as it was written; after a bad page it goes on from the other end."""
    connection = database.connection
    connection.text_factory = lenient
    place, last = PLACES[table], None
    columns = (*COLUMNS[table], "checksum")
    for order in ("", " DESC"):
        try:
            for number, *values, mark in connection.execute(
                f"SELECT {place}, {','.join(columns)} FROM {table} ORDER BY {place}{order}"
            ):
                if order and number == last:
                    return
                last = last if order else number
                yield tuple(values), sound(table, values, mark)
            return
        except UNREADABLE:
            continue


def _merge_prefixes(database: Database, source: Database) -> None:
    source.connection.text_factory = str
    try:
        for digest, messages in source.connection.execute("SELECT digest, messages FROM prefixes"):
            if not isinstance(messages, bytes) or digest_of(messages) != digest:
                continue
            with database.writing() as connection:
                connection.execute("INSERT OR IGNORE INTO prefixes VALUES (?,?)", (digest, messages))
    except UNREADABLE:
        # Samples are whole without them; they only say what was asked.
        return
