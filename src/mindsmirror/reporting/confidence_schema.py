"""What a report holds of an arm's confidences."""

from pydantic import Field

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.reliability import ReliabilityBin
from mindsmirror.evaluation.result import FeatureQuality
from mindsmirror.evaluation.score_quality import ScoreQuality
from mindsmirror.reporting.section import Interval, Section, Share

SCORES = {
    "judge": "the student's own verdict",
    "p_true": "the untrained student's P(True)",
    "probe": "a linear probe of its last hidden state",
    "arithmetic": "share of its arithmetic steps that hold",
    "agreement": "share of the other rationales that agree",
    "log_probability": "mean log-probability of its tokens",
    "confidence": "all that mirror goes by, together",
}
"""What a single rationale is ranked by, in a reader's words."""


class AnswerConfidence(Section):
    """The calibrated probabilities of an arm's answers in one mode, over the test questions."""

    mode: str
    n: int
    auroc: Share | None
    auroc_ci95: Interval | None = None
    calibration_error: Share | None = Field(None, description="expected calibration error, ten bins")
    reliability: tuple[ReliabilityBin, ...] = Field((), description="the bins behind it")
    accuracy_at_half: Share | None = Field(None, description="of the more confident half of the questions")
    risk: Share | None = Field(None, description="that was promised; None if none was")
    abstained: int = 0
    wrong: int = Field(0, description="of the questions that it did not abstain from")


class SparedReport(Section):
    """What `ask` spares in mode mirror, by the test answers: it draws only where the first rationale is unsure."""

    enough: Share = Field(description="the confidence of the first rationale above which no more are drawn")
    n: int
    stopped: int = Field(description="questions that the first rationale decides")
    rationales: float = Field(description="a question, on average")
    tokens: float = Field(description="a question, on average")
    tokens_always: float = Field(description="the same where all rationales are drawn")
    right: int
    right_always: int
    gained: int = Field(description="questions that are right by the first rationale and wrong by all")
    lost: int = Field(description="the reverse")
    risk: Share | None = Field(None, description="what was promised, if anything was")
    abstained: int = Field(0, description="questions from which it then abstains")
    wrong: int = Field(0, description="wrong ones among the others")


class ConfidenceReport(Section):
    """What an arm's answers to validation questions decided, and what its confidences are worth on test questions."""

    arm: str
    questions: int = Field(description="validation questions that were asked")
    reason: str = Field("", description="why nothing was fitted; empty if something was")
    temperature: float
    preferred: str | None = Field(None, description="the mode that `ask` uses")
    judge_counts: bool | None = Field(None, description="whether mirror uses the judge; None without one, or no fit")
    judge: WithinQuestions | None = Field(None, description="the judge within validation questions")
    features: tuple[FeatureQuality, ...] = ()
    samples: dict[str, ScoreQuality] = Field(
        default_factory=dict,
        description="of single test rationales, by the names in SCORES",
    )
    answers: tuple[AnswerConfidence, ...] = ()
    spared: SparedReport | None = Field(None, description="None where nothing is, or the modes were not asked")
