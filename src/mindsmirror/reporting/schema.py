"""What a run amounts to: the records that `report.json` holds.

Shares are in [0, 1], differences of shares in [-1, 1]; only prose and page turn them into per cent and
points. What could not be measured is None, never 0.
"""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from mindsmirror.evaluation.metrics import VerdictConsistency, VerdictQuality, WithinQuestions
from mindsmirror.evaluation.selective import RiskCoverage
from mindsmirror.evaluation.sound_arithmetic import SoundArithmetic
from mindsmirror.records import Verdict
from mindsmirror.reporting.confidence_schema import ConfidenceReport
from mindsmirror.reporting.escalation_section import EscalationReport
from mindsmirror.reporting.section import Interval, Section, Share
from mindsmirror.training.result import TrainingCounts

SIGNIFICANT = 0.05
UNTRAINED = "untrained"
"""Name of the arm that is the student before any training."""


class StepYield(Section):
    """Where the samples of one annotation step went."""

    step: str = Field(description="rationale, verdict, critique, rectified, corrupted")
    asked: int
    ok: int = Field(description="samples that parsed")
    reasons: dict[str, int] = Field(default_factory=dict, description="samples lost, by reason")
    stored: int = Field(0, description="samples with a reply")
    failed: int = Field(0, description="samples whose request failed")
    asked_again: int = Field(0, description="samples of which a reply that did not parse was asked for again")
    repaired: int = Field(0, description="those of them that parsed in the end")


class StepUsage(Section):
    """The `records.Usage` of one annotation step as a row of the report, with its shares for each usable sample."""

    step: str = Field(description="rationale, self-evaluation, rectified, corrupted")
    usable: int = Field(description="samples that parsed")
    tokens_in: int
    tokens_out: int
    usd: float | None = Field(None, description="at the teacher's price, if it has one")
    tokens_per_usable: float | None = Field(None, description="read and written, for each sample that parsed")
    usd_per_usable: float | None = None


class Diversity(Section):
    """How much a question's rationales differ, over the questions of which two or more parsed; means over questions."""

    questions: int
    rationales: float = Field(description="a question's rationales that parsed")
    answers: float = Field(description="different answers to a question; answers of equal value are one")
    distinct_answers: Share = Field(description="of a question's rationales, how many different answers there are")
    one_answer: Share = Field(description="questions whose rationales all reach the same answer")
    texts: float = Field(description="different texts of a question")
    distinct_texts: Share = Field(description="of a question's rationales, how many different texts there are")
    self_bleu: Share = Field(description="evaluation.diversity.self_bleu of a question's texts; 1: all are alike")
    temperatures: tuple[float, ...] = Field((), description="at which they were sampled; empty where that is not known")


class AnnotationReport(Section):
    """What the teacher gave, how good it is against gold, and what it cost."""

    examples: int
    rationales: int
    evaluations: int
    unparsed: int = Field(description="replies of any step that gave nothing to use")
    teacher_accuracy: Share | None = Field(description="right ones among the rationales that state an answer")
    answered: int = Field(0, description="rationales that state an answer, of questions with gold")
    verdicts: dict[Verdict, int]
    judge: str
    judge_balanced_accuracy: Share | None
    judge_balanced_accuracy_ci95: Interval | None = None
    judge_auroc: Share | None = Field(
        None, description="of its likelihoods, or where it gives none of its verdicts: correct, uncertain, wrong"
    )
    judge_auroc_ci95: Interval | None = None
    judge_within: WithinQuestions | None = Field(None, description="the same among rationales of one question")
    judge_calibration: str = Field("", description="against what the likelihoods were calibrated")
    majority_baseline: Share | None = None
    verdict_quality: VerdictQuality | None = Field(None, description="the whole table behind it")
    critiques: int = Field(0, description="those that parsed")
    contradicted_critiques: dict[str, int] = Field(
        default_factory=dict,
        description="those of them that contradict their rationale or their verdict, by reason",
    )
    verdict_consistency: VerdictConsistency | None = Field(
        None, description="of verdicts in the judge's own words; None where none was asked for twice"
    )
    distinct_rationales: Share | None = Field(None, description="different texts among the rationales")
    diversity: Diversity | None = Field(None, description="None where no question has two rationales that parsed")
    yields: tuple[StepYield, ...] = ()
    tokens_in: int
    tokens_out: int
    seconds: float
    usd: float | None = None
    tokens_per_question: float | None = Field(None, description="read and written")
    usd_per_question: float | None = None
    costs: tuple[StepUsage, ...] = Field((), description="by step; empty where the annotations came from a file")
    stopped: str = Field("", description="the cap at which it stopped before every question was complete")


class StageReport(Section, TrainingCounts):
    """What one of an arm's stages took, and how its losses fell."""

    stage: str
    task_losses: dict[str, tuple[float | None, ...]] = Field(
        default_factory=dict,
        description="of each task, without its weight, at equally spaced steps; None where it had no token",
    )


class ReflectionReport(Section):
    """What an arm's student wrote about questions that it was not trained on."""

    round: int = Field(description="from 1")
    questions: int
    samples: int = Field(description="rationales that it wrote")
    answered: int = Field(description="those that state an answer")
    correct: int = Field(description="those that are judged correct, which are taught as thinking")
    mended: int = Field(0, description="those taught beside them, whose sums were put right")
    tokens: int = Field(description="tokens that it wrote")
    flops: int = Field(description="of reading the questions and writing")


