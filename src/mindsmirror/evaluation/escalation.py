"""What it brings to send the questions that a student is least sure of to its teacher, and what that costs.

A student that is sure of the right questions needs few calls of the teacher for most of the teacher's accuracy. Where
the student is the better of the two, sending makes it worse, and that is seen here, too.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from mindsmirror.evaluation.selective import POINTS
from mindsmirror.evaluation.statistics import paired_difference, wilson
from mindsmirror.records import Record

SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Shares of the questions that are sent, fixed before any result."""


class Asked(NamedTuple):
    """A test question that both have answered."""

    confidence: float | None
    """Of the student; None where it gave no readable answer, which is sent first."""
    student: bool
    teacher: bool
    """Whether each is right."""
    abstained: bool
    """Whether the student's threshold withholds its answer."""
    tokens: int
    """That the teacher read and wrote."""
    usd: float | None
    """What they cost; None without a price."""


class Sent(Record):
    """Some questions sent to the teacher, the others left to the student."""

    calls: int = Field(description="questions that are sent, the least sure first")
    accuracy: float = Field(ge=0, le=1, description="of the student's answers and the teacher's together")
    ci95: tuple[float, float]
    difference: float = Field(description="from the student alone")
    difference_ci95: tuple[float, float]
    tokens: int = Field(description="that the teacher read and wrote")
    usd: float | None = None


class Escalation(Record):
    """What sending brings, by how much is sent."""

    n: int
    student: float = Field(ge=0, le=1, description="accuracy without the teacher")
    teacher: float = Field(ge=0, le=1, description="accuracy of the teacher on the same questions")
    sent: tuple[Sent, ...] = Field(description="at shares that were fixed beforehand")
    threshold: Sent | None = Field(None, description="what the student abstains from is sent; None without a risk")
    curve: tuple[tuple[float, float], ...] = Field(description="(share that is sent, accuracy), rising from 0 to 1")


def escalation(asked: Sequence[Asked], *, promised: bool) -> Escalation | None:
    """None for no questions; `promised`: the student has a threshold."""
    n = len(asked)
    if not n:
        return None
    least = sorted(range(n), key=lambda place: -1.0 if (sure := asked[place].confidence) is None else sure)
    shown = sorted({round(number * n / POINTS) for number in range(POINTS + 1)})
    withheld = [place for place in range(n) if asked[place].abstained]
    return Escalation(
        n=n,
        student=sum(each.student for each in asked) / n,
        teacher=sum(each.teacher for each in asked) / n,
        sent=tuple(_sent(asked, least[: round(share * n)]) for share in SHARES),
        threshold=_sent(asked, withheld) if promised else None,
        curve=tuple((calls / n, sum(_together(asked, least[:calls])) / n) for calls in shown),
    )


def _sent(asked: Sequence[Asked], places: Sequence[int]) -> Sent:
    right = _together(asked, places)
    against = paired_difference(right, [each.student for each in asked])
    prices = [asked[place].usd for place in places]
    known = [usd for usd in prices if usd is not None]
    return Sent(
        calls=len(places),
        accuracy=sum(right) / len(right),
        ci95=wilson(sum(right), len(right)),
        difference=against.value,
        difference_ci95=(against.low, against.high),
        tokens=sum(asked[place].tokens for place in places),
        usd=sum(known) if len(known) == len(prices) and all(each.usd is not None for each in asked) else None,
    )


def _together(asked: Sequence[Asked], places: Sequence[int]) -> list[bool]:
    """Of each question, whether its answer is right when these are sent."""
    sent = set(places)
    return [each.teacher if place in sent else each.student for place, each in enumerate(asked)]
