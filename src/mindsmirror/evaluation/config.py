"""The `[evaluation]` table of a recipe."""

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.records import MODES, Mode


class EvaluationConfig(BaseModel):
    """How students are asked and scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    modes: tuple[Mode, ...] = Field(MODES, min_length=1, description="how students answer the test questions")
    samples: int = Field(
        5, ge=2, le=limits.SAMPLES, description="rationales for each question in the modes vote and mirror"
    )
    temperature: float = Field(0.7, gt=0, le=limits.TEMPERATURE, description="at which those are sampled")
    max_tokens: int = Field(192, ge=8, le=limits.TOKENS, description="the most tokens of a rationale")
    batch: int = Field(64, ge=1, le=limits.TOGETHER, description="texts generated together")
    untrained: bool = Field(True, description="whether to evaluate the student before training, too")
