"""A kind of answer as JSON: what is written beside a student or into a run, so that answers are read there as here."""

from typing import Self

from pydantic import Field

from mindsmirror.answers import kind_named
from mindsmirror.answers.base import AnswerKind
from mindsmirror.answers.label import Label
from mindsmirror.records import Record


class StoredKind(Record):
    """A kind of answer by its name, and its labels if it has a closed set of them."""

    kind: str = Field(description="number, equation, choice, text, or the name of a set of labels")
    labels: tuple[str, ...] = Field((), description="what an answer can be; empty for the other kinds")
    synonyms: dict[str, str] = Field(default_factory=dict, description="other words for labels")

    @classmethod
    def of(cls, kind: AnswerKind) -> Self:
        """Of the kind that a task has."""
        if isinstance(kind, Label):
            return cls(kind=kind.name, labels=kind.labels, synonyms=dict(kind.synonyms))
        return cls(kind=kind.name)

    def answers(self) -> AnswerKind:
        """The kind itself. UnknownNameError for a name that has no labels and is none of the built-in ones."""
        return Label(self.kind, self.labels, self.synonyms) if self.labels else kind_named(self.kind)
