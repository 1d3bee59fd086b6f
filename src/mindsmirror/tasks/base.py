"""What a task is: examples in three splits, the kind of their answers, and how an answer is scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mindsmirror import limits
from mindsmirror.answers import Answer, AnswerKind, Label
from mindsmirror.records import Example

COLUMNS = (
    *("question", "body", "answer", "choices", "answer_key", "premise", "hypothesis", "label"),
    *("id", "split"),
)
"""The fields of a row of one's own that mean something."""


class TaskConfig(BaseModel):
    """The `[task]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="a built-in task, 'reasoning_gym:NAME', or the path of a .jsonl, .csv, .tsv (each also .gz) or "
        ".parquet"
    )
    train: int | None = Field(None, ge=1, le=limits.QUESTIONS, description="training questions; all if absent")
    valid: int | None = Field(None, ge=0, le=limits.QUESTIONS, description="validation questions; all if absent")
    test: int | None = Field(None, ge=1, le=limits.QUESTIONS, description="test questions; all if absent")
    data_dir: Path | None = Field(None, description="local files instead of the hub")
    parameters: dict[str, Any] = Field(default_factory=dict, description="for reasoning_gym tasks")
    seed: int = Field(0, ge=-limits.SEED, le=limits.SEED, description="for tasks that are generated")
    answer: str | None = Field(
        None,
        description="kind of answer of a file of your own: number, equation, choice, label, text, yes_no; guessed if "
        "absent",
    )
    columns: dict[str, str | list[str]] = Field(
        default_factory=dict,
        description="how a file of your own calls its columns, such as { question = 'text', answer = 'category' }",
    )
    instruction: str | None = Field(
        None,
        min_length=1,
        max_length=limits.TEXT,
        description="what the task is: shown before every question, to teacher and student",
    )

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for name, theirs in columns.items():
            if name not in COLUMNS:
                raise ValueError(f"there is no field {name!r} to name a column for; there are {', '.join(COLUMNS)}")
            if isinstance(theirs, list) and name != "choices":
                raise ValueError(f"{name}: only choices can stand in several columns")
        return columns

    @field_validator("instruction")
    @classmethod
    def _says_something(cls, instruction: str | None) -> str | None:
        if instruction is not None and not instruction.strip():
            raise ValueError("it says nothing; write what the task is, or remove it")
        return instruction and instruction.strip()


class Splits(NamedTuple):
    """Disjoint by question, in a fixed order."""

    train: Sequence[Example]
    valid: Sequence[Example]
    test: Sequence[Example]

    def named(self, *splits: str) -> Iterator[tuple[str, Example]]:
        """The examples of the splits, of all if none is named, each with the name of its split, in order."""
        for split in splits or self._fields:
            for example in getattr(self, split):
                yield split, example

    def annotated(self) -> Iterator[tuple[str, Example]]:
        """The same of the questions that a teacher is asked: all but the test questions."""
        return self.named("train", "valid")

    @property
    def annotated_count(self) -> int:
        """How many questions a teacher is asked."""
        return len(self.train) + len(self.valid)


class Scorer(Protocol):
    """Decides whether an answer is right; a verifier needs no gold answer for it."""

    def __call__(self, example: Example, answer: Answer) -> bool:
        """True if right."""
        ...


@dataclass(frozen=True)
class Task:
    """A loaded task."""

    name: str
    version: int
    licence: str
    answers: AnswerKind
    splits: Splits
    scorer: Scorer | None = None
    """None: an answer is right if its key is that of the gold answer."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where the examples came from: file or repository to content hash or revision."""
    own: bool = False
    """Whether it is a file of the user's, of which nobody here knows what it asks."""
    instruction: str = ""
    """What the task is; every question that is asked begins with it."""

    def shown(self, question: str) -> str:
        """The question as teacher and student are shown it."""
        return f"{self.instruction}\n\n{question}" if self.instruction else question

    def untested(self) -> "Task":
        """The task without its test questions."""
        return replace(self, splits=self.splits._replace(test=()))

    def shortened(self, valid: int) -> "Task":
        """The task with the first `valid` of its validation questions."""
        return replace(self, splits=self.splits._replace(valid=self.splits.valid[:valid]))

    @property
    def answer_words(self) -> str:
        """The kind of its answers, with the labels if it has any."""
        if not isinstance(self.answers, Label):
            return self.answers.name
        return f"{len(self.answers.labels)} labels: {', '.join(self.answers.labels)}"

    def read(self, example: Example, raw: str) -> Answer | None:
        """The answer that `raw` states to `example`, or None."""
        return self.answers.read(raw, example.choices)

    def right(self, example: Example, answer: Answer | None) -> bool | None:
        """Whether the answer is right; None where neither a gold answer nor a scorer can tell."""
        if self.scorer is not None:
            return answer is not None and self.scorer(example, answer)
        if example.gold is None:
            return None
        if answer is None:
            return False
        gold = self.read(example, example.gold)
        return gold is not None and gold.key == answer.key
