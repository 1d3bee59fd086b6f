"""What the store's rows hold, and the checksum that every row of worth carries.

A checksum covers all other columns of its row but a number that SQLite gave it. It is no protection against malice.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mindsmirror.engines.base import Alternative, Finish

CHECKSUM_BYTES = 8
COLUMNS: dict[str, tuple[str, ...]] = {
    "completions": (
        *("key", "purpose", "model", "messages", "sampling", "text", "finish", "tokens_in", "tokens_out", "created"),
        "alternatives",
    ),
    "failures": ("key", "purpose", "model", "reason", "created", "kind", "reply", "attempt"),
    "payments": ("payer", "teacher", "samples", "tokens_in", "tokens_out", "usd", "seconds", "created"),
}
"""The columns that a table's checksum covers, in the order in which it does."""


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
    """Its number among the requests for this sample, from 1; repairs and failed requests count."""


def checksum(*values: object) -> bytes:
    """Of a row's values in the order of `COLUMNS`; the types of values count as well."""
    return hashlib.blake2b(ascii(values).encode("ascii"), digest_size=CHECKSUM_BYTES).digest()


def inserted(table: str) -> str:
    """The statement that writes a row with its checksum; a row that is there stays as it is."""
    columns = (*COLUMNS[table], "checksum")
    return f"INSERT OR IGNORE INTO {table} ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})"


def sound(table: str, values: Sequence[Any], found: object) -> bool:
    """Whether a row's values are those that were written; `found` is its checksum."""
    return found == checksum(*values) and (table != "completions" or stored_of(values) is not None)


def stored_of(values: Sequence[Any]) -> Stored | None:
    """The sample of a row of `completions`; None if it cannot be one."""
    text, finish, tokens_in, tokens_out = values[5:9]
    try:
        return Stored(decode(text), Finish(finish), tokens_in, tokens_out, _alternatives(values[10]))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def document(alternatives: tuple[Alternative, ...]) -> str:
    """Alternatives as their column has them."""
    return json.dumps(alternatives) if alternatives else ""


def _alternatives(text: str) -> tuple[Alternative, ...]:
    return tuple(Alternative(word, logprob) for word, logprob in json.loads(text)) if text else ()


def encode(text: str) -> bytes:
    """A model's text may hold lone surrogates, which SQLite's TEXT refuses."""
    return text.encode("utf-8", "surrogatepass")


def decode(raw: bytes) -> str:
    """What `encode` was given."""
    return raw.decode("utf-8", "surrogatepass")
