"""What a teacher is asked for: each sample with its place, and every attempt at it.

A sample's place is its number among the k rationales of a question by one teacher, among the m self-evaluations of
a rationale, or among its duals of one kind.
Its first attempt is the prompt; each further one is a repair of the reply before. Every attempt has a key of
its own in the store, so which attempts there are follows from what the store holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mindsmirror.annotation.judges import Ruling
from mindsmirror.annotation.prompts import Prompt
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.engines.base import Sampling, sample_key
from mindsmirror.records import Annotation, Example, Purpose, Rationale, SelfEvaluation, Usage


class Attempt(NamedTuple):
    """One request for one sample, and the key of its reply."""

    prompt: Prompt
    sampling: Sampling
    key: str


@dataclass
class SampleRequest:
    """One sample that a question needs."""

    purpose: Purpose
    teacher: Teacher
    number: int
    """Its place: which of its teacher's k rationales, or which of the self-evaluations or duals of a rationale."""
    rationale: int | None
    """Sample number of the rationale that it evaluates or rewrites; None if it is a rationale itself."""
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
    purpose: Purpose,
    teacher: Teacher,
    prompt: Prompt,
    sampling: Sampling,
    count: int,
    rationale: int | None = None,
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
    first_step: list[SampleRequest]
    """Its k rationales, of each teacher that writes any."""
    second_step: list[SampleRequest] | None = None
    """Self-evaluations and duals of its rationales; None until the rationales are settled."""
    outstanding: int = 0
    """Requests that the step waits for."""
    rationales: tuple[Rationale, ...] = ()
    ruling: Ruling | None = None

    @property
    def step(self) -> list[SampleRequest]:
        """The samples of the step that it is in."""
        return self.first_step if self.second_step is None else self.second_step


@dataclass(frozen=True)
class Account:
    """What came of one question."""

    number: int
    """Its place among all questions, from 0."""
    annotation: Annotation
    usage: Mapping[Purpose, Usage]
    """What its stored samples took, whoever paid for them."""
    failed: int = 0
    """Samples whose last request failed."""
    unasked: int = 0
    """Samples that are needed but were not asked for, because a cap was reached."""

    @property
    def complete(self) -> bool:
        """Whether every sample of it was asked for."""
        return self.unasked == 0

    @property
    def total(self) -> Usage:
        """The usage of all purposes."""
        return sum(self.usage.values(), Usage())


@dataclass
class Tally:
    """What the loop has done so far in this process."""

    questions: int = 0
    found: int = 0
    """Samples that were in the store when they were needed."""
    awaited: int = 0
    """Samples that are asked for and have not come yet."""
    came: Usage = field(default_factory=Usage)
    """The samples that were asked for and have come, without what they cost."""
    fullness: float = 0.0
    """The largest share of an engine's capacity that was in flight, at most 1."""
