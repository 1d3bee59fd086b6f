"""Samples that are asked for: which engine has how many, who waits for which, and what came of them.

A sample is asked for if it is neither stored nor in flight: prompts of the same words share their samples,
whichever rationale or question they belong to. An engine is opened with the first sample that it is asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from mindsmirror.annotation.judges import Ruling
from mindsmirror.annotation.prompts import Prompt
from mindsmirror.annotation.store import Store, Stored
from mindsmirror.engines.base import Completion, Engine, Finish, Request, Sampling
from mindsmirror.errors import EngineError
from mindsmirror.records import Example, Rationale


@dataclass(frozen=True)
class Teacher:
    """An engine that is opened when it is needed."""

    name: str
    identity: Mapping[str, Any]
    open: Callable[[], Engine]

    @property
    def key(self) -> str:
        """Equal for teachers of one identity: they share an engine."""
        return json.dumps(dict(self.identity), sort_keys=True)


@dataclass
class Ask:
    """One prompt's samples: which keys they have, and what they are for."""

    purpose: str
    prompt: Prompt
    keys: tuple[str, ...]
    teacher: Teacher
    sampling: Sampling
    sample: int = -1
    """The rationale that is judged."""


@dataclass
class Question:
    """A question on its way through the two steps."""

    example: Example
    split: str
    asks: list[Ask] = field(default_factory=list)
    outstanding: int = 0
    rationales: tuple[Rationale, ...] = ()
    ruling: Ruling | None = None


@dataclass
class Tally:
    """What the loop has done so far in this process."""

    questions: int = 0
    samples: int = 0
    tokens_out: int = 0


@dataclass
class _Pending:
    """A request in flight, and the questions whose step waits for it."""

    ask: Ask
    questions: list[Question] = field(default_factory=list)


class Asking:
    """The requests in flight of one run; leaving its `with` block closes the engines."""

    def __init__(self, store: Store, tally: Tally) -> None:
        self._store, self._tally = store, tally
        self._opened = ExitStack()
        self._engines: dict[str, Engine] = {}
        self._in_flight: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._asked: dict[str, str] = {}
        """Key of a sample in flight to its request."""
        self._failed: dict[str, str] = {}
        self._requests = 0

    @property
    def busy(self) -> bool:
        """Whether anything is in flight."""
        return bool(self._pending)

    @property
    def has_room(self) -> bool:
        """Whether every engine that is open wants more samples."""
        return all(self._in_flight[key] < engine.capacity for key, engine in self._engines.items())

    def ask(self, question: Question, asks: Sequence[Ask]) -> None:
        """Ask for what is missing of a step; `outstanding` tells how many requests it waits for."""
        question.asks += asks
        have = self._store.get([key for ask in asks for key in ask.keys])
        needed: dict[str, None] = {}
        for ask in asks:
            wanted = [key for key in ask.keys if key not in have and key not in self._failed]
            missing = tuple(key for key in wanted if key not in self._asked)
            if missing:
                self._submit(ask, missing)
            needed |= dict.fromkeys(self._asked[key] for key in wanted)
        for request in needed:
            self._pending[request].questions.append(question)
        question.outstanding = len(needed)

    def wait(self) -> list[Question]:
        """Store what has ended; return the questions whose step is complete by it."""
        if not self._pending:
            return []
        engine = max(self._in_flight, key=lambda key: self._in_flight[key])
        ended = self._engines[engine].poll()
        if not ended:
            raise EngineError(f"an engine owes replies for {self._in_flight[engine]} samples, but has none: {engine}")
        complete = []
        for request, found in ended:
            pending = self._pending.pop(request.id)
            self._in_flight[engine] -= len(request.keys)
            for key in request.keys:
                del self._asked[key]
            completions = _whole(request, found)
            self._store.put(pending.ask.purpose, pending.ask.teacher.name, request, completions)
            self._count(completions)
            for question in pending.questions:
                question.outstanding -= 1
                if question.outstanding == 0:
                    complete.append(question)
        self._store.commit()
        return complete

    def sample(self, key: str, stored: Mapping[str, Stored]) -> Stored | str:
        """The sample, or the reason why there is none."""
        return stored.get(key) or self._failed[key]

    def _submit(self, ask: Ask, keys: tuple[str, ...]) -> None:
        engine = ask.teacher.key
        if engine not in self._engines:
            self._engines[engine] = self._opened.enter_context(ask.teacher.open())
            self._in_flight[engine] = 0
        self._requests += 1
        request = Request(str(self._requests), ask.prompt.messages, ask.sampling, keys, ask.prompt.shared)
        self._pending[request.id] = _Pending(ask)
        self._asked |= dict.fromkeys(keys, request.id)
        self._in_flight[engine] += len(keys)
        self._engines[engine].submit(request)

    def _count(self, completions: Sequence[Completion]) -> None:
        for done in completions:
            if done.finish is Finish.FAILED:
                self._failed[done.key] = done.error
            else:
                self._tally.samples += 1
                self._tally.tokens_out += done.tokens_out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)


def _whole(request: Request, completions: Sequence[Completion]) -> tuple[Completion, ...]:
    """The completions of a request, with a failed one for each sample that it lacks."""
    found = {done.key for done in completions}
    lacking = [key for key in request.keys if key not in found]
    reason = "the engine returned no such sample"
    return (*completions, *(Completion(key, "", Finish.FAILED, error=reason) for key in lacking))
