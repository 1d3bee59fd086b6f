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

    rationales: int = Field(5, ge=1, le=limits.SAMPLES, description="k, for each question")
    self_evaluations: _Count = Field(1, description="m, for each rationale")
    rectified: _Count = Field(0, description="corrected versions of each rationale that is wrong by gold")
    corrupted: _Count = Field(0, description="spoilt versions of each rationale that is right by gold")
    teachers: _Writers = Field((0,), description="which of the teachers write k rationales each")
    temperature: float = Field(0.8, ge=0, le=limits.TEMPERATURE)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=8, le=limits.TOKENS, description="room for a rationale")
    repairs: int = Field(
        0, ge=0, le=MOST_REPAIRS, description="how often a reply that did not parse is asked for again"
    )
    budget: BudgetConfig = Field(BudgetConfig(), description="hard caps on tokens, USD and minutes")
    max_failed: float = Field(
        0.5, ge=0, le=1, description="share of the samples whose requests may fail before the run ends with an error"
    )
    prompts: str | None = Field(None, description="a prompt set of one's own, .toml")
    store: StorePath | None = Field(None, description="the SQLite store; store.sqlite beside the runs if absent")