class TrainingReport(Section, TrainingCounts):
    """What training an arm took, all its trainings and what it wrote in between, and which checkpoint was kept."""

    selected_step: int | None = None
    valid_accuracy: Share | None = None
    stages: tuple[StageReport, ...] = Field((), description="the same by stage; those of a round begin with its number")
    reflection: tuple[ReflectionReport, ...] = Field((), description="what was written in the rounds, in order")


class ArmResult(Section):
    """One arm in one mode with one seed, over the test questions."""

    name: str
    method: str
    mode: str
    main: bool = Field(False, description="the mode in which the arm is compared, fixed by its method")
    seed: int
    n: int
    accuracy: Share | None = Field(description="None where the test questions have no gold answers")
    ci95: Interval | None
    tokens_per_question: float | None = None
    unparsed: int = Field(0, description="questions to which no readable answer was given")
    risk_coverage: RiskCoverage | None = Field(
        None, description="how accuracy rises as the least confident answers are withheld; None without confidences"
    )
    training: TrainingReport | None = None


class Comparison(Section):
    """Arm a against arm b on the same questions; positive differences favour a."""

    a: str
    b: str
    mode_a: str
    mode_b: str
    seed: int = 0
    n: int
    difference: float
    ci95: Interval
    p_mcnemar: Share
    p_adjusted: Share | None = Field(
        None,
        description="p_mcnemar after Holm's correction: for the other planned comparisons if it is planned, else for "
        "all others of the report",
    )
    planned: bool = Field(
        False, description="fixed before any result: the last arm's main mode against the untrained student and arm 1"
    )
    smallest_detectable: float = Field(description="difference that would have been seen with 80 % power")

    @property
    def p(self) -> float:
        """The p that a claim rests on."""
        return self.p_mcnemar if self.p_adjusted is None else self.p_adjusted

    @property
    def shown(self) -> bool:
        """Whether there is a difference beyond chance: p below 5 %, and an interval without 0."""
        return self.p < SIGNIFICANT and not self.ci95[0] <= 0 <= self.ci95[1]


class StudentJudge(Section):
    """The student's verdicts on its own test rationales, against gold and against the teacher."""

    arm: str
    n: int = Field(description="rationales judged")
    auroc: Share | None = Field(description="of the student's probability of 'correct'; None for one class")
    auroc_ci95: Interval | None = None
    within: WithinQuestions | None = Field(None, description="the same among rationales of one question")
    said_correct: int | None = Field(None, description="rationales to which it gives 'correct' more than one half")
    table: dict[Verdict, tuple[int, int]] = Field(
        default_factory=dict, description="its verdict at one half to (right, wrong) rationales"
    )
    balanced_accuracy: Share | None = None
    majority_baseline: Share | None = None
    agreement_with_teacher: Share | None = None
    agreement_n: int = 0

    @property
    def always(self) -> Verdict | None:
        """The verdict that it gives all of them at one half; None if both occur, or that is not known."""
        if self.said_correct is None or not self.n or 0 < self.said_correct < self.n:
            return None
        return Verdict.CORRECT if self.said_correct else Verdict.WRONG


class MirrorVersusVote(Section):
    """Votes weighted by the student's own verdicts against plain votes over the same samples."""

    arm: str
    n: int
    mirror: Share
    vote: Share
    difference: float = Field(description="mirror minus vote")
    ci95: Interval
    p_mcnemar: Share
    smallest_detectable: float
    mirror_tokens: float | None = Field(None, description="tokens a question")
    vote_tokens: float | None = None

    @property
    def shown(self) -> bool:
        """Whether there is a difference beyond chance; the one comparison of its kind, so nothing is corrected."""
        return self.p_mcnemar < SIGNIFICANT and not self.ci95[0] <= 0 <= self.ci95[1]


class ArmAnswer(Section):
    """The answer of one arm to a question."""

    arm: str
    mode: str = ""
    answer: str | None
    rationale: str = ""
    confidence: Share | None = None


class ShownExample(Section):
    """A question on which the baseline and ours differ."""

    question: str
    gold: str | None = None
    fixed: bool = Field(description="ours is right and the baseline wrong; False for the reverse")
    baseline: ArmAnswer
    ours: ArmAnswer


class Report(Section):
    """Everything that `report.json` holds."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    name: str
    created: datetime
    task: str
    teacher: str
    student: str
    annotation: AnnotationReport
    arms: tuple[ArmResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    student_judge: StudentJudge | None = None
    mirror_vs_vote: MirrorVersusVote | None = None
    arithmetic: dict[str, SoundArithmetic] = Field(
        default_factory=dict, description="of each arm's greedy test rationales"
    )
    confidences: tuple[ConfidenceReport, ...] = Field((), description="of every arm that was calibrated")
    escalations: tuple[EscalationReport, ...] = Field(
        (), description="least sure answers replaced by the teacher's; of the arms that say how sure they are"
    )
    examples: tuple[ShownExample, ...] = ()
    findings: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(default_factory=dict, description="wall time by phase")
    machine: str = ""
    provenance: dict[str, str] = Field(
        default_factory=dict, description="recipe hash, commit, versions: shown as they are"
    )

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )
