"""Prompts in, completions out: the protocol that every engine keeps, and the key of a sample.

An engine is driven by two calls. `submit` hands it a request; `poll` waits until at least one submitted
request has ended and returns what has ended. The caller keeps about `capacity` samples in flight, writes
down every reply as it comes, and may submit what follows from it before the rest has ended. Whoever drives
several engines polls those that are `ready`. A request that fails is a completion with `finish == "failed"`;
an exception means that the engine as a whole cannot be used.

A request may ask how likely each of a few words is as the whole reply (`Sampling.choices`). The engine then draws
at most one token, and the completion holds the probabilities of the first token (`alternatives`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror.records import Purpose, Verdict


class Message(NamedTuple):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


ALTERNATIVES = 20
"""How many of the most likely first tokens a completion of a request with choices holds: OpenAI's maximum."""


class Sampling(BaseModel):
    """How tokens are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=1)
    choices: tuple[str, ...] = Field(
        (),
        description="words one of which is the whole reply; the engine tells how likely each is",
        # Left out if there are none, so that requests for text keep the keys under which their samples are stored.
        exclude_if=lambda choices: not choices,
    )


class Finish(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"
    FAILED = "failed"


@dataclass(frozen=True)
class Subject:
    """What a prompt is about. A model reads the messages alone; an engine that makes up its replies reads this."""

    purpose: Purpose
    question: str
    rationale: str = ""
    """The one that is to be evaluated or rewritten."""
    verdict: Verdict | None = None
    """The verdict that a self-evaluation has to explain; None if it has to reach its own."""
    answer: str = ""
    """The right answer, if the prompt gives it."""


@dataclass(frozen=True)
class Request:
    """One prompt, and which of its samples are wanted."""

    id: str
    messages: tuple[Message, ...]
    sampling: Sampling
    keys: tuple[str, ...]
    """Key of each wanted sample (`sample_key`); an engine derives its seeds from them."""
    shared: int = 0
    """How many leading messages this prompt shares with many others (the few-shot prefix)."""
    attempts: int | None = None
    """The most attempts at each sample that may be paid for; None leaves the number to the engine."""
    subject: Subject | None = None
    """What the prompt is about, if the caller says so. It is no part of a sample's key."""


class Alternative(NamedTuple):
    """A possible first token of a reply, and the natural logarithm of its probability."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Completion:
    """One sample, or the reason why there is none."""

    key: str
    text: str
    finish: Finish
    tokens_in: int = 0
    """Prompt tokens. The first sample of a request has all of them, the others 0."""
    tokens_out: int = 0
    error: str = ""
    alternatives: tuple[Alternative, ...] = ()
    """Empty unless the request has choices. Then, at any temperature: the most likely first tokens, at most
    `ALTERNATIVES` of them, or the choices themselves if the engine knows only the probabilities of given words."""
    estimated: bool = False
    """Whether a count is our own upper bound, because the engine reported none that can be believed."""
    wasted_in: int = 0
    """Wasted prompt tokens (`wasted_out`: written ones): those of failed attempts, at their upper bound, and those of
    samples that were not asked for. The first sample of a request has all of them."""
    wasted_out: int = 0


class Engine(Protocol):
    """Something that completes prompts."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything but the request that determines its completions: model, hash of the model, parameters."""
        ...

    @property
    def capacity(self) -> int:
        """How many samples keep it busy when they are in flight at once."""
        ...

    def submit(self, request: Request) -> None:
        """Take a request; never blocks for long."""
        ...

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Wait for at least one submitted request to end; empty if none is in flight."""
        ...

    def ready(self) -> bool:
        """Whether `poll` would not wait: a request has ended, or it is `poll` itself that computes."""
        ...

    def close(self) -> None:
        """Give back memory, processes and connections; requests in flight are dropped."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def sample_key(identity: Mapping[str, Any], messages: Sequence[Message], sampling: Sampling, sample: int) -> str:
    """SHA-256 of everything that determines a completion: it is the sample's address in the store.

    Hex, 64 characters. Texts are hashed as UTF-8 with lone surrogates kept apart, so any string has a key.
    """
    document = json.dumps(
        [dict(identity), [list(m) for m in messages], sampling.model_dump(), sample],
        sort_keys=True,
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(document.encode()).hexdigest()


def seed_of(key: str) -> int:
    """A 31-bit seed from a sample's key: equal samples draw alike, different ones apart."""
    return int(key[:8], 16) & 0x7FFFFFFF
