"""A deterministic engine that needs no model: for tests, examples and benchmarks.

Each completion is a pure function of its key and its request. The script `teacher` plays the teacher's whole part on
any task. What is wanted it reads from the request's subject: it writes rationales whose answer is drawn, by the key,
from the numbers and choices of the question, it evaluates and rewrites them, and draws the shares of choices that it is
asked to weigh. It knows nothing, and is right only by chance.
"""

import math
import os
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.base import Alternative, Completion, Finish, Request, Subject
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.engines.plugin import EngineBase
from mindsmirror.errors import UnknownNameError
from mindsmirror.records import Purpose, Verdict

Script = Callable[[Request, str], str | Completion]
"""A request and a sample's key in, its text out; a `Completion` where finish or error matter."""

LOG_VARIABLE = "MINDSMIRROR_SCRIPTED_LOG"
"""Environment variable that names a file to which the key of every served sample is appended."""

_CHOICE = re.compile(r"(?:^|(?<=\s))\(([A-Za-z])\)\s*(.+?)(?=\s+\([A-Za-z]\)|\s*$)", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
_LABELS = re.compile(r"where L is one of: (.+)\.$")
_OPEN = re.compile(r"\b(how|what|which|when|where|who|why|find|calculate|compute|count)\b|^\W*$", re.IGNORECASE)
_HYPOTHESIS = re.compile(r"^\s*hypothesis\s*:", re.IGNORECASE | re.MULTILINE)

_DOUBT = ("The second step may leave out a fact.", "It is not clear that the last step follows.")
_REMARKS: Mapping[Verdict, tuple[str, ...]] = {
    Verdict.CORRECT: (
        "Every step follows from the question and the last one states what was asked.",
        "The quantities are taken from the question as they stand and combined as it asks.",
        "The reasoning uses each fact once and its conclusion follows.",
    ),
    Verdict.WRONG: (
        "The second step takes a quantity that the question does not ask about.",
        "The reasoning leaves out a fact of the question, so its conclusion does not follow.",
        "The last step answers something else than what was asked.",
    ),
    Verdict.UNCERTAIN: _DOUBT,
    Verdict.UNPARSED: _DOUBT,
}
_OPENINGS = ("Let us see what is given.", "First, what the question says.", "We start from what is known.")
_STEPS = ("From this, {0} is what remains.", "Putting this together gives {0}.", "So it must be {0}.")


def echo(request: Request, key: str) -> str:
    """The content of the last message."""
    return request.messages[-1].content


def teacher(request: Request, key: str) -> str:
    """What the request's subject asks for; a rationale of the last message where it has none.

    A rationale ends in an answer, a self-evaluation without a given verdict in the line "Evaluation result: the given
    answer is ….", and a dual is the given rationale with another answer wherever its own stands.
    """
    draw = random.Random(key)
    subject = request.subject or Subject(Purpose.RATIONALE, request.messages[-1].content)
    if subject.purpose is Purpose.RATIONALE:
        answer = _answer(subject.question, draw, request.messages[-1].content)
        return f"{draw.choice(_OPENINGS)} {draw.choice(_STEPS).format(answer)} The answer is {answer}."
    if subject.purpose is not Purpose.SELF_EVALUATION:
        return _dual(subject, draw)
    if subject.verdict is not None:
        return draw.choice(_REMARKS[subject.verdict])
    verdict = draw.choices((Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN), (6, 3, 1))[0]
    return f"{draw.choice(_REMARKS[verdict])}\nEvaluation result: the given answer is {verdict.value}."


def _dual(subject: Subject, draw: random.Random) -> str:
    """The rationale with the right answer for its own where it is wrong, and with another where it is right."""
    own = subject.rationale.rpartition("The answer is ")[2].removesuffix(".")
    others = [option for option in _options(subject.question) if option not in (subject.answer, own)]
    rectified = subject.purpose is Purpose.RECTIFIED
    new = subject.answer if rectified else draw.choice(others or [f"{subject.answer}1"])
    return subject.rationale.replace(own, new)


def _answer(question: str, draw: random.Random, asked: str) -> str:
    """One of the question's choices, labels or numbers; the first is as likely as all others together.

    Labels of the task's own are named in what is `asked`.
    """
    labels = _LABELS.search(asked)
    options = labels[1].split(", ") if labels else _options(question)
    return options[0] if draw.random() < 0.5 else draw.choice(options)


def _options(question: str) -> list[str]:
    """What could be the answer to a question; never nothing."""
    options = [f"({letter}) {text}" for letter, text in _CHOICE.findall(question)]
    if not options and _HYPOTHESIS.search(question):
        options = ["entailment", "neutral", "contradiction"]
    if not options and not _OPEN.search(question):
        options = ["yes", "no"]
    if not options:
        options = list(dict.fromkeys(_NUMBER.findall(question))) or ["1", "2"]
    return options


def _weighed(key: str, choices: Sequence[str]) -> Completion:
    """Shares drawn by the key, in place of whatever a script would say."""
    draw = random.Random(key)
    weights = [draw.random() + 1e-6 for _ in choices]
    found = [Alternative(choice, math.log(w / sum(weights))) for choice, w in zip(choices, weights, strict=True)]
    found.sort(key=lambda choice: choice.logprob, reverse=True)
    return Completion(key, found[0].text, Finish.LENGTH, tokens_out=1, alternatives=tuple(found))


SCRIPTS: Mapping[str, Script] = {"echo": echo, "teacher": teacher}


class ScriptedOptions(Options):
    """Parameters of the engine `scripted`."""

    neutral = frozenset({"latency", "delay", "capacity", "together", "log"})
    unparsed: float = Field(0.0, ge=0, le=1, description="share of samples that are cut before they state an answer")
    malformed: float = Field(0.0, ge=0, le=1, description="share of samples that end without stating an answer")
    refused: float = Field(0.0, ge=0, le=1, description="share of prompts that are refused, in every sample")
    failed: float = Field(0.0, ge=0, le=1, description="share of samples that fail")
    latency: float = Field(0.0, ge=0, le=limits.SECONDS, description="seconds that each request takes, all at once")
    delay: float = Field(0.0, ge=0, le=limits.SECONDS, description="seconds that each poll takes")
    capacity: int = Field(16, ge=1, le=limits.TOGETHER, description="samples in flight")
    together: int = Field(1, ge=1, le=limits.TOGETHER, description="requests that a poll may end")
    log: Path | None = Field(None, description="file to which the keys of served samples are appended")


class ScriptedEngine(EngineBase):
    """Answers by a script, in the order in which requests came, `together` requests a poll at most.

    `unparsed`, `malformed` and `failed` are the shares of samples, chosen by key, that are cut short, end without
    an answer, or fail; `refused` is the share of questions, chosen by their text, that are refused. Every request
    takes `latency` seconds, all at once; every poll takes `delay` seconds. `served` counts the
    requests.
    """

    purpose = "made-up replies for tests and rehearsals, also of what goes wrong; no model is asked"
    options = ScriptedOptions

    @classmethod
    def open(cls, config: TeacherConfig) -> Self:
        """The engine with the script that `model` names; UnknownNameError if there is no such script."""
        options = ScriptedOptions.model_validate(config.parameters)
        return cls(config.model, identity=cls.identity_of(config), **dict(options))

    def __init__(
        self,
        script: str | Script = "teacher",
        *,
        identity: Mapping[str, Any] | None = None,
        unparsed: float = 0.0,
        malformed: float = 0.0,
        refused: float = 0.0,
        failed: float = 0.0,
        latency: float = 0.0,
        delay: float = 0.0,
        capacity: int = 16,
        together: int = 1,
        log: Path | None = None,
    ) -> None:
        if isinstance(script, str):
            if script not in SCRIPTS:
                raise UnknownNameError("script", script, SCRIPTS)
            name, self._script = script, SCRIPTS[script]
        else:
            name, self._script = getattr(script, "__qualname__", "script"), script
        self._identity = identity or {
            "engine": "scripted",
            "model": name,
            "parameters": {"unparsed": unparsed, "failed": failed},
        }
        self._unparsed, self._malformed, self._refused, self._failed = unparsed, malformed, refused, failed
        self._latency, self._delay = latency, delay
        self._capacity, self._together = capacity, together
        self._log = log or (Path(os.environ[LOG_VARIABLE]) if os.environ.get(LOG_VARIABLE) else None)
        self._waiting: deque[tuple[float, Request]] = deque()
        self.served = 0

    @property
    def identity(self) -> Mapping[str, Any]:
        """The script's name and the shares that fail."""
        return self._identity

    @property
    def capacity(self) -> int:
        """As given."""
        return self._capacity

    def submit(self, request: Request) -> None:
        """Put the request at the end of the queue."""
        self._waiting.append((time.monotonic() + self._latency, request))

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Serve the oldest requests, once the latency of the first and the delay of a poll are over."""
        if not self._waiting:
            return []
        wait = max(self._waiting[0][0] - time.monotonic(), self._delay)
        if wait > 0:
            time.sleep(wait)
        now = time.monotonic()
        served = [self._serve(self._waiting.popleft()[1])]
        while self._waiting and self._waiting[0][0] <= now and len(served) < self._together:
            served.append(self._serve(self._waiting.popleft()[1]))
        return served

    def ready(self) -> bool:
        """Whether the latency of the oldest request is over."""
        return bool(self._waiting) and self._waiting[0][0] <= time.monotonic()

    def close(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def _serve(self, request: Request) -> tuple[Request, tuple[Completion, ...]]:
        completions = tuple(self._complete(request, key) for key in request.keys)
        if completions:
            words = sum(len(m.content.split()) for m in request.messages)
            first = completions[0]
            charged = replace(first, tokens_in=words)
            completions = (charged, *completions[1:])
        self._note(request)
        return request, completions

    def _complete(self, request: Request, key: str) -> Completion:
        draw = random.Random(f"{key} fate")
        if draw.random() < self._failed:
            return Completion(key, "", Finish.FAILED, error="scripted failure")
        unparsed = draw.random() < self._unparsed
        malformed = draw.random() < self._malformed
        reply = self._script(request, key)
        if isinstance(reply, Completion):
            return reply
        if request.sampling.choices:
            return _weighed(key, request.sampling.choices)
        question = request.messages[-1].content.encode("utf-8", "surrogatepass")
        if self._refused and random.Random(question + b" refused").random() < self._refused:
            reply = "I am sorry, but I cannot help with that."
        elif unparsed or malformed:
            half = " ".join(reply.split()[: max(1, len(reply.split()) // 2)])
            return Completion(key, half, Finish.LENGTH if unparsed else Finish.STOP, tokens_out=len(half.split()))
        return Completion(key, reply, Finish.STOP, tokens_out=len(reply.split()))

    def _note(self, request: Request) -> None:
        self.served += 1
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write("".join(f"{key}\n" for key in request.keys))
