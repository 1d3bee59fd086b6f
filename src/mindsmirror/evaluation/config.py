"""The `[evaluation]` table of a recipe."""

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.records import MODES, Mode

TEMPERATURE = 0.7
"""At which rationales are drawn unless a recipe or validation questions say otherwise."""
TEMPERATURES = (0.5, TEMPERATURE, 1.0)
"""Among which validation questions choose."""
FEWEST_QUESTIONS = 40
"""Validation questions with gold, below which nothing is fitted to them."""
MOST_QUESTIONS = 300
"""Validation questions that are asked: more would take longer than they would add."""


class EvaluationConfig(BaseModel):
    """How students are asked and scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    modes: tuple[Mode, ...] = Field(MODES, min_length=1, description="how students answer the test questions")
    samples: int = Field(
        5,
        ge=2,
        le=limits.SAMPLES,
        description="rationales for each question in the modes vote and mirror: a greedy one and others that are drawn",
    )
    temperature: float | None = Field(
        None,
        gt=0,
        le=limits.TEMPERATURE,
        description="at which they are drawn; if absent, validation questions choose among 0.5, 0.7 and 1",
    )
    risk: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="the most wrong answers among those given that are promised; below the confidence that keeps the "
        "promise on validation questions the student abstains",
    )
    escalate: bool = Field(
        False,
        description="whether the first teacher answers the test questions, too: the report then says what it brings to "
        "send it those that a student is least sure of, and what that costs",
    )
    max_tokens: int = Field(256, ge=8, le=limits.TOKENS, description="the most tokens of a rationale")
    batch: int = Field(64, ge=1, le=limits.TOGETHER, description="texts generated together")
    compile: bool = Field(
        True,
        description="true: trained students write through OpenVINO where that can be, which is faster on a processor; "
        "false: always through PyTorch",
    )
    judge_baselines: bool = Field(
        False,
        description="whether to measure, beside an arm's judge, what ranks its test rationales without one: the "
        "probability that the untrained student gives to each being true, and a linear probe of the trained one",
    )
    untrained: bool = Field(True, description="whether to evaluate the student before training, too")
