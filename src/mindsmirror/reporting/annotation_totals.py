"""What annotations add up to, one at a time: counts, and for each self-evaluation a few bytes in an array.

No annotation is kept, so a report on a million of them needs little memory. `annotation_section` makes the report.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Self

from mindsmirror.annotation.critiques import fault_of
from mindsmirror.records import (
    Annotation,
    DualKind,
    Parse,
    Purpose,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)
from mindsmirror.reporting.diversity_section import AnswerKey, DiversityTotals, as_written
from mindsmirror.reporting.schema import StepYield

VERDICTS = tuple(Verdict)
RANK = {Verdict.CORRECT: 1.0, Verdict.UNCERTAIN: 0.5, Verdict.WRONG: 0.0}
"""How verdicts order rationales."""


@dataclass
class Yield:
    """Where the samples of one step went."""

    step: str
    asked: int = 0
    failed: int = 0
    asked_again: int = 0
    repaired: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Samples that gave nothing to use, by reason."""

    def add(self, record: Rationale | SelfEvaluation, lost: str | None) -> None:
        """One sample, and why it gave nothing to use; None if it did."""
        self.asked += 1
        self.failed += record.parse is Parse.FAILED
        self.asked_again += record.repairs > 0
        self.repaired += record.repairs > 0 and lost is None
        if lost is not None:
            self.lost[lost] += 1

    def row(self) -> StepYield:
        """The report's row."""
        return StepYield(
            step=self.step,
            asked=self.asked,
            ok=self.asked - self.lost.total(),
            reasons=dict(self.lost),
            stored=self.asked - self.failed,
            failed=self.failed,
            asked_again=self.asked_again,
            repaired=self.repaired,
        )


@dataclass
class Scores:
    """How a judge scores rationales that are known to be right or wrong: one row a rationale."""

    scores: "array[float]" = field(default_factory=lambda: array("d"))
    right: "array[int]" = field(default_factory=lambda: array("b"))
    questions: "array[int]" = field(default_factory=lambda: array("q"))
    """Number of each rationale's question."""

    def add(self, question: int, scores: Sequence[float], right: bool) -> None:
        """A rationale, scored by the mean of what was said of it; one without scores is left out."""
        if scores:
            self.scores.append(fmean(scores))
            self.right.append(right)
            self.questions.append(question)


