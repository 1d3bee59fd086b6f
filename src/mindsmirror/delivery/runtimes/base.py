"""An exported student in its own runtime, asked like the trained one.

The trained student's own code turns questions into tokens and replies into answers. Only what computes is exchanged,
so whatever differs between the two comes from the exported file and its runtime.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from mindsmirror.inference.predictor import Predictor
from mindsmirror.records import Tag
from mindsmirror.students.base import Student
from mindsmirror.students.decoding import GeneratedText, SamplingParams


class Runtime(Protocol):
    """A file that is loaded in the runtime it is for."""

    name: str
    """The runtime with its version."""

    def next_logits(self, sources: Sequence[Sequence[int]]) -> Any:
        """Scores of the token after each source, a tensor [B, V], up to a constant for each row."""
        ...

    def generate(self, sources: Sequence[Sequence[int]], max_tokens: int) -> list[GeneratedText]:
        """The greedy continuation of each source."""
        ...

    def tokens_of(self, messages: Sequence[dict[str, str]]) -> list[int] | None:
        """What the file's own template and tokenizer make of a conversation; None if the file has none."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@runtime_checkable
class CarriesJudge(Protocol):
    """A runtime whose files may have the adapter with which a student judges."""

    adapter: str | None
    """The name of its file or folder; None: there is none."""

    def judging(self, asked: Predictor) -> Predictor | None:
        """The file's own student and adapter in a predictor's place; None for a format that leaves the adapter out."""
        ...


class ServedStudent:
    """A trained student whose computing is done by a runtime: it takes a `Student`'s place in a predictor."""

    def __init__(self, trained: Student, runtime: Runtime) -> None:
        self.model, self.tokenizer = None, trained.tokenizer
        self._trained, self._runtime = trained, runtime

    def source(
        self, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False
    ) -> tuple[int, ...]:
        """Tokens that the student reads."""
        return self._trained.source(tag, question, rationale, in_words=in_words)

    def target(self, text: str) -> tuple[int, ...]:
        """Tokens that the student writes."""
        return self._trained.target(text)

    def next_logits(self, _: Any, sources: Sequence[Sequence[int]], begun: Sequence[int] = ()) -> Any:
        """Scores of the token that follows each source and the tokens already written, [B, V]."""
        return self._runtime.next_logits([(*source, *begun) for source in sources])

    def generate(self, _: Any, sources: Sequence[Sequence[int]], sampling: SamplingParams) -> list[list[GeneratedText]]:
        """Greedy continuations; a runtime's own way to sample is not compared."""
        assert sampling.temperature == 0, "exported students are compared by greedy texts"
        return [[text] for text in self._runtime.generate(sources, sampling.max_tokens)]
