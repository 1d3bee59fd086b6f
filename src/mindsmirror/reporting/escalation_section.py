"""What a report says of sending a student's least sure answers to the teacher."""

from mindsmirror.evaluation.escalation import SHARES, Escalation, Sent
from mindsmirror.reporting.formatting import count, named_arm, percent, point_range, points
from mindsmirror.reporting.section import Section

QUARTER = SHARES.index(0.25)


class EscalationReport(Section, Escalation):
    """The least sure answers of an arm, replaced by the teacher's."""

    arm: str
    mode: str


def escalation_told(report: EscalationReport) -> str:
    """The same in a sentence: what was fixed beforehand, which is the threshold, or else a quarter of the questions."""
    who = named_arm(report.arm)
    alone = f"{who} alone {percent(report.student)}, the teacher alone {percent(report.teacher)}"
    chosen = report.threshold or report.sent[QUARTER]
    what = "what it abstains from" if report.threshold else "its least sure quarter"
    return f"Of test questions {alone} answer right in mode {report.mode}; {_brought(chosen, what, report.n)}."


def _brought(sent: Sent, what: str, n: int) -> str:
    told = f"with {what} sent to the teacher ({count(sent.calls)} of {count(n)}) it is {percent(sent.accuracy)}"
    return f"{told}, {points(sent.difference)} points more ({point_range(sent.difference_ci95)})"


def sent_rows(report: EscalationReport) -> list[tuple[Sent, str]]:
    """What a table shows: each share that was fixed beforehand, and what the student abstains from."""
    names = ["none", *(f"least sure {percent(share)}" for share in SHARES[1:-1]), "all"]
    rows = list(zip(report.sent, names, strict=True))
    return [*rows, (report.threshold, "what it abstains from")] if report.threshold else rows
