"""What asking an arm leaves behind: which modes it was asked in, how good its judge is, and what was fitted before."""

from pydantic import Field

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.score_quality import ScoreQuality
from mindsmirror.inference.confidence import Calibration, Feature
from mindsmirror.records import Mode, Record


class JudgeQuality(Record):
    """The student's judge on its own rationales against gold, and on the teacher's against the teacher."""

    n: int
    auroc: float | None
    auroc_ci95: tuple[float, float] | None
    balanced_accuracy: float | None
    majority_baseline: float | None
    agreement_with_teacher: float | None
    agreement_n: int


class PredictionResult(Record):
    """The modes in which an arm was asked, each with a file `MODE.jsonl` of predictions, and its judge's quality."""

    modes: tuple[Mode, ...]
    judge: JudgeQuality | None = None
    baselines: dict[str, ScoreQuality] = Field(
        default_factory=dict, description="what else ranks its rationales, where it was measured (judge_baselines.py)"
    )


class FeatureQuality(Record):
    """What a feature of a sample tells within questions, by models that were fitted to other questions."""

    feature: Feature
    weight: float = Field(description="change of the log-odds for one standard deviation of the feature")
    alone: float | None = Field(description="AUROC within questions by this feature alone")
    adds: float | None = Field(description="AUROC within questions by all features, minus that without this one")


class CalibrationResult(Record):
    """What an arm's answers to validation questions decided, all of it before any test question is read."""

    calibration: Calibration
    questions: int = Field(description="validation questions with gold that were asked")
    samples: int = Field(0, description="rationales of them that reach an answer, at the temperature that was chosen")
    reason: str = Field("", description="why nothing was fitted; empty if something was")
    temperatures: dict[str, float] = Field(
        default_factory=dict, description="accuracy of mirror, or else vote, at each temperature that was tried"
    )
    accuracy: dict[Mode, float] = Field(default_factory=dict, description="on the validation questions")
    strengths: dict[str, float] = Field(default_factory=dict, description="accuracy of mirror at each λ")
    judge: WithinQuestions | None = Field(None, description="the student's judge on those samples")
    judge_counts: bool = Field(
        False, description="whether the judge orders samples of one question better than chance, so that mirror uses it"
    )
    confidence: WithinQuestions | None = Field(None, description="all features of a sample together")
    features: tuple[FeatureQuality, ...] = ()
