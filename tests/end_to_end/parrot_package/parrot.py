"""An engine of somebody else's package: one file with its parameters, found by the entry point beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from mindsmirror.engines import Completion, EngineBase, Finish, Options, Request, TeacherConfig


class ParrotOptions(Options):
    """Parameters of the engine `parrot`."""

    neutral = frozenset({"cage"})
    word: str = Field("Squawk.", description="how every reply begins")
    cage: int = Field(4, ge=1, le=64, description="samples in flight")


class ParrotEngine(EngineBase):
    """Says a word and the first number that it hears."""

    purpose = "repeats the first number of what it is asked"
    options = ParrotOptions

    @classmethod
    def open(cls, config: TeacherConfig) -> Self:
        """The engine that the recipe describes."""
        return cls(cls.identity_of(config), ParrotOptions.model_validate(config.parameters))

    def __init__(self, identity: Mapping[str, Any], options: ParrotOptions) -> None:
        self.identity, self.capacity, self._word = identity, options.cage, options.word
        self._heard: list[Request] = []

    def submit(self, request: Request) -> None:
        """Hear a request."""
        self._heard.append(request)

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        """Repeat everything that was heard."""
        heard, self._heard = self._heard, []
        return [(request, tuple(self._repeat(request, key) for key in request.keys)) for request in heard]

    def _repeat(self, request: Request, key: str) -> Completion:
        first = next(word for word in request.messages[-1].content.split() if word.isdigit())
        return Completion(key, f"{self._word} I heard {first}. The answer is {first}.", Finish.STOP, 1, 1)
