"""The store of everything a teacher ever wrote: SQLite, addressed by content, append only.

A sample's key is the hash of all that determines it (`engines.base.sample_key`), so no run asks for a sample that is
here. Raw text is kept for ever and parsed whenever it is read, so a better parser costs nothing. The ledger `failures`
has a row for each failed request, whose sample will be asked for again, and for each reply that did not parse when it
was first read. `payments` says what each recipe has used, request by request. Every sample is kept with
its prompt; the few-shot messages that prompts share are kept once (`annotation.prefixes`).

What arrives together is committed together, before the engine is waited for again, so a kill loses at most what
was in flight. Processes may share a store: each transaction is short, inserting a key that is there changes nothing,
and each sees what the others have in flight (`sessions`).
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mindsmirror.annotation.prefixes import Prefixes
from mindsmirror.annotation.store.database import Database
from mindsmirror.annotation.store.integrity import require_structure, require_whole, shown
from mindsmirror.annotation.store.ledger import read_failures, read_payments, usage_of, write_failure, write_payment
from mindsmirror.annotation.store.rows import (
    COLUMNS,
    Failure,
    Stored,
    checksum,
    document,
    encode,
    inserted,
    stored_of,
)
from mindsmirror.annotation.store.sessions import Sent, Session
from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.errors import StorageError
from mindsmirror.records import Usage


class Store:
    """An open store; use it in a `with` block, which commits at its end.

    Opening it reads all of it: a store that is damaged, or lacks what was paid last, is a StorageError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        self._database = Database(path)
        try:
            if self._database.version:
                require_structure(self._database)
            self._database.prepare()
            require_whole(self._database)
            self._session = Session(self._database)
            with self._database.guard():
                self._session.begin()
            self._prefixes = Prefixes(self._database.connection)
        except BaseException:
            self._database.close()
            raise

    def get(self, keys: Sequence[str]) -> dict[str, Stored]:
        """Those of the keys that are here; StorageError if one of them cannot be a sample.

        Checksums were compared when the store was opened, and are not compared again.
        """
        found = {}
        for values in self._database.by_key(f"SELECT {','.join(COLUMNS['completions'])} FROM completions", keys):
            stored = stored_of(values)
            if stored is None:
                raise StorageError(
                    f"the store {self.path} cannot be used: sample {shown(values[0])} is not as it was written. "
                    f"`mindsmirror store check {self.path}` says what else is not."
                )
            found[str(values[0])] = stored
        return found

    def here(self, keys: Sequence[str]) -> set[str]:
        """Which of the keys are here, without reading them."""
        return {str(row[0]) for row in self._database.by_key("SELECT key FROM completions", keys)}

    def failures(self, keys: Sequence[str]) -> list[Failure]:
        """The ledger's rows of the keys, oldest first."""
        return read_failures(self._database, keys)

    def put(
        self, purpose: str, model: str, request: Request, completions: Iterable[Completion], repair: int = 0
    ) -> None:
        """Write down what a request brought, failed samples in the ledger; durable after `commit`.

        `repair` is how many replies of the sample were asked for again before.
        """
        now = time.time()
        sampling = request.sampling.model_dump_json()
        with self._database.writing() as connection:
            messages = self._prefixes.kept(request)
            for done in completions:
                if done.finish is Finish.FAILED:
                    failure = Failure(done.key, purpose, model, "failed", done.error, done.text)
                    write_failure(connection, failure, repair, now)
                    continue
                # Plain values: a purpose may be a member of an enumeration, and checksums depend on types.
                row = (
                    *(done.key, str(purpose), model, messages, sampling, encode(done.text), done.finish.value),
                    *(int(done.tokens_in), int(done.tokens_out), now, document(done.alternatives)),
                )
                connection.execute(inserted("completions"), (*row, checksum(*row)))

    def note(self, failures: Iterable[Failure], repair: int = 0) -> None:
        """Write replies that did not parse into the ledger, each key once; durable after `commit`."""
        with self._database.writing() as connection:
            for failure in failures:
                write_failure(connection, failure, repair, time.time())

    def pay(self, payer: str, teacher: str, payment: Usage) -> int:
        """Write down what a request used; durable after `commit`. Returns its number among all payments."""
        with self._database.writing() as connection:
            return write_payment(connection, payer, teacher, payment)

    def payments(self, payer: str, after: int = 0) -> list[tuple[int, str, Usage]]:
        """Number, teacher and usage of all that the payer has paid since the payment with a number."""
        return read_payments(self._database, payer, after)

    @property
    def last_payment(self) -> int:
        """The number of the last payment of anybody, 0 if there is none."""
        return int(self._database.rows("SELECT ifnull(max(id), 0) FROM payments")[0][0])

    def paid(self, payer: str, up_to: int = sys.maxsize) -> dict[str, Usage]:
        """What the payer has paid to each teacher so far, up to the payment with a number."""
        query = (
            "SELECT teacher, sum(samples), sum(tokens_in), sum(tokens_out), sum(usd), sum(seconds) "
            "FROM payments WHERE payer = ? AND id <= ? GROUP BY teacher"
        )
        return {row[0]: usage_of(row[1:]) for row in self._database.rows(query, (payer, up_to))}

    def keys(self) -> Iterator[str]:
        """Every key, sorted."""
        with self._database.guard():
            for (key,) in self._database.connection.execute("SELECT key FROM completions ORDER BY key"):
                yield key

    @property
    def alone(self) -> bool:
        """Whether no other session has the store open."""
        return self._session.alone

    @property
    def changes(self) -> int:
        """A number that differs after another process has committed anything."""
        return int(self._database.rows("PRAGMA data_version")[0][0])

    def begin(self) -> None:
        """Keep others from writing until the next commit."""
        self._database.begin()

    def send(self, name: str, sent: Sent) -> None:
        """Write down what is about to be sent; others see it after `commit`."""
        self._session.send(name, sent)

    def over(self, name: str) -> None:
        """Remove a request from what is in flight, by the name under which it was sent."""
        self._session.over(name)

    def others(self) -> list[Sent]:
        """What other living sessions have in flight. What dead ones had counts as paid at its most."""
        with self._database.guard():
            return self._session.others()

    def commit(self) -> None:
        """Make durable what was put."""
        self._database.commit()

    def close(self) -> None:
        """Commit and close; what is still in flight counts as paid at its most."""
        self.closed = True
        try:
            with self._database.guard():
                self._session.end()
            self._database.commit()
            self._database.checkpoint()
        finally:
            self._database.close()

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
            self.closed = True
            self._session.leave()
            self._database.close()
        else:
            self.close()
