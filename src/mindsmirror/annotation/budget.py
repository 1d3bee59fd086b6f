"""What a recipe may spend on its annotation, and what it has spent.

A cap counts what all runs of the recipe's name have paid into this store, this process included: samples that
were stored already cost nothing, and a run that is started again goes on counting where it stopped. A request
is let through while the caps hold even if everything in flight, and the request itself, costs as much as it
can, each of its attempts included; where only one attempt at it fits, it gets one; once that no longer fits either,
one request at a time, until a cap is reached. So a cap is passed by no more than a single request, of all processes
that share the store: each writes down there what it is about to send, and counts what the others have. What a process
had in flight when it was killed or interrupted counts as paid at its most.

What a request can cost follows from its letters and its room; how a server counts is learnt from what it reports, so
under a cap the first request to each teacher goes alone. Wasted tokens, and tokens counted by our own bounds because
the server reports nothing believable, counts as well.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.annotation.store import Sent, Store
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.engines.config import Price
from mindsmirror.engines.counting import Ratio, most_read, own_room
from mindsmirror.records import Usage

ATTEMPTS = 6
"""At each sample of a request, where a cap is far."""


class BudgetConfig(BaseModel):
    """The key `budget` of `[annotation]`: hard caps, each of them optional."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float | None = Field(None, ge=0, le=limits.USD, description="every teacher that is asked needs a price")
    tokens: int | None = Field(None, ge=0, le=limits.COUNTED_TOKENS, description="read and written")
    minutes: float | None = Field(None, ge=0, le=limits.MINUTES, description="in which teachers are waited for")


def dollars(price: Price | None, tokens_in: float, tokens_out: float) -> float | None:
    """What tokens cost in USD; None without a price."""
    return (tokens_in * price.input + tokens_out * price.output) / 1e6 if price else None


@dataclass(frozen=True)
class TokenRatios:
    """How the tokens that a teacher reports compare with our bounds, which follow from a request's letters and room."""

    read: Ratio = field(default_factory=Ratio)
    written: Ratio = field(default_factory=lambda: Ratio(margin=1.0))
    room: int = 0
    """What each sample may have by the teacher's own parameters, if that is more than the recipe gives it."""


def most(request: Request, price: Price | None, ratios: TokenRatios | None = None) -> Usage:
    """The most that one attempt at a request can use: every sample of it fills its room.

    The prompt counts once for each sample: not every server takes them together.
    """
    ratios = ratios or TokenRatios()
    read, room = bounds(request, ratios.room)
    # What was written before tells nothing of how much may be, unless it was more than there was room for.
    tokens_in, tokens_out = ratios.read.of(read), max(room, ratios.written.of(room))
    return Usage(tokens_in=tokens_in, tokens_out=tokens_out, usd=dollars(price, tokens_in, tokens_out))


def bounds(request: Request, room: int = 0) -> tuple[int, int]:
    """Tokens that a request can read and write at most, by its letters and its room alone."""
    samples = len(request.keys)
    return most_read(request.messages) * samples, max(room, request.sampling.max_tokens) * samples


class _Reserved(NamedTuple):
    """The most that a request in flight can use, all its attempts together, and the teacher's account."""

    account: str
    usage: Usage
    attempts: int | None


