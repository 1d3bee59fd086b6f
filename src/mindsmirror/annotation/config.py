"""The `[annotation]` table of a recipe: how much is asked, how it is sampled, and where replies are kept."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.repairs import MOST_REPAIRS
from mindsmirror.annotation.store import StorePath

_Count = Annotated[int, Field(ge=0, le=limits.SAMPLES)]
_Writers = Annotated[tuple[int, ...], Field(min_length=1, max_length=limits.TEACHERS)]


class AnnotationConfig(BaseModel):
    """The `[annotation]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rationales: int = Field(5, ge=1, le=limits.SAMPLES, description="k: rationales for each question")
    self_evaluations: _Count = Field(1, description="m: self-evaluations of each rationale")
    valid: int = Field(
        20,
        ge=0,
        le=limits.QUESTIONS,
        description="validation questions that teachers are asked about beside all training questions, the first ones: "
        "on them a student's judge is held against the teacher's, and nothing else is",
    )
    rectified: _Count = Field(0, description="corrected versions of each rationale that is wrong by gold")
    corrupted: _Count = Field(0, description="spoilt versions of each rationale that is right by gold")
    teachers: _Writers = Field((0,), description="which teachers write k rationales each, numbered from 0")
    temperature: float = Field(0.8, ge=0, le=limits.TEMPERATURE, description="at which rationales are sampled")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus from which tokens are sampled; 1 is all of them")
    max_tokens: int = Field(256, ge=8, le=limits.TOKENS, description="the most tokens of a rationale")
    repairs: int = Field(0, ge=0, le=MOST_REPAIRS, description="how often to ask again for a reply that does not parse")
    budget: BudgetConfig = Field(BudgetConfig(), description="hard caps on tokens, USD and minutes")
    max_failed: float = Field(
        0.5, ge=0, le=1, description="share of the samples that may fail; above it the run ends with an error"
    )
    prompts: str | None = Field(
        None, description="a prompt set of your own, a .toml; the built-in set for the kind of answer if absent"
    )
    shots: int | None = Field(
        None,
        ge=0,
        le=20,
        description="examples that the teacher is shown, made of the task's own training questions and gold; 0 for the "
        "built-in ones. If absent: 3 for labels and texts of a file of your own with gold, else 0",
    )
    store: StorePath | None = Field(None, description="the SQLite store; store.sqlite beside the runs if absent")
