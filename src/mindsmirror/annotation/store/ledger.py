"""The rows that are never read back as samples: what failed or did not parse, and what was paid."""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from mindsmirror.annotation.store.database import Database
from mindsmirror.annotation.store.rows import Failure, checksum, decode, encode, inserted
from mindsmirror.records import Usage


def write_failure(connection: sqlite3.Connection, failure: Failure, repair: int, now: float) -> None:
    """Enter a failure, one that did not parse once for its key; `repair` is how many repairs came before."""
    query = "SELECT count(*) FROM failures WHERE key = ? AND kind = 'failed'"
    earlier = connection.execute(query, (failure.key,)).fetchone()[0]
    row = (
        *(failure.key, str(failure.purpose), failure.model, encode(failure.reason), now),
        *(str(failure.kind), encode(failure.reply), repair + 1 + earlier),
    )
    connection.execute(inserted("failures"), (*row, checksum(*row)))


def read_failures(database: Database, keys: Sequence[str]) -> list[Failure]:
    """The rows of the keys, oldest first."""
    rows = database.by_key("SELECT id, key, purpose, model, kind, reason, reply, attempt FROM failures", keys)
    return [
        Failure(row[1], row[2], row[3], row[4], decode(row[5]), decode(row[6]), row[7])
        for row in sorted(rows, key=lambda row: int(row[0]))
    ]


def write_payment(connection: sqlite3.Connection, payer: str, teacher: str, payment: Usage) -> int:
    """Write down what a request used; returns the number of the row."""
    usd = None if payment.usd is None else float(payment.usd)
    row = (
        *(payer, teacher, int(payment.samples), int(payment.tokens_in), int(payment.tokens_out)),
        *(usd, float(payment.seconds), time.time()),
    )
    return int(connection.execute(inserted("payments"), (*row, checksum(*row))).lastrowid or 0)


def read_payments(database: Database, payer: str, after: int = 0) -> list[tuple[int, str, Usage]]:
    """Number, teacher and usage of each of a payer's rows whose number is higher."""
    query = (
        "SELECT id, teacher, samples, tokens_in, tokens_out, usd, seconds FROM payments "
        "WHERE payer = ? AND id > ? ORDER BY id"
    )
    return [(row[0], row[1], usage_of(row[2:])) for row in database.rows(query, (payer, after))]


def usage_of(row: Sequence[Any]) -> Usage:
    """Samples, tokens in and out, USD and seconds of a row, or of the sums over several."""
    samples, tokens_in, tokens_out, usd, seconds = row
    return Usage(samples=samples, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd, seconds=seconds)
