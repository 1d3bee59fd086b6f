"""What is wanted of a teacher: each sample with its place, and every attempt at it.

A sample's place is its number among the k rationales of a question by one teacher, among the m judgements of a
rationale, or among its duals of one kind.
Its first attempt is the prompt; each further one is a repair of the reply before. Every attempt has a key of
its own in the store, so which attempts there are follows from what the store holds.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mindsmirror.annotation.judges import Ruling
from mindsmirror.annotation.prompts import Prompt
from mindsmirror.engines.base import Engine, Sampling, sample_key
from mindsmirror.engines.config import Price
from mindsmirror.records import Annotation, Example, Rationale, SelfEvaluation


@dataclass(frozen=True)
class Teacher:
    """An engine that is opened when it is needed."""

    name: str
    identity: Mapping[str, Any]
    open: Callable[[], Engine]
    price: Price | None = None

    @cached_property
    def key(self) -> str:
        """Equal for teachers of one identity: they share an engine."""
        return json.dumps(dict(self.identity), sort_keys=True)


class Attempt(NamedTuple):
    """One request for one sample, and the key of its reply."""

    prompt: Prompt
    sampling: Sampling
    key: str


@dataclass
class SampleRequest:
    """One sample that is wanted."""

    purpose: str
    teacher: Teacher
    number: int
    """Its place: which of the k rationales of its teacher, or which of the m judgements or duals of one."""
    rationale: int
    """The rationale that is judged or turned round; -1 for a rationale."""
    attempts: list[Attempt]
    first: int = 0
    """For a rationale: how many other teachers' come before those of its teacher."""
    record: Rationale | SelfEvaluation | None = None
    """What the last reply was read as; None if it was never asked for."""
    settled: bool = False
    """Whether there is no further attempt at it in this run."""
    failed: bool = False
    """Whether the last request for it failed."""
    unasked: bool = False
    """Whether a cap kept the last request for it from being sent."""

    @property
    def last(self) -> Attempt:
        """The attempt that counts."""
        return self.attempts[-1]

    @property
    def repairs(self) -> int:
        """How many replies were asked for again."""
        return len(self.attempts) - 1

    def ask_again(self, prompt: Prompt, sampling: Sampling) -> None:
        """Add an attempt."""
        self.attempts.append(_attempt(self.teacher, prompt, sampling, self.number))


def samples_of(
    purpose: str,
    teacher: Teacher,
    prompt: Prompt,
    sampling: Sampling,
    count: int,
    rationale: int = -1,
    first: int = 0,
) -> list[SampleRequest]:
    """The first `count` samples of a prompt."""
    return [
        SampleRequest(purpose, teacher, number, rationale, [_attempt(teacher, prompt, sampling, number)], first)
        for number in range(count)
    ]


def _attempt(teacher: Teacher, prompt: Prompt, sampling: Sampling, number: int) -> Attempt:
    return Attempt(prompt, sampling, sample_key(teacher.identity, prompt.messages, sampling, number))


@dataclass
class Question:
    """A question on its way through the two steps."""

    number: int
    """Its place among all questions, from 0."""
    example: Example
    split: str
    wanted: list[SampleRequest]
    """Its k rationales, of each teacher that writes any."""
    further: list[SampleRequest] | None = None
    """Judgements and duals of its rationales; None until the rationales are settled."""
    outstanding: int = 0
    """Requests that the step waits for."""
    rationales: tuple[Rationale, ...] = ()
    ruling: Ruling | None = None

    @property
    def step(self) -> list[SampleRequest]:
        """The samples of the step that it is in."""
        return self.wanted if self.further is None else self.further


class Usage(NamedTuple):
    """What the stored samples of a step cost, whoever paid for them."""

    samples: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    """At the prices that their teachers have; nothing of those that have none."""

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(
            self.samples + other.samples,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.usd + other.usd,
        )


NOTHING = Usage()


@dataclass(frozen=True)
class Account:
    """What came of one question."""

    number: int
    """Its place among all questions, from 0."""
    annotation: Annotation
    rationales: Usage
    judgements: Usage
    rectified: Usage = NOTHING
    corrupted: Usage = NOTHING
    failed: int = 0
    """Samples whose last request failed."""
    unasked: int = 0
    """Samples known to be wanted that were not asked for, because a cap was reached."""

    @property
    def complete(self) -> bool:
        """Whether every sample of it was asked for."""
        return self.unasked == 0

    @property
    def steps(self) -> dict[str, Usage]:
        """What each step cost, by the name that requests carry."""
        return {
            "rationale": self.rationales,
            "judgement": self.judgements,
            "rectified": self.rectified,
            "corrupted": self.corrupted,
        }

    @property
    def cost(self) -> Usage:
        """Of all steps."""
        return self.rationales.plus(self.judgements).plus(self.rectified).plus(self.corrupted)


@dataclass
class Tally:
    """What the loop has done so far in this process."""

    questions: int = 0
    samples: int = 0
    """That were asked for and have come."""
    found: int = 0
    """That were stored when they were wanted."""
    awaited: int = 0
    """That are asked for and have not come yet."""
    tokens_in: int = 0
    tokens_out: int = 0
    fullness: float = 0.0
    """The largest share of an engine's capacity that was in flight, at most 1."""
