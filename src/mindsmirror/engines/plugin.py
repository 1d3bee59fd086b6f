"""What an engine's class says of itself: its purpose, parameters and identity, and how it is opened for a teacher.

`LocalEngine` (local.py) adds what all engines have in common whose models are files on this machine.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from mindsmirror.engines.base import Engine
from mindsmirror.engines.config import Options, TeacherConfig
from mindsmirror.errors import MissingExtraError


class Probe(NamedTuple):
    """What a server does that takes key and model. None: it did not say."""

    served: tuple[str, ...] | None
    """The models that it lists."""
    n: bool | None
    """Whether one request brings several samples."""
    logprobs: bool | None
    """Whether it gives the log-probabilities of alternative tokens."""
    seconds: float
    """Median time of a reply of at most 16 tokens."""
    samples: int
    """How many samples were asked for, and are paid for."""
    busy: str = ""
    """Why it has no room just now, in its own words; nothing but `served` is then known."""


class EngineBase(ABC):
    """Base of all engines; leaving a `with` block closes one."""

    purpose: ClassVar[str]
    """What the engine is for, in a line."""
    options: ClassVar[type[Options]] = Options
    """The model of its parameters."""
    package: ClassVar[str] = ""
    """The distribution that it runs on, if that may be missing."""
    extra: ClassVar[str] = ""
    """Our extra that installs the package, if one does."""
    local: ClassVar[bool] = False
    """Whether its models are files on this machine, or are downloaded to it."""

    @classmethod
    def identity_of(cls, config: TeacherConfig) -> Mapping[str, Any]:
        """All that determines the teacher's completions besides the request.

        Loads no model and fetches nothing. Every stored sample is found by it, so it must never change for a teacher
        that completes as before (tests/unit/engines/test_identity.py).
        """
        return {"engine": config.engine, "model": config.model, "parameters": config.options.identity()}

    @classmethod
    @abstractmethod
    def open(cls, config: TeacherConfig) -> Engine:
        """An engine for the teacher, ready for requests.

        Raises ModelFileError if the model's bytes cannot be had or are not sound, EngineError if the engine cannot
        work with them or the endpoint is not usable, MissingExtraError if an optional package is missing.
        """

    @classmethod
    def address(cls, config: TeacherConfig) -> str | None:
        """The URL of the server that is asked; None if the engine asks none."""
        return None

    @classmethod
    def probe(cls, config: TeacherConfig) -> Probe | None:
        """What the teacher's server does, by a few tiny samples; None if that cannot be found out.

        EngineError if the server cannot be used.
        """
        return None

    @classmethod
    def description(cls) -> str:
        """The purpose, and the extra that it needs."""
        return cls.purpose + (f" (extra {cls.extra})" if cls.extra else "")

    @classmethod
    def missing(cls) -> MissingExtraError:
        """The error for an engine whose package is not installed."""
        return MissingExtraError(cls.package, cls.extra or None)

    def ready(self) -> bool:
        """Whether `poll` would return, or compute, at once. An engine whose replies come from elsewhere says when."""
        return True

    def close(self) -> None:  # noqa: B027
        """Nothing to give back unless an engine says otherwise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
