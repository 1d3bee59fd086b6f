"""How good a judge is: does its score, or its verdict, tell right rationales from wrong ones?

A judge that calls everything correct is right as often as the rationales are, so accuracy alone says
nothing: everything here treats both classes alike, or stands beside the majority baseline.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mindsmirror.evaluation.statistics import numbered, share_interval
from mindsmirror.records import Record, Verdict

SAID = (Verdict.CORRECT, Verdict.WRONG)
"""The verdicts that decide; the others leave a rationale undecided."""

LEAST_QUESTIONS = 6
"""Questions of either class that an interval takes: with fewer not even a sign test by question could reach 5 %."""

Flags = Sequence[bool] | NDArray[np.bool_]
Weights = NDArray[np.float64]
"""How often each row counts: whole numbers."""
Statistic = Callable[[Weights], float | None]


class VerdictQuality(Record):
    """Verdicts held against gold. Shares of nothing are None.

    A verdict is decided if it is correct or wrong; everything below `decided` counts decided ones only.
    """

    n: int = Field(description="verdicts on rationales that are known to be right or wrong")
    right: int = Field(description="how many of those rationales are right")
    table: dict[Verdict, tuple[int, int]] = Field(description="verdict to (right, wrong) rationales")
    uncertain: int
    unparsed: int
    decided: int
    accuracy: float | None = Field(description="decided verdicts that agree with gold")
    majority_baseline: float | None = Field(description="accuracy of saying always the more frequent class")
    recall_correct: float | None = Field(description="share of the right rationales that are said correct")
    recall_wrong: float | None = Field(description="share of the wrong rationales that are said wrong")
    precision_correct: float | None = Field(description="share of those said correct that are right")
    precision_wrong: float | None = Field(description="share of those said wrong that are wrong")
    balanced_accuracy: float | None = Field(description="mean of both recalls; 0.5 is worth nothing")
    balanced_accuracy_ci95: tuple[float, float] | None

    @property
    def always(self) -> Verdict | None:
        """The verdict that all decided ones are; None if both occur, or none."""
        said = [verdict for verdict in SAID if sum(self.table.get(verdict, (0, 0)))]
        return said[0] if len(said) == 1 else None


class WithinQuestions(Record):
    """How a score orders rationales of the same question: what a vote that it weighs depends on."""

    auroc: float | None = Field(description="share of the pairs in which the right one scores higher, a tie one half")
    ci95: tuple[float, float] | None = Field(description="drawing whole questions; None where they are too few")
    pairs: int = Field(description="of a right and a wrong rationale of one question")
    questions: int = Field(description="those that have such a pair")


class VerdictConsistency(Record):
    """How far a judge agrees with itself where it judges one rationale more than once."""

    rationales: int = Field(description="those of which two or more self-evaluations name a verdict")
    evaluations: float = Field(description="such self-evaluations of one of them, mean")
    agreement: float = Field(
        description="chance that two of a rationale's self-evaluations say the same, mean over rationales"
    )
    by_chance: float = Field(
        description="the same for self-evaluations of any two rationales: what no consistency gives"
    )


def auroc(scores: Sequence[float] | NDArray[np.float64], labels: Flags) -> float | None:
    """Probability that a random positive scores above a random negative, a tie counting one half.

    (R − P(P+1)/2) / (P·N), R the sum of the midranks of the P positives; None where a class is absent.
    ValueError for scores that are NaN or lengths that differ.
    Source: Mann and Whitney (1947); Hanley and McNeil (1982), Radiology 143, 29–36.
    """
    return weighted_auroc(scores, labels)(np.ones(len(labels)))


def weighted_auroc(scores: Sequence[float] | NDArray[np.float64], labels: Flags) -> Statistic:
    """`auroc` where each row counts as often as its weight says; the scores are sorted once for all weights."""
    values = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(labels, dtype=bool)
    if values.shape != positive.shape or np.isnan(values).any():
        raise ValueError(f"{len(values)} scores for {len(positive)} labels: one number for each label")
    level, rank = np.unique(values, return_inverse=True)
    cell = 2 * rank + positive

    def area(weights: Weights) -> float | None:
        of_negatives, of_positives = np.bincount(cell, weights, 2 * len(level)).reshape(-1, 2).T
        positives, negatives = float(of_positives.sum()), float(of_negatives.sum())
        if not positives or not negatives:
            return None
        # Ranks and their sums are multiples of 1/2, so they are exact.
        counts = of_negatives + of_positives
        midranks = np.cumsum(counts) - (counts - 1) / 2
        total = float((of_positives * midranks).sum())
        return (total - positives * (positives + 1) / 2) / (positives * negatives)

    return area


def auroc_interval(
    scores: Sequence[float] | NDArray[np.float64], labels: Flags, questions: Sequence[Hashable], seed: int
) -> tuple[float, float] | None:
    """The 95 % interval of `auroc`, drawing whole questions; None for fewer than LEAST_QUESTIONS of either class."""
    return _interval(weighted_auroc(scores, labels), labels, questions, seed)


def auroc_within(
    scores: Sequence[float] | NDArray[np.float64], labels: Flags, questions: Sequence[Hashable], seed: int
) -> WithinQuestions:
    """Probability that the right one of two rationales of one question scores above the wrong one, a tie one half.

    Σ W_q / Σ P_q·N_q over the questions q with P_q right and N_q wrong rationales, W_q = P_q·N_q·AUROC_q: each pair
    counts the same. ValueError for lengths that differ or scores that are NaN.
    """
    values, flags = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=bool)
    if not len(values) == len(flags) == len(questions):
        raise ValueError(f"{len(values)} scores, {len(flags)} labels and {len(questions)} questions: one of each")
    if np.isnan(values).any():
        raise ValueError("a score is NaN: it orders nothing")
    return share_of_pairs(*pairs_within(values, flags, numbered(questions)), list(dict.fromkeys(questions)), seed)


def share_of_pairs(
    won: NDArray[np.float64], pairs: NDArray[np.float64], questions: Sequence[Hashable], seed: int
) -> WithinQuestions:
    """Pairs that are in order among all pairs, drawing whole questions; a question may stand in several places."""
    kept = pairs > 0
    won, pairs, questions = won[kept], pairs[kept], [each for each, keep in zip(questions, kept, strict=True) if keep]
    if not questions:
        return WithinQuestions(auroc=None, ci95=None, pairs=0, questions=0)
    number, drawn = len(set(questions)), None
    if number >= LEAST_QUESTIONS:
        drawn = share_interval(
            questions, lambda times: float((times * won).sum() / (times * pairs).sum()), number, seed
        )
    return WithinQuestions(auroc=float(won.sum() / pairs.sum()), ci95=drawn, pairs=int(pairs.sum()), questions=number)


def pairs_within(
    scores: NDArray[np.float64], right: NDArray[np.bool_], question: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of a right and a wrong row that are in order, a tie one half, and pairs: of each question."""
    order = np.lexsort((scores, question))
    scores, right, question = scores[order], right[order], question[order]
    # Rows of one question and one score are a run and share a midrank, which counts from the question's first row.
    begun = (question[1:] != question[:-1]) | (scores[1:] != scores[:-1])
    starts = np.flatnonzero(np.concatenate([[True], begun])) if len(scores) else np.zeros(0, dtype=np.int64)
    sizes = np.diff(starts, append=len(scores))
    in_question = np.bincount(question)
    begins = np.cumsum(in_question) - in_question
    midranks = np.repeat(starts + (sizes + 1) / 2, sizes) - begins[question]
    positives = np.bincount(question, right)
    won = np.bincount(question, midranks * right) - positives * (positives + 1) / 2
    pairs = positives * (in_question - positives)
    return won, pairs


