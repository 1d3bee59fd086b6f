"""`mindsmirror.json`: what stands beside a student's weights, so that the folder alone is enough to ask it.

It says which kind of answer the student gives, in which modes it can be asked, what it is shown word by word, and how
its rationales are sampled. Nothing here loads torch.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, ValidationError

from mindsmirror import limits
from mindsmirror.answers.stored import StoredKind
from mindsmirror.errors import ModelFileError
from mindsmirror.inference.confidence import Calibration
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Mode, Record, Tag
from mindsmirror.system.documents import read_bytes
from mindsmirror.system.validation import explain
from mindsmirror.tasks.base import Splits, Task

FILE = "mindsmirror.json"
QUESTION, RATIONALE = "{question}", "{rationale}"
"""Where the question and a rationale stand in a prompt."""


class VerdictTask(Record):
    """How the student is asked for its verdict on a rationale."""

    tag: Tag = Field(description="the tag that asks for it")
    sees_question: bool = Field(description="whether it is shown the question with the rationale")
    words: tuple[str, ...] = Field(description="what it can say; their first tokens are compared")


class StudentDescription(Record):
    """What a trained student is, can do and is shown."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    version: str = Field(default_factory=lambda: version("mindsmirror"), description="of Minds Mirror that wrote it")
    run: str = Field(description="the recipe's name")
    arm: str
    method: str
    base: str = Field(description="the model that was trained")
    task: str = Field(description="what it was trained for")
    licence: str = Field("unknown", description="of the task's questions")
    instruction: str = Field("", description="what the task is; every question that it is asked begins with it")
    answers: StoredKind = Field(description="the kind of its answers")
    modes: tuple[Mode, ...] = Field(description="in which it can be asked")
    default_mode: Mode = Field(description="in which it is asked unless another is named")
    verdict: VerdictTask | None = Field(None, description="None: it was not taught to judge")
    prompts: dict[str, str] = Field(
        default_factory=dict,
        description="what it reads in each of its tasks, special tokens included; {question} and {rationale} stand for "
        "those. A question begins with the instruction, if there is one, and a blank line. "
        "One with choices ends with them, as `tasks.shown.with_choices` writes them",
    )
    samples: int = Field(ge=1, le=limits.SAMPLES, description="rationales in the modes vote and mirror")
    temperature: float = Field(gt=0, le=limits.TEMPERATURE, description="at which those are sampled")
    max_tokens: int = Field(ge=1, le=limits.TOKENS, description="the most tokens of a rationale")
    max_source: int = Field(ge=8, le=limits.TOKENS, description="the most tokens it reads")
    batch: int = Field(ge=1, le=limits.TOGETHER, description="texts generated together")
    seed: int = Field(0, description="of sampling")
    calibration: Calibration | None = Field(
        None, description="how sure to be of its answers, and when to abstain; None if nothing was fitted"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="in which it computes")

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    def as_task(self) -> Task:
        """The task without its examples: it reads the student's answers."""
        answers, none = self.answers.answers(), Splits((), (), ())
        return Task(self.task, 1, self.licence, answers, none, instruction=self.instruction)

    def abstains(self, mode: Mode) -> bool:
        """Whether there are answers in this mode that it holds back to keep a promised risk."""
        model = self.calibration.modes.get(mode) if self.calibration else None
        return model is not None and model.threshold is not None

    def verdict_request(self) -> VerdictRequest | None:
        """How the student is asked for a verdict; None if it does not judge."""
        if self.verdict is None:
            return None
        return VerdictRequest(self.arm, self.verdict.tag, self.verdict.sees_question)


def read_description(folder: Path) -> StudentDescription | None:
    """The description in a student's folder, None if it has none. ModelFileError if it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return StudentDescription.model_validate(json.loads(read_bytes(path, limits.JSON_BYTES)))
    except ValidationError as error:
        raise ModelFileError(f"{path} does not describe a student: {explain(error, StudentDescription)}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}.") from error
