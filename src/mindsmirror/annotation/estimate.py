"""What annotating will cost, with a range, judged by the questions that are complete already.

The unit is a question: its rationales, self-evaluations and repairs together, however many there were.
A question of which a part is stored counts for the share that it lacks. The range of a total is the 95 %
prediction interval of a sum of so many questions, by Student's t over those that were seen.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import fmean, stdev
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror.annotation.budget import Spending
from mindsmirror.annotation.config import AnnotationConfig
from mindsmirror.annotation.samples import Account, Tally
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.records import Purpose, Usage

Range = tuple[float, float]
T95 = (math.inf, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Quantile 0.975 of Student's t by degrees of freedom; from 10 on it is taken as 2.2."""


class Estimate(BaseModel):
    """Counts as they are, and what is still to be paid as (low, high)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int
    rationales: int = Field(description="k, for each question")
    self_evaluations: int = Field(description="m, for each rationale")
    duals: int = Field(0, description="the most that there can be of a rationale")
    writers: int = Field(1, description="teachers that write rationales, k each")
    samples: int = Field(
        description="the most that can be needed, without repairs: questions x writers x k x (1 + m + duals)"
    )
    stored: int = Field(description="samples that are stored, those asked for now included")
    asked: int = Field(description="samples asked for now, to measure")
    complete: int = Field(description="questions that lack nothing; the estimate rests on them")
    tokens_in: Range | None = Field(description="None where no question is complete")
    tokens_out: Range | None
    usd: Range | None = Field(description="None without prices")
    minutes: Range | None
    paid_usd: float | None = Field(description="by all runs of this name, for measuring included")
    paid_tokens: int = Field(description="so, too; read and written")
    paid_minutes: float = Field(description="in which they have waited for teachers")
    stopped: str = Field("", description="the cap that is reached, if one is")


@dataclass(frozen=True)
class QuestionUsages:
    """What the stored samples of each question took: 34 bytes a question, by its number."""

    complete: "array[int]"
    """Whether everything of it was asked for."""
    begun: "array[int]"
    """Whether a rationale of it is stored."""
    samples: "array[int]"
    tokens_in: "array[int]"
    tokens_out: "array[int]"
    usd: "array[float]"
    """0 without a price."""

    @classmethod
    def of(cls, accounts: Iterable[Account], count: int) -> Self:
        """Those of the accounts of `count` questions, in any order."""
        flags, whole = array("b", bytes(count)), array("q", bytes(8 * count))
        found = cls(flags, flags[:], whole, whole[:], whole[:], array("d", bytes(8 * count)))
        for account in accounts:
            number, total = account.number, account.total
            found.complete[number] = account.complete
            found.begun[number] = account.usage[Purpose.RATIONALE].samples > 0
            found.samples[number] = total.samples
            found.tokens_in[number], found.tokens_out[number] = total.tokens_in, total.tokens_out
            found.usd[number] = total.usd or 0.0
        return found


def estimated(
    after: QuestionUsages,
    before: QuestionUsages,
    config: AnnotationConfig,
    teachers: Sequence[Teacher],
    spending: Spending,
    tally: Tally,
) -> Estimate:
    """The estimate for all questions as they stand `after` some were asked now; `before` is how they stood.

    `teachers` are those that write and, last, the one that judges. A question of which requests failed is complete,
    too, if everything of it was asked for.
    """
    seen = bytes(complete and begun for complete, begun in zip(after.complete, after.begun, strict=True))
    *writers, judge = teachers
    duals = max(config.rectified, config.corrupted)
    full = len(writers) * config.rationales * (1 + config.self_evaluations + duals)
    lacking = zip(after.samples, after.complete, strict=True)
    left = sum(max(0.0, 1 - samples / full) for samples, complete in lacking if not complete)

    def ranged(measure: Iterable[float]) -> Range | None:
        return total_of(list(compress(measure, seen)), left)

    priced = all(writer.price for writer in writers) and (judge.price or config.self_evaluations == 0)
    used = spending.usage
    tokens_out = ranged(after.tokens_out)
    return Estimate(
        questions=len(seen),
        rationales=config.rationales,
        self_evaluations=config.self_evaluations,
        duals=duals,
        writers=len(writers),
        samples=len(seen) * full,
        stored=sum(after.samples),
        asked=sum(after.samples) - sum(before.samples),
        complete=sum(after.complete),
        tokens_in=ranged(after.tokens_in),
        tokens_out=tokens_out,
        usd=ranged(after.usd) if priced else None,
        minutes=_minutes(tokens_out, used, tally.fullness),
        paid_usd=used.usd,
        paid_tokens=used.tokens,
        paid_minutes=used.seconds / 60,
        stopped=spending.reached,
    )


def total_of(seen: Sequence[float], left: float) -> Range | None:
    """Low and high of a sum over `left` questions (a share of one counts), by what other questions came to.

    None if none was seen; a single one is taken to be off by a factor of two either way.
    """
    if left == 0:
        return (0.0, 0.0)
    if not seen:
        return None
    mean, count = fmean(seen), len(seen)
    if count == 1:
        return (left * mean / 2, left * mean * 2)
    t = T95[count - 1] if count <= len(T95) else 2.2
    spread = t * stdev(seen) * math.sqrt(left**2 / count + left)
    return (max(0.0, left * mean - spread), left * mean + spread)


def _minutes(tokens_out: Range | None, used: Usage, fullness: float) -> Range | None:
    """By the tokens that teachers wrote in the time in which they were waited for.

    A few questions do not fill an engine: the low end takes it that a full one is faster in proportion.
    """
    if tokens_out is None or (tokens_out[1] > 0 and used.tokens_out == 0):
        return None
    if tokens_out[1] == 0:
        return (0.0, 0.0)
    minutes = used.seconds / 60 / used.tokens_out
    return (tokens_out[0] * minutes * (fullness or 1.0), tokens_out[1] * minutes)