def balanced_accuracy(predicted: Flags, labels: Flags) -> float | None:
    """Mean of the recalls of both classes; None where a class is absent among the labels.

    0.5 for any constant prediction. ValueError where the lengths differ.
    Source: Brodersen et al. (2010), ICPR, 3121–3124.
    """
    said = np.asarray(predicted, dtype=bool)
    label = np.asarray(labels, dtype=bool)
    if said.shape != label.shape:
        raise ValueError(f"{len(said)} predictions for {len(label)} labels: one for each")
    return _weighted_balanced_accuracy(said, label)(np.ones(len(label)))


def _weighted_balanced_accuracy(said: NDArray[np.bool_], label: NDArray[np.bool_]) -> Statistic:
    """`balanced_accuracy` where each row counts as often as its weight says."""
    cell = 2 * label + said.astype(np.int64)

    def mean_of_recalls(weights: Weights) -> float | None:
        true_negatives, false_positives, false_negatives, true_positives = np.bincount(cell, weights, 4).tolist()
        positives, negatives = true_positives + false_negatives, true_negatives + false_positives
        if not positives or not negatives:
            return None
        return float(true_positives / positives + true_negatives / negatives) / 2

    return mean_of_recalls


def majority_baseline(labels: Sequence[bool]) -> float | None:
    """Accuracy of always predicting the more frequent class; None for no labels."""
    return _share(max(sum(labels), len(labels) - sum(labels)), len(labels))


