"""How many requests a server is sent at once, and when none.

It starts with few and doubles while that pays: while the time of a reply grows clearly less than the number of
requests in flight. Once it does not pay, the number goes back and is tried again later in smaller steps. A
refusal halves it. The caller says what happened; nothing here sends anything or looks at a wall clock.
"""

import time
from collections.abc import Callable

START = 4
"""Requests at once in the beginning."""
WINDOW = 4
"""Replies, at least, from which the time of a reply is taken."""
PAYS = 0.8
"""A raise by some share has paid if the time of a reply grew by less than this much of that share."""
FAST, SLOW = 2.0, 1.5
"""Factors of a raise: until the first one that did not pay, and after it."""
CALM_AFTER_LOSS, CALM_AFTER_REFUSAL = 8, 2
"""Windows without an event until the next raise."""


class Concurrency:
    """The number of requests at once, between 1 and a ceiling, and until when all of them are held back.

    Times are seconds of the monotonic `clock`.
    """

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.ceiling = ceiling
        self.limit = min(START, ceiling)
        """Requests at once."""
        self._clock = clock
        self._factor = FAST
        self._held_until = self._changed = clock()
        self._cut = -1.0
        self._tried: tuple[int, float] | None = None
        """The limit before the last raise, and the time of a reply under it."""
        self._calm = 0
        self._count, self._total = 0, 0.0

    def held(self) -> float:
        """Seconds for which no request may be sent; 0 if one may."""
        return max(0.0, self._held_until - self._clock())

    def hold(self, seconds: float) -> None:
        """Let nothing go for so long."""
        self._held_until = max(self._held_until, self._clock() + seconds)

    def answered(self, began: float, in_flight: int) -> None:
        """A request that began then was answered, with so many in flight (itself among them).

        Requests from before the last change tell nothing of the present limit, and neither do those that
        were fewer than it allows.
        """
        if began < self._changed or in_flight < self.limit:
            return
        self._count += 1
        self._total += self._clock() - began
        if self._count >= max(WINDOW, self.limit):
            self._judge(self._total / self._count)

    def refused(self, began: float) -> None:
        """A request that began then was refused or lost: half as many from now on, once for all in flight."""
        if began <= self._cut:
            return
        self._cut = self._clock()
        self._factor = SLOW
        self._set(max(1, self.limit // 2), CALM_AFTER_REFUSAL)

    def _judge(self, seconds: float) -> None:
        """Raise the limit, keep it or take the last raise back, by the time of a reply."""
        if self._tried is not None:
            before, was = self._tried
            if seconds >= was * (1 + PAYS * (self.limit / before - 1)):
                self._factor = SLOW
                self._set(before, CALM_AFTER_LOSS)
                return
        elif self._calm > 0:
            self._calm -= 1
            self._count, self._total = 0, 0.0
            return
        limit = self.limit
        self._set(min(self.ceiling, max(limit + 1, int(limit * self._factor))), 0)
        self._tried = (limit, seconds) if self.limit > limit else None

    def _set(self, limit: int, calm: int) -> None:
        self.limit, self._calm, self._tried = limit, calm, None
        self._changed = self._clock()
        self._count, self._total = 0, 0.0
