"""What a recipe may spend on its annotation, and what it has spent.

A cap counts what all runs of the recipe's name have paid into this store, this process included: samples that
were stored already cost nothing, and a run that is started again goes on counting where it stopped. A request
is let through while the caps hold even if everything in flight, and the request itself, costs as much as it
can; once that no longer fits, one request at a time, until a cap is reached. So a cap is passed by no more than
what is in flight, which near its end is a single request, of all processes that share the store: each writes down
there what it is about to send, and counts what the others have. What a process had in flight when it was killed or
interrupted counts as paid at its most.
"""

import hashlib
import time
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror.annotation.store import Payment, Sent, Store
from mindsmirror.annotation.wanted import Teacher
from mindsmirror.engines.base import Completion, Request
from mindsmirror.engines.config import Price

LETTERS_A_TOKEN = 3
"""Fewer than in English text, so that a prompt's cost is guessed too high rather than too low."""
TOKENS_A_MESSAGE = 8


class BudgetConfig(BaseModel):
    """The key `budget` of `[annotation]`: hard caps, each of them optional."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float | None = Field(None, ge=0, description="every teacher that is asked needs a price")
    tokens: int | None = Field(None, ge=0, description="read and written")
    minutes: float | None = Field(None, ge=0, description="in which teachers are waited for")


class Cost(NamedTuple):
    """Tokens, and USD if they are priced."""

    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = None

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out


def dollars(price: Price | None, tokens_in: float, tokens_out: float) -> float | None:
    """What tokens cost in USD; None without a price."""
    return (tokens_in * price.input + tokens_out * price.output) / 1e6 if price else None


def most(request: Request, price: Price | None) -> Cost:
    """What a request can cost if every sample of it fills its room."""
    letters = sum(len(message.content) for message in request.messages)
    tokens_in = letters // LETTERS_A_TOKEN + TOKENS_A_MESSAGE * len(request.messages)
    tokens_out = request.sampling.max_tokens * len(request.keys)
    return Cost(tokens_in, tokens_out, dollars(price, tokens_in, tokens_out))


class Spending:
    """The payments of one recipe name, and whether its budget allows for more."""

    def __init__(self, budget: BudgetConfig, payer: str, store: Store, teachers: Iterable[Teacher] = ()) -> None:
        self.budget, self._payer, self._store = budget, payer, store
        self._reserved: dict[str, tuple[str, Cost]] = {}
        """Teacher and cost of what is in flight here."""
        self._elsewhere: list[Cost] = []
        """What others who pay by the same name have in flight."""
        self._marked: float | None = None
        self._prices = {_account(teacher): teacher.price for teacher in teachers}
        self._read, self._own = store.last_payment, set[int]()
        self.samples = self.tokens_in = self.tokens_out = 0
        self.usd: float | None = 0.0 if any(self._prices.values()) else None
        self._seconds = 0.0
        for account, payment in store.paid(payer, self._read).items():
            self._add(self._priced(account, payment))

    @property
    def seconds(self) -> float:
        """Wall time in which teachers were waited for."""
        return self._seconds + (time.monotonic() - self._marked if self._marked is not None else 0.0)

    @property
    def words(self) -> str:
        """What was paid so far, with its caps: "8120 tokens, $0.0031 of $2"."""
        budget = self.budget
        cap = f" of {budget.tokens}" if budget.tokens is not None else ""
        text = f"{self.tokens_in + self.tokens_out}{cap} tokens"
        if self.usd is not None:
            text += f", ${self.usd:.4f}" + (f" of ${budget.usd:g}" if budget.usd is not None else "")
        if budget.minutes is not None:
            text += f", {self.seconds / 60:.1f} of {budget.minutes:g} minutes"
        return text

    @property
    def reached(self) -> str:
        """The cap that is reached, and what counts for it, in words; empty if none is."""
        budget = self.budget
        counted = f"paid by all runs called {self._payer!r} into this store" if self._payer else "paid into this store"
        if budget.usd is not None and (self.usd or 0.0) >= budget.usd:
            return f"${self.usd or 0.0:.4f} of annotation.budget.usd = {budget.usd:g} {counted}"
        tokens = self.tokens_in + self.tokens_out
        if budget.tokens is not None and tokens >= budget.tokens:
            return f"{tokens} tokens of annotation.budget.tokens = {budget.tokens} {counted}"
        if budget.minutes is not None and self.seconds / 60 >= budget.minutes:
            return f"{self.seconds / 60:.1f} minutes of annotation.budget.minutes = {budget.minutes:g} {counted}"
        return ""

    @property
    def waits(self) -> bool:
        """Whether others have in flight what may leave room for more."""
        return bool(self._elsewhere)

    def catch_up(self, others: Iterable[Sent]) -> None:
        """Count what others have paid by the same name meanwhile, and what they have in flight."""
        self._elsewhere = [
            Cost(sent.tokens_in, sent.tokens_out, sent.usd) for sent in others if sent.payer == self._payer
        ]
        for number, account, payment in self._store.payments(self._payer, self._read):
            self._read = number
            if number not in self._own:
                self._add(self._priced(account, payment))
        self._own.clear()

    def allows(self, request: Request, teacher: Teacher) -> bool:
        """Whether a request may be sent now; if so, what it can cost is reserved until it is paid for.

        The store's transaction is open, and `catch_up` was called in it if others have written.
        """
        cost = most(request, teacher.price)
        if self.reached or ((self._reserved or self._elsewhere) and not self._fits(cost)):
            return False
        self._reserved[request.id] = (_account(teacher), cost)
        self._store.send(request.id, Sent(self._payer, _account(teacher), *cost, request.keys))
        if self._marked is None:
            self._marked = time.monotonic()
        return True

    def pay(self, request: Request, teacher: Teacher, completions: Iterable[Completion]) -> None:
        """Count what a request cost, and put it into the store; durable with the store's next commit."""
        completions = list(completions)
        tokens_in = sum(done.tokens_in for done in completions)
        tokens_out = sum(done.tokens_out for done in completions)
        now = time.monotonic()
        seconds = now - (self._marked if self._marked is not None else now)
        payment = Payment(
            len(completions), tokens_in, tokens_out, dollars(teacher.price, tokens_in, tokens_out), seconds
        )
        self._reserved.pop(request.id, None)
        self._marked = now if self._reserved else None
        self._store.over(request.id)
        self._write(_account(teacher), payment)

    def drop(self, written: set[str]) -> None:
        """Nothing is in flight any more; of what still was, requests that may have been `written` count as paid."""
        for name, (account, cost) in self._reserved.items():
            self._store.over(name)
            if name in written:
                self._write(account, Payment(0, *cost))
        self._reserved.clear()
        self._marked = None

    def _write(self, account: str, payment: Payment) -> None:
        self._add(payment)
        self._own.add(self._store.pay(self._payer, account, payment))

    def _priced(self, account: str, payment: Payment) -> Payment:
        """Tokens that were paid before there was a price are priced now; a teacher of the past as it was then."""
        now = dollars(self._prices.get(account), payment.tokens_in, payment.tokens_out)
        return payment._replace(usd=payment.usd if now is None else now)

    def _fits(self, cost: Cost) -> bool:
        if self.budget.tokens is None and self.budget.usd is None:
            return True
        planned = [*(each for _, each in self._reserved.values()), *self._elsewhere, cost]
        tokens = self.tokens_in + self.tokens_out + sum(each.tokens for each in planned)
        usd = (self.usd or 0.0) + sum(each.usd or 0.0 for each in planned)
        return (self.budget.tokens is None or tokens <= self.budget.tokens) and (
            self.budget.usd is None or usd <= self.budget.usd
        )

    def _add(self, payment: Payment) -> None:
        self.samples += payment.samples
        self.tokens_in += payment.tokens_in
        self.tokens_out += payment.tokens_out
        self._seconds += payment.seconds
        if payment.usd is not None:
            self.usd = (self.usd or 0.0) + payment.usd


def _account(teacher: Teacher) -> str:
    return hashlib.sha256(teacher.key.encode()).hexdigest()[:16]
