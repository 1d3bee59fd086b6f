"""How a score ranks single rationales, right ones above wrong ones: over all, and among those of one question."""

from collections.abc import Hashable, Sequence

from pydantic import Field

from mindsmirror.evaluation.metrics import Flags, WithinQuestions, auroc, auroc_interval, auroc_within
from mindsmirror.records import Record


class ScoreQuality(Record):
    """What a score of single rationales is worth against gold."""

    n: int = Field(description="rationales that have the score")
    auroc: float | None = Field(description="None where all of them are right, or none is")
    auroc_ci95: tuple[float, float] | None = None
    within: WithinQuestions


def score_quality(scores: Sequence[float], right: Flags, questions: Sequence[Hashable], seed: int) -> ScoreQuality:
    """Of a score of each rationale, whether it is right, and its question; intervals are over whole questions."""
    return ScoreQuality(
        n=len(scores),
        auroc=auroc(scores, right),
        auroc_ci95=auroc_interval(scores, right, questions, seed),
        within=auroc_within(scores, right, questions, seed),
    )
