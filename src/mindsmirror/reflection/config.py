"""The `[reflect]` table of a recipe; apart from the drawing, so that reading it needs no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mindsmirror import limits

FEWEST = 8
"""With fewer questions left over, the training questions are halved instead."""


class ReflectionConfig(BaseModel):
    """A step between two trainings: the student writes rationales, which are judged and then taught with the teacher's.

    An arm's budget pays for all of its trainings, and where it is in FLOPs for the writing, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(1, ge=1, le=limits.ROUNDS, description="how often the student writes and is trained again")
    questions: int | None = Field(
        None,
        ge=0,
        le=limits.QUESTIONS,
        description="questions that it writes about: those of the task that follow its training questions; as many as "
        f"those if absent. 0, or fewer than {FEWEST} left: each half of the training questions, by a student of the "
        "other half",
    )
    samples: int = Field(5, ge=1, le=limits.SAMPLES, description="rationales that it writes for each question")
    temperature: float = Field(0.7, gt=0, le=limits.TEMPERATURE, description="at which they are sampled")
    mend: bool = Field(
        True,
        description="whether rationales that are wrong, but right with their sums put right, are taught so mended",
    )
    share: float = Field(
        0.4, gt=0, lt=1, description="share of the arm's budget for the trainings before the last, all rounds together"
    )
    start: Literal["base", "student"] = Field(
        "student",
        description="where the training after a round begins: at the student that wrote (of two halves, that of the "
        "first), or at the model that it was made of",
    )

    @field_validator("questions")
    @classmethod
    def _enough(cls, questions: int | None) -> int | None:
        if questions is not None and 0 < questions < FEWEST:
            raise ValueError(
                f"{questions} are too few to learn from; ask for {FEWEST} or more, or 0 for the two halves"
            )
        return questions
