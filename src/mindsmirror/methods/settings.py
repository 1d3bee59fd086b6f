"""Settings that several methods share, each as a class to derive an arm's settings from."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mindsmirror import limits
from mindsmirror.annotation.select import Rule, Select
from mindsmirror.methods.base import ArmConfig, Needs


class DistinctSettings(ArmConfig):
    """Of an arm that limits how many rationales of a question are taught."""

    distinct: int | None = Field(
        None, ge=1, le=limits.SAMPLES, description="at most so many different rationales a question, repeats left out"
    )


class ThinkingSettings(DistinctSettings):
    """Of an arm that learns labels and rationales side by side.

    `form = "published"` stands for the settings in `PUBLISHED`; each of them can be set apart all the same.
    """

    PUBLISHED: ClassVar[Mapping[str, object]] = {"rationale_target": "published"}
    """Settings as the paper has them."""

    select: Select = Field(
        "all", description="which rationales are taught as thinking; the judge is always shown all of them"
    )
    alpha: float = Field(
        0.5, ge=0, le=1, description="weight of the label; 1 - alpha of the rationale; 0: no labels are taught"
    )
    form: Literal["default", "published"] = Field("default", description="published: as the paper has it")
    rationale_target: Literal["with_answer", "published"] = Field(
        "with_answer",
        description="published: the rationale stops before its answer, so it cannot be used to think",
    )
    rationale_weights: Literal["even", "verdicts"] = Field(
        "even",
        description="even: every rationale that is taught weighs the same; verdicts: as the share of its verdicts "
        "that call it correct",
    )

    @model_validator(mode="before")
    @classmethod
    def _published_form(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("form") == "published":
            return {**cls.published(values), **values}
        return values

    @classmethod
    def published(cls, values: Mapping[str, Any]) -> Mapping[str, object]:
        """The settings of the published form, given those that the arm names."""
        return cls.PUBLISHED

    @model_validator(mode="after")
    def _gold_for_right(self) -> Self:
        if self.select == "right" and self.labels == "teacher":
            raise ValueError(
                'select = "right" looks at gold answers, so the arm needs labels = "gold"; '
                'without gold choose select = "majority" or "judged_correct"'
            )
        return self

    @property
    def rule(self) -> Rule:
        """By which rationales are chosen."""
        if self.select == "verdict":
            return "right" if self.labels == "gold" else "judged_correct"
        return self.select

    @property
    def needs(self) -> Mapping[str, Needs]:
        """A majority needs two rationales; what goes by verdicts needs a self-evaluation of each."""
        found = {}
        if self.select == "majority":
            found["select = 'majority'"] = Needs(rationales=2)
        if self.rule == "judged_correct":
            found[f"select = {self.select!r}"] = Needs(evaluations=1)
        if self.rationale_weights == "verdicts":
            found["rationale_weights = 'verdicts'"] = Needs(evaluations=1)
        return found

    @model_validator(mode="after")
    def _teaches_an_answer(self) -> Self:
        if not self.teaches_labels and not self.teaches_answered_rationales:
            raise ValueError(
                'alpha = 0 teaches no labels and rationale_target = "published" no answers, so the student could not '
                "answer at all. Raise alpha, or teach rationales with their answers."
            )
        return self

    @property
    def teaches_labels(self) -> bool:
        """Not where they would weigh nothing."""
        return self.alpha > 0

    @property
    def teaches_answered_rationales(self) -> bool:
        """Not as published."""
        return self.rationale_target == "with_answer"