class Spending:
    """The payments of one recipe name, and whether its budget allows for more."""

    def __init__(self, budget: BudgetConfig, payer: str, store: Store, teachers: Iterable[Teacher] = ()) -> None:
        self.budget, self._payer, self._store = budget, payer, store
        self._reserved: dict[str, _Reserved] = {}
        self._elsewhere: list[Usage] = []
        """What others who pay by the same name have in flight."""
        self._ratios: dict[str, TokenRatios] = {}
        self.estimated = self.wasted = 0
        """Of this process: samples whose counts are our own bounds, and wasted tokens."""
        self._marked: float | None = None
        self._prices = {_account(teacher): teacher.price for teacher in teachers}
        self._read, self._own = store.last_payment, set[int]()
        self._usage = Usage(usd=0.0 if any(self._prices.values()) else None)
        for account, payment in store.paid(payer, self._read).items():
            self._usage += self._priced(account, payment)

    @property
    def usage(self) -> Usage:
        """What all runs of the name have used so far, with the time for which a request is waited for just now."""
        waiting = time.monotonic() - self._marked if self._marked is not None else 0.0
        return self._usage + Usage(seconds=waiting)

    @property
    def words(self) -> str:
        """What was used so far, with its caps: "8120 tokens, $0.0031 of $2 paid"; nobody pays without a price."""
        budget, usage = self.budget, self.usage
        cap = f" of {budget.tokens}" if budget.tokens is not None else ""
        text = f"{usage.tokens}{cap} tokens"
        if usage.usd is not None:
            text += f", ${usage.usd:.4f}" + (f" of ${budget.usd:g}" if budget.usd is not None else "") + " paid"
        if budget.minutes is not None:
            text += f", {usage.seconds / 60:.1f} of {budget.minutes:g} minutes"
        return text

    @property
    def reached(self) -> str:
        """The cap that is reached, and what counts for it, in words; empty if none is."""
        budget, usage = self.budget, self.usage
        counted = f"used by all runs called {self._payer!r} over this store" if self._payer else "used over this store"
        if budget.usd is not None and (usage.usd or 0.0) >= budget.usd:
            return f"${usage.usd or 0.0:.4f} of annotation.budget.usd = {budget.usd:g} {counted}"
        if budget.tokens is not None and usage.tokens >= budget.tokens:
            return f"{usage.tokens} tokens of annotation.budget.tokens = {budget.tokens} {counted}"
        if budget.minutes is not None and usage.seconds / 60 >= budget.minutes:
            return f"{usage.seconds / 60:.1f} minutes of annotation.budget.minutes = {budget.minutes:g} {counted}"
        return ""

    @property
    def waits(self) -> bool:
        """Whether others have in flight what may leave room for more."""
        return bool(self._elsewhere)

    def catch_up(self, others: Iterable[Sent]) -> None:
        """Count what others have paid by the same name meanwhile, and what they have in flight."""
        self._elsewhere = [sent.most for sent in others if sent.payer == self._payer]
        for number, account, payment in self._store.payments(self._payer, self._read):
            self._read = number
            if number not in self._own:
                self._usage += self._priced(account, payment)
        self._own.clear()

    def allows(self, request: Request, teacher: Teacher) -> bool:
        """Whether a request may be sent now; if so, what it can cost is reserved until it is paid for.

        The store's transaction is open, and `catch_up` was called in it if others have written.
        """
        account, ratios = _account(teacher), self._ratios_of(teacher)
        once = most(request, teacher.price, ratios)
        if self.reached or ((self._reserved or self._elsewhere) and not self._fits(once)):
            return False
        capped = self.budget.tokens is not None or self.budget.usd is not None
        if capped and not ratios.read.heard and any(each.account == account for each in self._reserved.values()):
            return False
        attempts = None if not capped else ATTEMPTS if self._fits(once.times(ATTEMPTS)) else 1
        reserved = _Reserved(account, once.times(attempts or 1), attempts)
        self._reserved[request.id] = reserved
        self._store.send(request.id, Sent(self._payer, account, reserved.usage, request.keys))
        if self._marked is None:
            self._marked = time.monotonic()
        return True

    def attempts(self, request: Request) -> int | None:
        """How many attempts at each sample of a request that was allowed may be paid for; None for any number."""
        return self._reserved[request.id].attempts

    def pay(self, request: Request, teacher: Teacher, completions: Iterable[Completion]) -> None:
        """Count what a request cost, and put it into the store; durable with the store's next commit."""
        completions = list(completions)
        tokens_in = sum(done.tokens_in + done.wasted_in for done in completions)
        tokens_out = sum(done.tokens_out + done.wasted_out for done in completions)
        self.wasted += sum(done.wasted_in + done.wasted_out for done in completions)
        self.estimated += sum(done.estimated for done in completions)
        self._learn(request, teacher, completions)
        now = time.monotonic()
        seconds = now - (self._marked if self._marked is not None else now)
        payment = Usage(
            samples=len(completions),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            usd=dollars(teacher.price, tokens_in, tokens_out),
            seconds=seconds,
        )
        self._reserved.pop(request.id, None)
        self._marked = now if self._reserved else None
        self._store.over(request.id)
        self._write(_account(teacher), payment)

    def drop(self, written: set[str]) -> None:
        """Nothing is in flight any more; of what still was, requests that may have been `written` count as paid."""
        for name, reserved in self._reserved.items():
            self._store.over(name)
            if name in written:
                self._write(reserved.account, reserved.usage)
        self._reserved.clear()
        self._marked = None

    def _write(self, account: str, payment: Usage) -> None:
        self._usage += payment
        self._own.add(self._store.pay(self._payer, account, payment))

    def _priced(self, account: str, payment: Usage) -> Usage:
        """Tokens that were paid before there was a price are priced now; a teacher of the past as it was then."""
        now = dollars(self._prices.get(account), payment.tokens_in, payment.tokens_out)
        return payment if now is None else payment.model_copy(update={"usd": now})

    def _fits(self, more: Usage) -> bool:
        if self.budget.tokens is None and self.budget.usd is None:
            return True
        planned = (*(each.usage for each in self._reserved.values()), *self._elsewhere, more)
        whole = sum(planned, self._usage)
        return (self.budget.tokens is None or whole.tokens <= self.budget.tokens) and (
            self.budget.usd is None or (whole.usd or 0.0) <= self.budget.usd
        )

    def _learn(self, request: Request, teacher: Teacher, completions: Sequence[Completion]) -> None:
        """Note how the teacher counts; what is not its own report stands for no more than our bounds."""
        ratios = self._ratios_of(teacher)
        ratios.read.heard = True
        if any(done.finish is Finish.FAILED for done in completions):
            return
        read, room = bounds(request, ratios.room)
        own = not any(done.estimated for done in completions)
        ratios.read.learn(sum(done.tokens_in for done in completions) if own else read, read)
        ratios.written.learn(sum(done.tokens_out + done.wasted_out for done in completions) if own else room, room)

    def _ratios_of(self, teacher: Teacher) -> TokenRatios:
        own = teacher.identity.get("parameters", {}).get("extra", {})
        return self._ratios.setdefault(_account(teacher), TokenRatios(room=own_room(own)))


def _account(teacher: Teacher) -> str:
    return hashlib.sha256(teacher.key.encode()).hexdigest()[:16]
