"""What judges are worth, in plain sentences: the teacher's on its rationales, the student's on its own.

A judge is said to tell right from wrong only where the interval excludes chance. Balanced accuracy never stands without
AUROC, nor that without AUROC within questions: a judge may know which questions are hard and nothing of a question's
rationales, and a vote that it weighs is then a plain one.
"""

from collections.abc import Iterator

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.records import VerdictSource
from mindsmirror.reporting.formatting import count, named_arm, score, score_range
from mindsmirror.reporting.schema import AnnotationReport, StudentJudge
from mindsmirror.reporting.section import Interval

CHANCE = 0.5
INFORMATIVE = 0.6
"""Balanced accuracy below which verdicts are called noise, however sure it is; guessing has 0.5."""
BY_CONSTRUCTION = "The verdicts were taken from gold answers, so there is no accuracy of theirs to measure."


def informative(annotation: AnnotationReport) -> bool:
    """Whether the verdicts are known to be better than noise: shown to be, or taken from gold."""
    value, interval = annotation.judge_balanced_accuracy, annotation.judge_balanced_accuracy_ci95
    if annotation.judge == VerdictSource.INFORMED:
        return True
    return value is not None and value >= INFORMATIVE and standing(interval) > 0


def standing(interval: Interval | None) -> int:
    """1 where an interval lies above chance, -1 where it lies below, 0 where it includes it or there is none."""
    low, high = interval or (0.0, 1.0)
    return 1 if low > CHANCE else -1 if high < CHANCE else 0


def critiques(annotation: AnnotationReport) -> str:
    """How many critiques the texts themselves speak against; empty if none were read, or none is contradicted."""
    contradicted = sum(annotation.contradicted_critiques.values())
    if not contradicted:
        return ""
    return (
        f"Of {count(annotation.critiques)} critiques {count(contradicted)} contradict the rationale or the verdict "
        "that they come with. The others may still be false."
    )


def judged(annotation: AnnotationReport) -> str:
    """What the teacher's verdicts on its rationales are worth, in one or two sentences."""
    if annotation.judge == VerdictSource.INFORMED:
        return BY_CONSTRUCTION
    value, quality = annotation.judge_balanced_accuracy, annotation.verdict_quality
    who = f"the {annotation.judge} judge's verdicts"
    if value is None:
        return (
            f"What {who} are worth could not be measured: that takes gold answers, and verdicts on both right and "
            "wrong rationales."
        )
    seen = f"balanced accuracy {with_interval(value, annotation.judge_balanced_accuracy_ci95)}, where guessing has 0.50"
    if annotation.judge_auroc is not None:
        seen += f"; AUROC {with_interval(annotation.judge_auroc, annotation.judge_auroc_ci95)}"
    seen += f"; within questions {within(annotation.judge_within)}" if annotation.judge_within else ""
    if quality is not None and quality.always is not None:
        return f'Warning: {who} always say "{quality.always.value}", so they tell nothing apart: {seen}. {_ADVICE}'
    if informative(annotation):
        return f"T{who[1:]} carry information: {seen}."
    found = {
        1: "carry little information",
        0: "are not shown to carry information",
        -1: "are worse than guessing",
    }[standing(annotation.judge_balanced_accuracy_ci95)]
    return f"Warning: {who} {found}: {seen}. {_ADVICE}"


_ADVICE = "A student that learns from noise learns noise; take another judge or a stronger teacher."


def student_judged(judge: StudentJudge) -> Iterator[str]:
    """What the judge that an arm learnt is worth: overall, and within questions."""
    who = f"The judge that {named_arm(judge.arm)} learnt"
    if judge.auroc is None:
        kinds = f"its {count(judge.n)} test rationales are not both right and wrong"
        yield f"{who} could not be measured: {kinds}."
        return
    found = {
        1: "tells right from wrong among its own test rationales",
        0: "is not shown to be above chance on its own test rationales",
        -1: "is worse than chance on its own test rationales",
    }[standing(judge.auroc_ci95)]
    seen = f"AUROC {with_interval(judge.auroc, judge.auroc_ci95)}, n = {count(judge.n)}"
    if judge.balanced_accuracy is not None:
        seen += f"; balanced accuracy {score(judge.balanced_accuracy)}"
    within_them = ""
    if judge.within is not None:
        within_them = (
            f" Within questions, on which a vote depends, it {within_found(judge.within)}: {within(judge.within)}."
        )
    yield f"{who} {found}: {seen}.{within_them}"
    if judge.always is not None:
        yield (
            "Warning: the student's verdict, its probability taken at one half, is always "
            f'"{judge.always.value}": only the order of the probabilities can tell anything.'
        )


def within_found(found: WithinQuestions) -> str:
    """What was found within questions, as the end of "the judge …"."""
    if not found.pairs:
        return "could not be measured"
    return {1: "tells right from wrong", 0: "is not shown to be above chance", -1: "is worse than chance"}[
        standing(found.ci95)
    ]


def within(found: WithinQuestions) -> str:
    """In words: "AUROC 0.52 (95 % interval 0.44 to 0.60, which includes 0.50; 212 pairs of 61 questions)"."""
    if found.auroc is None:
        return "no pairs of a right and a wrong rationale"
    pairs = f"{count(found.pairs)} pair{'s' * (found.pairs > 1)} of {count(found.questions)} question"
    pairs += "s" * (found.questions > 1)
    return f"AUROC {score(found.auroc)} ({_interval(found.ci95)}; {pairs})"


def with_interval(value: float, interval: Interval | None) -> str:
    """A score with its interval, or with why there is none."""
    return f"{score(value)} ({_interval(interval)})"


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return "no interval: too few questions"
    chance = ", which includes 0.50" if interval[0] <= CHANCE <= interval[1] else ""
    return f"95 % interval {score_range(interval)}{chance}"