@dataclass
class AnnotationTotals:
    """The sums; `key` says which answers to a question are the same."""

    key: AnswerKey = as_written
    examples: int = 0
    rationales: int = 0
    evaluations: int = 0
    unparsed: int = 0
    """Replies of any step that gave nothing to use."""
    known: int = 0
    """Rationales that are known to be right or wrong."""
    right: int = 0
    usable_evaluations: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    texts: int = 0
    """Parsed rationales, and below, how many different texts of one question there are among them."""
    different_texts: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    sources: set[VerdictSource] = field(default_factory=set)
    calibrations: set[str] = field(default_factory=set)
    teachers: set[str] = field(default_factory=set)
    yields: dict[str, Yield] = field(
        default_factory=lambda: {step: Yield(step) for step in ("rationale", "verdict", "critique", *DualKind)}
    )
    pairs: "array[int]" = field(default_factory=lambda: array("b"))
    """A verdict on a rationale that is known to be right or wrong: twice its place in VERDICTS, and 1 if right."""
    pair_questions: "array[int]" = field(default_factory=lambda: array("q"))
    contradicted: Counter[str] = field(default_factory=Counter)
    """Critiques that contradict their rationale or their verdict, by reason."""
    by_verdict: Scores = field(default_factory=Scores)
    by_likelihood: Scores = field(default_factory=Scores)
    repeated: list[tuple[Verdict, ...]] = field(default_factory=list)
    """The verdicts in a judge's own words on each rationale for which it was asked more than once."""
    diversity: DiversityTotals = field(default_factory=DiversityTotals)

    @classmethod
    def of(cls, annotations: Iterable[Annotation], key: AnswerKey = as_written) -> Self:
        """The sums of these annotations."""
        totals = cls(key)
        for annotation in annotations:
            totals.add(annotation)
        return totals

    def add(self, annotation: Annotation) -> None:
        """One more question."""
        self.examples += 1
        self.tokens_in += annotation.provenance.tokens_in
        self.tokens_out += annotation.provenance.tokens_out
        for rationale in annotation.rationales:
            self._add_rationale(rationale)
        for dual in annotation.duals:
            self.unparsed += dual.parse is not Parse.OK
            self.yields[dual.kind].add(dual, None if dual.parse is Parse.OK else dual.parse.value)
        texts = [rationale.text for rationale in annotation.rationales if rationale.parse is Parse.OK]
        self.texts += len(texts)
        self.different_texts += len(set(texts))
        self.diversity.add(annotation, self.key)
        texts_of = {rationale.sample: rationale.written for rationale in annotation.rationales}
        for evaluation in annotation.evaluations:
            self._add_evaluation(evaluation)
            if evaluation.critique and evaluation.parse is Parse.OK:
                fault = fault_of(evaluation.critique, texts_of[evaluation.rationale], evaluation.verdict)
                self.contradicted.update([fault] if fault else [])
        self._add_judged(annotation)

    def usable(self, purpose: Purpose) -> int:
        """Samples of a purpose that parsed."""
        if purpose is Purpose.SELF_EVALUATION:
            return self.usable_evaluations
        step = self.yields[purpose]
        return step.asked - step.lost.total()

    def _add_rationale(self, rationale: Rationale) -> None:
        self.rationales += 1
        self.teachers.add(rationale.teacher)
        self.unparsed += rationale.parse is not Parse.OK
        self.known += rationale.right is not None
        self.right += bool(rationale.right)
        self.yields["rationale"].add(rationale, None if rationale.parse is Parse.OK else rationale.parse.value)

    def _add_evaluation(self, evaluation: SelfEvaluation) -> None:
        self.evaluations += 1
        self.verdicts[evaluation.verdict] += 1
        self.sources.add(evaluation.source)
        if evaluation.calibration:
            self.calibrations.add(evaluation.calibration)
        undecided = evaluation.verdict is Verdict.UNPARSED
        # A self-evaluation without verdict and critique is one lost reply, though two steps lack it.
        self.unparsed += undecided or evaluation.parse is not Parse.OK
        self.usable_evaluations += evaluation.parse is Parse.OK
        failed = evaluation.parse.value if evaluation.parse is Parse.FAILED else "no verdict"
        self.yields["verdict"].add(evaluation, failed if undecided else None)
        if evaluation.source is not VerdictSource.LIKELIHOOD:
            lost = None if evaluation.parse is Parse.OK else evaluation.parse.value
            self.yields["critique"].add(evaluation, lost)

    def _add_judged(self, annotation: Annotation) -> None:
        """Verdicts beside whether their rationales are right, and verdicts on one rationale beside each other."""
        right = {rationale.sample: rationale.right for rationale in annotation.rationales}
        of_rationale: dict[int, list[SelfEvaluation]] = {}
        for evaluation in annotation.evaluations:
            of_rationale.setdefault(evaluation.rationale, []).append(evaluation)
            flag = right[evaluation.rationale]
            if flag is not None:
                self.pairs.append(2 * VERDICTS.index(evaluation.verdict) + flag)
                self.pair_questions.append(self.examples)
        for sample, said in of_rationale.items():
            own = tuple(each.verdict for each in said if each.source is VerdictSource.PLAIN)
            if len(own) > 1:
                self.repeated.append(own)
            flag = right[sample]
            if flag is not None:
                self.by_verdict.add(self.examples, [RANK[e.verdict] for e in said if e.verdict in RANK], flag)
                likely = [e.likelihood for e in said if e.likelihood is not None]
                self.by_likelihood.add(self.examples, likely, flag)
