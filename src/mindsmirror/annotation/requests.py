"""Samples that are asked for: which engine has how many, who waits for which, and what came of them.

A sample is asked for if it is neither stored nor in flight: prompts of the same words share their samples,
whichever rationale or question they belong to. Requests wait in a queue until the budget lets them through;
once a cap is reached those that still wait are dropped, and their samples count as not asked for. An engine is
opened with the first request that is sent to it. Of several engines each is served as soon as it has a reply.

Other processes may ask over the same store. What is sent is written down there first, and what another has in flight
already is waited for, while other requests go on; it is asked for here if the other dies or fails.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from mindsmirror.annotation.budget import Spending
from mindsmirror.annotation.samples import Question, SampleRequest, Tally
from mindsmirror.annotation.store import Store, Stored
from mindsmirror.engines.base import Completion, Engine, Finish, Request
from mindsmirror.errors import EngineError, StorageError
from mindsmirror.records import Usage

NAP = 0.005
"""Seconds between two looks at whether one of several engines is ready."""
LOOK_AGAIN = 0.05
"""Seconds between two looks at what others have in flight."""
MOST_ELSEWHERE = 1000
"""Requests that are waited for because another process has them; beyond that no further question is begun."""


@dataclass
class _Pending:
    """A request that waits or is in flight, one of the samples it is for, and the questions that wait for it."""

    request: Request
    sample: SampleRequest
    questions: list[Question] = field(default_factory=list)


class Requests:
    """The requests of one run; leaving its `with` block closes the engines."""

    def __init__(self, store: Store, tally: Tally, spending: Spending) -> None:
        self._store, self._tally, self._spending = store, tally, spending
        self._opened = ExitStack()
        self._engines: dict[str, Engine] = {}
        self._in_flight: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._submitted: set[str] = set()
        """Ids of the pending requests that an engine has."""
        self._queue: deque[_Pending] = deque()
        """The pending requests that are not sent yet."""
        self._elsewhere: list[_Pending] = []
        """The pending requests of which another process has samples in flight."""
        self._complete: list[Question] = []
        """Questions whose step other processes have completed."""
        self._held = False
        """Whether the budget lets no more through for now."""
        self._shared = True
        """Whether others have had the store open since the last look."""
        self._changes = -1
        self._look_at = 0.0
        self._asked: dict[str, str] = {}
        """Key of a sample that waits or is in flight to its request."""
        self._failed: dict[str, str] = {}
        self._requests = 0

    @property
    def busy(self) -> bool:
        """Whether anything waits or is in flight."""
        return bool(self._pending or self._complete)

    @property
    def has_room(self) -> bool:
        """Whether every open engine has room for more samples, and the budget holds nothing back."""
        if self._held or self._complete or len(self._elsewhere) >= MOST_ELSEWHERE:
            return False
        busy = dict(self._in_flight)
        for pending in self._queue:
            key = pending.sample.teacher.key
            if key not in self._engines:
                return False
            busy[key] += len(pending.request.keys)
        return all(busy[key] < engine.capacity for key, engine in self._engines.items())

    def ask(self, question: Question, samples: Sequence[SampleRequest]) -> None:
        """Ask for those of the samples' last attempts that are missing; sets the question's `outstanding` requests."""
        have = self._store.get([each.last.key for each in samples])
        self._tally.found += len(have)
        prompts: dict[object, list[SampleRequest]] = {}
        for each in samples:
            prompt, sampling, key = each.last
            if key not in have and key not in self._failed:
                prompts.setdefault((each.purpose, each.teacher.key, prompt.messages, sampling), []).append(each)
        needed: dict[str, None] = {}
        for missing in prompts.values():
            keys = dict.fromkeys(each.last.key for each in missing if each.last.key not in self._asked)
            if keys:
                self._plan(missing[0], tuple(keys))
            needed |= dict.fromkeys(self._asked[each.last.key] for each in missing)
        for request in needed:
            self._pending[request].questions.append(question)
        question.outstanding = len(needed)

    def send(self) -> None:
        """Submit the requests that the budget allows and no other process has in flight; commits the store."""
        allowed = self._allowed() if self._queue and not self._spending.reached else []
        self._held = bool(self._queue)
        self._store.commit()
        for pending in allowed:
            teacher = pending.sample.teacher
            request = replace(pending.request, attempts=self._spending.attempts(pending.request))
            if teacher.key not in self._engines:
                self._engines[teacher.key] = self._opened.enter_context(teacher.open())
                self._in_flight[teacher.key] = 0
            self._in_flight[teacher.key] += len(request.keys)
            self._tally.awaited += len(request.keys)
            self._engines[teacher.key].submit(request)
            self._submitted.add(request.id)
            share = self._in_flight[teacher.key] / self._engines[teacher.key].capacity
            self._tally.fullness = min(1.0, max(self._tally.fullness, share))

    def wait(self) -> list[Question]:
        """Store what has ended, durable with the store's next commit; the questions whose step is complete by it.

        If a cap is reached and nothing is in flight, it gives up everything that waits. It returns nothing, without
        waiting, if another process may have brought a sample or left room in the budget: `send` then looks again.
        """
        if self._complete:
            by_others, self._complete = self._complete, []
            return by_others
        busy = any(self._in_flight.values())
        if not busy and (self._spending.reached or not (self._elsewhere or self._spending.waits)):
            return self._give_up()
        if not busy:
            time.sleep(LOOK_AGAIN)
        if self._elsewhere and time.monotonic() >= self._look_at:
            self._queue.extendleft(reversed(self._elsewhere))
            self._elsewhere.clear()
            return []
        if not busy:
            return []
        complete: list[Question] = []
        for engine in self._ready():
            complete += self._poll(engine)
        return complete

    def _ready(self) -> list[str]:
        """The engines to poll. Where several are busy, it waits until one is ready, so that none waits for another."""
        busy = [engine for engine, samples in self._in_flight.items() if samples]
        while len(busy) > 1:
            ready = [engine for engine in busy if self._engines[engine].ready()]
            if ready:
                return ready
            time.sleep(NAP)
        return busy

    def _poll(self, engine: str) -> list[Question]:
        ended = self._engines[engine].poll()
        if not ended:
            raise EngineError(
                f"engine {engine}: {self._in_flight[engine]} samples are in flight, but none came. "
                "This is a bug in the engine."
            )
        complete: list[Question] = []
        for request, found in ended:
            pending = self._pending[request.id]
            sample = pending.sample
            self._in_flight[engine] -= len(request.keys)
            self._tally.awaited -= len(request.keys)
            self._submitted.discard(request.id)
            completions = _whole(request, found)
            self._store.put(sample.purpose, sample.teacher.name, request, completions, sample.repairs)
            self._spending.pay(request, sample.teacher, completions)
            self._count(completions)
            complete += self._end(pending)
        return complete

    def found(self, key: str, stored: Mapping[str, Stored]) -> Stored | str | None:
        """The sample, or the reason why its request failed; None if it was not asked for."""
        return stored.get(key) or self._failed.get(key)

    def _plan(self, sample: SampleRequest, keys: tuple[str, ...]) -> None:
        self._requests += 1
        prompt, sampling, _ = sample.last
        request = Request(str(self._requests), prompt.messages, sampling, keys, prompt.shared, subject=prompt.subject)
        self._pending[request.id] = _Pending(request, sample)
        self._queue.append(self._pending[request.id])
        self._asked |= dict.fromkeys(keys, request.id)

    def _allowed(self) -> list[_Pending]:
        """Take from the queue what may be sent, and record it. No other process writes until the store's commit."""
        self._store.begin()
        elsewhere = self._look()
        allowed = []
        while self._queue:
            pending = self._queue[0]
            if not elsewhere.isdisjoint(pending.request.keys):
                self._elsewhere.append(pending)
            elif self._spending.allows(pending.request, pending.sample.teacher):
                allowed.append(pending)
            else:
                break
            self._queue.popleft()
        return allowed

    def _look(self) -> set[str]:
        """Take in what others have done since the last look; the keys of the samples that they have in flight."""
        changes = self._store.changes
        if changes == self._changes and not self._shared:
            return set()
        self._changes, self._shared = changes, not self._store.alone
        self._look_at = time.monotonic() + LOOK_AGAIN
        others = self._store.others()
        self._spending.catch_up(others)
        here = self._store.here([key for pending in self._queue for key in pending.request.keys])
        if here:
            self._spare(here)
        return {key for sent in others for key in sent.keys}

    def _spare(self, here: set[str]) -> None:
        """Ask no more for samples that others have stored meanwhile."""
        queue, self._queue = self._queue, deque()
        for pending in queue:
            request = pending.request
            left = tuple(key for key in request.keys if key not in here)
            if not left:
                self._complete += self._end(pending)
                continue
            for key in set(request.keys) - set(left):
                del self._asked[key]
            pending.request = replace(request, keys=left)
            self._queue.append(pending)

    def _give_up(self) -> list[Question]:
        complete: list[Question] = []
        for pending in (*self._elsewhere, *self._queue):
            complete += self._end(pending)
        self._elsewhere.clear()
        self._queue.clear()
        return complete

    def _end(self, pending: _Pending) -> list[Question]:
        """A request is over: the questions that waited for nothing else."""
        del self._pending[pending.request.id]
        for key in pending.request.keys:
            del self._asked[key]
        for question in pending.questions:
            question.outstanding -= 1
        return [question for question in pending.questions if question.outstanding == 0]

    def _count(self, completions: Sequence[Completion]) -> None:
        for done in completions:
            if done.finish is Finish.FAILED:
                self._failed[done.key] = done.error
            else:
                self._tally.came += Usage(samples=1, tokens_in=done.tokens_in, tokens_out=done.tokens_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            # After a full disk nothing can be written, and a store that is closed has settled it. An engine that is
            # of no use has written nothing for what it still owes; any other may have.
            if not isinstance(error, StorageError) and not self._store.closed:
                self._spending.drop(set() if isinstance(error, EngineError) else self._submitted)
        finally:
            self._opened.__exit__(kind, error, trace)


def _whole(request: Request, completions: Sequence[Completion]) -> tuple[Completion, ...]:
    """The completions of a request, with a failed one for each sample that it lacks."""
    found = {done.key for done in completions}
    lacking = [key for key in request.keys if key not in found]
    reason = "the engine returned no such sample"
    return (*completions, *(Completion(key, "", Finish.FAILED, error=reason) for key in lacking))
