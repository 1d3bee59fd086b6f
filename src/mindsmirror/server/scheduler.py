"""Requests that wait together are decoded together.

One thread asks the student, or its teacher. It takes the question that has waited longest and all that are asked alike,
up to `together` of them, and asks them in one call, in which none of the replies depends on the others. While it
decodes, others gather for the next call: the busier the server, the larger its batches.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from mindsmirror.inference.question import Question

R = TypeVar("R")
"""What comes of a question: a reply of the student, or of its teacher."""
Ask = Callable[[Sequence[Question], Callable[[int, str], None] | None], Sequence[R]]
"""Asks questions that are alike; is told where a piece of each text goes, by the place of its question."""
Told = Callable[[str], None]


class FullError(Exception):
    """As many questions wait as may; the argument is their number."""


class ClosedError(Exception):
    """The server ends: nothing new is taken."""


class Decoded(NamedTuple):
    """A batch that was asked in one call."""

    questions: int
    seconds: float
    waited: Sequence[float]
    """Seconds from the coming of each question to the call."""


@dataclass(frozen=True)
class Ticket(Generic[R]):
    """A question that waits, and where its reply will be."""

    question: Question
    told: Told | None = None
    reply: "Future[R]" = field(default_factory=Future)
    came: float = field(default_factory=time.monotonic)


class Scheduler(Generic[R]):
    """The queue of whoever is asked, and the thread that works on it."""

    def __init__(
        self,
        ask: Ask[R],
        *,
        queue: int,
        together: int,
        observe: Callable[[Decoded], None] = lambda _: None,
        name: str = "student",
    ) -> None:
        self._ask, self._queue, self._together, self._observe = ask, queue, together, observe
        self._waiting: deque[Ticket[R]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Questions that nobody has begun to answer or given up."""
        with self._changed:
            return self._still()

    @property
    def works(self) -> bool:
        """Whether there is anybody to answer."""
        return self._thread.is_alive()

    def submit(self, questions: Sequence[Question], told: Sequence[Told | None]) -> list["Future[R]"]:
        """Let questions wait, all of them or none; their replies come in these futures, whose `cancel` gives them up.

        FullError if there is no room for them, ClosedError if the server ends.
        """
        tickets: list[Ticket[R]] = [Ticket(*each) for each in zip(questions, told, strict=True)]
        with self._changed:
            if self._closed:
                raise ClosedError
            if self._still() + len(tickets) > self._queue:
                raise FullError(self._still())
            self._waiting.extend(tickets)
            self._changed.notify()
        return [ticket.reply for ticket in tickets]

    def close(self, seconds: float | None = None) -> bool:
        """Take nothing more, answer what waits, and say whether that was done within these seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _still(self) -> int:
        return sum(not ticket.reply.cancelled() for ticket in self._waiting)

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            if not batch:
                continue
            began = time.monotonic()
            replies = self._answered(batch)
            waited = [began - ticket.came for ticket in batch]
            self._observe(Decoded(len(batch), time.monotonic() - began, waited))
            for ticket, reply in zip(batch, replies, strict=True):
                if isinstance(reply, Exception):
                    ticket.reply.set_exception(reply)
                else:
                    ticket.reply.set_result(reply)

    def _take(self) -> list[Ticket[R]] | None:
        """The oldest that waits and those asked alike, less those given up; None once there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            wanted = _manner(self._waiting[0].question)
            taken: list[Ticket[R]] = []
            left: deque[Ticket[R]] = deque()
            for ticket in self._waiting:
                fits = len(taken) < self._together and _manner(ticket.question) == wanted
                (taken if fits else left).append(ticket)
            self._waiting = left
        return [ticket for ticket in taken if ticket.reply.set_running_or_notify_cancel()]

    def _answered(self, batch: Sequence[Ticket[R]], *, again: bool = False) -> list[R | Exception]:
        """What came of each. A batch that fails is asked one by one: no question takes others with it."""

        def tell(place: int, piece: str) -> None:
            if (told := batch[place].told) is not None:
                told(piece)

        try:
            # What was told before a failure is not told twice; the reply brings the rest.
            replies = self._ask([ticket.question for ticket in batch], None if again else tell)
            if len(replies) != len(batch):
                raise ValueError(f"{len(replies)} replies to {len(batch)} questions")
            return list(replies)
        except Exception as error:
            if len(batch) == 1:
                return [error]
            logging.getLogger(__name__).warning("a batch of %d failed and is asked one by one: %s", len(batch), error)
            return [self._answered([ticket], again=True)[0] for ticket in batch]


def _manner(question: Question) -> tuple[object, ...]:
    """What questions must share to be decoded together."""
    return question.mode, question.samples, question.temperature, question.max_tokens