def verdict_quality(
    pairs: Sequence[tuple[Verdict, bool]],
    questions: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> VerdictQuality:
    """Hold verdicts against whether their rationales are right.

    `questions` names each pair's question, so that the interval draws whole questions; without it each pair
    counts as a question of its own.
    """
    count = Counter(pairs)
    table = {verdict: (count[verdict, True], count[verdict, False]) for verdict in Verdict}
    correct, wrong = table[Verdict.CORRECT], table[Verdict.WRONG]
    right_decided, wrong_decided = correct[0] + wrong[0], correct[1] + wrong[1]
    decided = right_decided + wrong_decided
    said = np.fromiter((verdict is Verdict.CORRECT for verdict, _ in pairs if verdict in SAID), bool)
    label = np.fromiter((right for verdict, right in pairs if verdict in SAID), bool)
    names = range(len(pairs)) if questions is None else questions
    kept = [name for name, (verdict, _) in zip(names, pairs, strict=True) if verdict in SAID]
    interval = _interval(_weighted_balanced_accuracy(said, label), label, kept, seed)
    return VerdictQuality(
        n=len(pairs),
        right=sum(right for _, right in pairs),
        table=table,
        uncertain=sum(table[Verdict.UNCERTAIN]),
        unparsed=sum(table[Verdict.UNPARSED]),
        decided=decided,
        accuracy=_share(correct[0] + wrong[1], decided),
        majority_baseline=_share(max(right_decided, wrong_decided), decided),
        recall_correct=_share(correct[0], right_decided),
        recall_wrong=_share(wrong[1], wrong_decided),
        precision_correct=_share(correct[0], sum(correct)),
        precision_wrong=_share(wrong[1], sum(wrong)),
        balanced_accuracy=balanced_accuracy(said, label),
        balanced_accuracy_ci95=interval,
    )


def verdict_consistency(judged: Iterable[Sequence[Verdict]]) -> VerdictConsistency | None:
    """Self-consistency of verdicts, given those of each rationale; None where none has two that name one.

    Agreement is Σ n_v (n_v − 1) / n (n − 1) over the verdicts v of a rationale's n self-evaluations, which is unbiased
    for any n, and by chance Σ p_v² of all those self-evaluations.
    Source: Fleiss (1971), Psychological Bulletin 76, 378–382.
    """
    counts = (Counter(verdict for verdict in each if verdict is not Verdict.UNPARSED) for each in judged)
    repeated = [count for count in counts if count.total() > 1]
    if not repeated:
        return None
    overall = sum(repeated, Counter[Verdict]())
    agreements = [
        sum(n * (n - 1) for n in count.values()) / (count.total() * (count.total() - 1)) for count in repeated
    ]
    return VerdictConsistency(
        rationales=len(repeated),
        evaluations=overall.total() / len(repeated),
        agreement=sum(agreements) / len(repeated),
        by_chance=sum((n / overall.total()) ** 2 for n in overall.values()),
    )


def expected_calibration_error(confidence: Sequence[float], right: Sequence[bool], bins: int = 10) -> float | None:
    """Mean distance of confidence from accuracy, Σ |bin|/n · |acc(bin) − conf(bin)|; None for nothing.

    Bins are of equal width over [0, 1] and closed above. ValueError for a confidence outside [0, 1] or
    lengths that differ. Source: Guo et al. (2017), ICML, arXiv 1706.04599.
    """
    sure = np.asarray(confidence, dtype=np.float64)
    hit = np.asarray(right, dtype=np.float64)
    if sure.shape != hit.shape or not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError(f"{len(sure)} confidences for {len(hit)} answers: one in [0, 1] for each")
    if not len(sure):
        return None
    which = np.digitize(sure, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    gap = np.bincount(which, weights=hit - sure, minlength=bins)
    return float(np.abs(gap).sum() / len(sure))


def _interval(
    statistic: Statistic, labels: Flags, questions: Sequence[Hashable], seed: int
) -> tuple[float, float] | None:
    """Interval of a statistic of labelled rows, drawing whole questions; None where too few have either class."""
    right = np.asarray(labels, dtype=bool)
    least = min(len({questions[row] for row in np.flatnonzero(right == kind).tolist()}) for kind in (True, False))
    if least < LEAST_QUESTIONS:
        return None
    return share_interval(questions, statistic, least, seed)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
