"""Who says whether a rationale is correct, and on what ground.

`plain` asks a teacher, as published (arXiv 2311.09214). `consensus` takes the agreement of the k answers:
a small teacher that judges a single rationale is near chance, while its own rationales together are a judge of
0.77 balanced accuracy (docs/methods.md). `informed` takes gold, and is fair only where every arm that is
compared may use gold. For these two the verdict is known before the teacher writes its critique. `likelihood` asks a
teacher for one word and takes, instead of the word, how likely it is; it writes no critique.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mindsmirror import limits
from mindsmirror.answers.base import Answer
from mindsmirror.records import CalibrationTarget, Example, Verdict, VerdictSource
from mindsmirror.tasks.base import Task


class JudgeConfig(BaseModel):
    """The `[judge]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Literal["plain", "consensus", "informed", "likelihood"] = Field(
        "consensus",
        description="where verdicts come from. plain: the judge's own word, as published; consensus: agreement with "
        "the most frequent answer; informed: gold, and the default if every arm learns from gold; likelihood: how "
        "likely the judge finds the word correct",
    )
    teacher: int = Field(0, ge=0, lt=limits.TEACHERS, description="which teacher judges, numbered from 0")
    temperature: float = Field(0.7, ge=0, le=limits.TEMPERATURE, description="at which self-evaluations are sampled")
    max_tokens: int = Field(96, ge=8, le=limits.TOKENS, description="the most tokens of a self-evaluation")
    calibration: CalibrationTarget = Field(
        CalibrationTarget.CONSENSUS, description="what likelihoods are calibrated against"
    )

    @model_validator(mode="after")
    def _calibrates_likelihoods(self) -> Self:
        if self.calibration is not CalibrationTarget.CONSENSUS and self.strategy != "likelihood":
            raise ValueError(f"calibration: the strategy {self.strategy} has nothing to calibrate; remove it")
        return self

    @property
    def source(self) -> VerdictSource:
        """What the verdicts will rest on."""
        return VerdictSource(self.strategy)


class Ruling(NamedTuple):
    """Verdicts that are known before the teacher is asked, by sample, and the answer held to be right."""

    verdicts: Mapping[int, Verdict]
    answer: str


def majority(answers: Mapping[int, Answer]) -> Answer | None:
    """The answer that more samples reach than any other; None if several lead or no two agree."""
    counts = Counter(answer.key for answer in answers.values())
    leaders = counts.most_common(2)
    if not leaders or (len(leaders) > 1 and leaders[0][1] == leaders[1][1]):
        return None
    if leaders[0][1] == 1:
        return None
    return next(answer for answer in answers.values() if answer.key == leaders[0][0])


def consensus(answers: Mapping[int, Answer]) -> Ruling:
    """Correct if a sample agrees with the most frequent answer; uncertain if there is no such answer."""
    leader = majority(answers)
    if leader is None:
        return Ruling(dict.fromkeys(answers, Verdict.UNCERTAIN), "")
    verdicts = {
        sample: Verdict.CORRECT if answer.key == leader.key else Verdict.WRONG for sample, answer in answers.items()
    }
    return Ruling(verdicts, leader.text)


def informed(task: Task, example: Example, answers: Mapping[int, Answer]) -> Ruling:
    """Correct if right by gold; uncertain where gold is not known."""
    if example.gold is None:
        return Ruling(dict.fromkeys(answers, Verdict.UNCERTAIN), "")
    gold = task.read(example, example.gold)
    verdicts = {
        sample: Verdict.CORRECT if task.right(example, answer) else Verdict.WRONG for sample, answer in answers.items()
    }
    return Ruling(verdicts, gold.text if gold else example.gold)
