"""How the store keeps a prompt: what it shares with others once, in the table `prefixes`, and its digest in the prompt.

The few-shot messages of a prompt set are most of every prompt; with each sample they made a store eight times as
large. A prompt is JSON: the digest of its prefix if it has one, a string, and then its own messages, each a list
of role and content. A prompt that shares nothing has no such string.
"""

import hashlib
import json
import sqlite3
from collections.abc import Sequence

from mindsmirror.engines.base import Request


class Prefixes:
    """The prefixes in a store's database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._here: set[str] = set()

    def kept(self, request: Request) -> bytes:
        """A request's messages as they are kept; writes its prefix down, in the transaction that is open."""
        own = [list(message) for message in request.messages[request.shared :]]
        if not request.shared:
            return _json(own)
        prefix = _json(request.messages[: request.shared])
        digest = digest_of(prefix)
        if digest not in self._here:
            self._database.execute("INSERT OR IGNORE INTO prefixes VALUES (?,?)", (digest, prefix))
            self._here.add(digest)
        return _json([digest, *own])


def digest_of(prefix: bytes) -> str:
    """The name by which prompts know a prefix."""
    return hashlib.sha256(prefix).hexdigest()


def _json(document: Sequence[object]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
