"""What the accounts of all questions add up to, while they come; at the end it is the step's result."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mindsmirror.annotation.budget import Spending
from mindsmirror.annotation.repairs import mendable
from mindsmirror.annotation.result import AnnotationResult, Spent
from mindsmirror.annotation.samples import Account, Tally
from mindsmirror.records import Annotation, Parse, Purpose, Rationale, SelfEvaluation, Usage

REASONS = 3
"""The most frequent reasons of failed requests that a result holds."""


@dataclass
class Totals:
    """The sums."""

    annotated: int = 0
    complete: int = 0
    failed: int = 0
    unasked: int = 0
    lost: int = 0
    """Replies that gave nothing to use."""
    usable: int = 0
    """Rationales that state an answer."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why requests failed."""
    steps: dict[Purpose, Usage] = field(default_factory=lambda: dict.fromkeys(Purpose, Usage()))

    def added(self, accounts: Iterable[Account]) -> Iterator[tuple[int, Annotation]]:
        """The annotations with their numbers, empty ones left out; what came of every question is added up."""
        for account in accounts:
            annotation = account.annotation
            self.complete += account.complete
            self.failed += account.failed
            self.unasked += account.unasked
            for purpose, usage in account.usage.items():
                self.steps[purpose] += usage
            self.usable += sum(rationale.parse is Parse.OK for rationale in annotation.rationales)
            records: tuple[Rationale | SelfEvaluation, ...] = (
                *annotation.rationales,
                *annotation.duals,
                *annotation.evaluations,
            )
            self.lost += sum(map(mendable, records))
            self.reasons.update(record.reason for record in records if record.parse is Parse.FAILED)
            if annotation.rationales:
                self.annotated += 1
                yield account.number, annotation

    def result(self, count: int, tally: Tally, spending: Spending) -> AnnotationResult:
        """The step's result; `count` is the number of all questions."""
        stopped = ""
        if self.unasked:
            stopped = (
                f"the annotation stopped at its budget: {spending.reached}. {self.complete} of {count} questions are "
                f"complete and {self.annotated - self.complete} begun; all of it is kept"
            )
        used = spending.usage
        paid = used.model_copy(update={"seconds": round(used.seconds, 1)})
        return AnnotationResult(
            questions=self.annotated,
            expected=count,
            complete=self.complete,
            found=tally.found,
            asked=tally.came.samples,
            failed=self.failed,
            usable=self.usable,
            reasons=dict(self.reasons.most_common(REASONS)),
            unasked=self.unasked,
            steps=self.steps,
            paid=Spent(**dict(paid), estimated=spending.estimated, wasted=spending.wasted),
            stopped=stopped,
        )
