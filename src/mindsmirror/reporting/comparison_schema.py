"""What a comparison over runs and seeds amounts to: the records that its `report.json` holds."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.pooled_scores import PooledScore
from mindsmirror.reporting.schema import ArmResult, Comparison
from mindsmirror.reporting.section import Interval, Section, Share


class ComparedRun(Section):
    """One run that was read."""

    run: str = Field(description="its folder's name")
    seed: str
    recipe: str = Field(description="hash of the recipe")


class SeedsResult(Section):
    """One arm in one mode, all its seeds together."""

    arm: str
    method: str
    mode: str
    main: bool
    budget: str = Field(description="of training, as the recipe gives it; empty for the untrained student")
    questions: int = Field(description="different ones with gold")
    n: int = Field(description="answers to them, of all seeds")
    accuracy: Share | None
    ci95: Interval | None = Field(description="of these students on new questions; whole questions are clusters")
    new_seeds: Interval | None = Field(None, description="of students of new seeds on new questions")
    by_seed: dict[str, ArmResult]
    confidence: PooledScore | None = Field(
        None, description="AUROC of the final confidences, right above wrong; None without any"
    )
    half: PooledScore | None = Field(None, description="accuracy of the surer half of each seed's questions")


class SeedsJudge(Section):
    """What the judge of an arm's students is worth on their own test rationales."""

    arm: str
    overall: PooledScore = Field(description="AUROC of the probability of 'correct'")
    within: WithinQuestions = Field(description="the same among rationales of one question and one seed")
    within_by_seed: dict[str, WithinQuestions]


class SeedsComparison(Comparison):
    """A comparison over all seeds that both sides have. `p_mcnemar` is exact; a question's seeds swap together."""

    seeds: tuple[str, ...]
    questions: int = Field(description="different ones that both sides answered")
    equal_budget: bool = Field(description="whether both were trained by the same budget")
    new_seeds: Interval | None = Field(None, description="the interval for new seeds too; None for one seed")
    by_seed: dict[str, float] = Field(description="the difference of each seed")


class ComparisonReport(Section):
    """Everything that the `report.json` of a comparison holds."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    name: str
    created: datetime
    tasks: tuple[str, ...]
    teachers: tuple[str, ...]
    students: tuple[str, ...]
    runs: tuple[ComparedRun, ...]
    failed: dict[str, str] = Field(default_factory=dict, description="runs that could not be had, and why")
    baseline: str | None = Field(
        description="the arm that others are compared with; None: each is held against those that its recipe names"
    )
    arms: tuple[SeedsResult, ...]
    comparisons: tuple[SeedsComparison, ...]
    judges: tuple[SeedsJudge, ...] = ()
    findings: tuple[str, ...] = ()

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )
