"""How well scores rank over several seeds: each seed's own students by themselves, questions drawn for all together.

A score of one student is no scale for another's, so nothing is ranked across seeds: a pooled figure is the mean of the
seeds' figures. A bootstrap draws questions, and with a question all that every seed said of it.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from mindsmirror.evaluation.clustered import over_new_seeds
from mindsmirror.evaluation.metrics import (
    LEAST_QUESTIONS,
    Statistic,
    Weights,
    WithinQuestions,
    pairs_within,
    share_of_pairs,
    weighted_auroc,
)
from mindsmirror.evaluation.selective import accuracy_at_half
from mindsmirror.evaluation.statistics import numbered, share_interval
from mindsmirror.records import Record


class Scored(NamedTuple):
    """What one seed's student was scored on: a score, right or wrong, and a question for each row."""

    scores: Sequence[float]
    right: Sequence[bool]
    questions: Sequence[Hashable]


class PooledScore(Record):
    """A figure of each seed, and their mean with 95 % intervals; None where it cannot be had."""

    n: int = Field(description="rows of all seeds")
    value: float | None = Field(description="mean over the seeds that have it")
    ci95: tuple[float, float] | None = Field(description="drawing whole questions; None where they are too few")
    new_seeds: tuple[float, float] | None = Field(None, description="the same for new seeds too; None for one seed")
    by_seed: dict[str, float | None]


def pooled_auroc(rows: Mapping[str, Scored], seed: int) -> PooledScore:
    """`auroc` of each seed, and their mean. ValueError for scores that are NaN or lengths that differ."""
    return _pooled({name: (weighted_auroc(each.scores, each.right), each) for name, each in rows.items()}, seed)


def pooled_half(rows: Mapping[str, Scored], seed: int) -> PooledScore:
    """The accuracy of each seed's more confident half, and their mean. ValueError as in `pooled_auroc`."""
    found = {name: (accuracy_at_half(each.scores, each.right), each) for name, each in rows.items() if each.right}
    return _pooled(found, seed)


def pooled_within(rows: Mapping[str, Scored], seed: int) -> WithinQuestions:
    """`auroc_within` over the pairs of all seeds: a pair is of one seed, and questions are drawn for all seeds.

    ValueError as in `auroc_within`.
    """
    won, pairs, names = [], [], list[Hashable]()
    for each in rows.values():
        numbers = numbered(each.questions)
        of_seed = pairs_within(np.asarray(each.scores, dtype=np.float64), np.asarray(each.right, dtype=bool), numbers)
        won.append(of_seed[0])
        pairs.append(of_seed[1])
        names += dict.fromkeys(each.questions)
    nothing = [np.zeros(0)]
    return share_of_pairs(np.concatenate(won or nothing), np.concatenate(pairs or nothing), names, seed)


def _pooled(rows: Mapping[str, tuple[Statistic, Scored]], seed: int) -> PooledScore:
    """The mean over seeds of a statistic of each seed's rows."""
    by_seed = {name: statistic(np.ones(len(each.right))) for name, (statistic, each) in rows.items()}
    measured = {name: value for name, value in by_seed.items() if value is not None}
    counted = [rows[name] for name in measured]
    n = sum(len(each.right) for _, each in rows.values())
    if not counted:
        return PooledScore(n=n, value=None, ci95=None, by_seed=by_seed)
    ends = np.cumsum([0, *(len(each.right) for _, each in counted)])

    def mean(weights: Weights) -> float | None:
        found = [
            statistic(weights[begin:end])
            for (statistic, _), begin, end in zip(counted, ends[:-1], ends[1:], strict=True)
            if weights[begin:end].any()
        ]
        return None if not found or None in found else float(np.mean([each for each in found if each is not None]))

    value = float(np.mean(list(measured.values())))
    ci95 = None
    if (least := _fewest([each for _, each in counted])) >= LEAST_QUESTIONS:
        questions = [question for _, each in counted for question in each.questions]
        ci95 = share_interval(questions, mean, least, seed)
    new_seeds = over_new_seeds(value, ci95, list(measured.values()), (0.0, 1.0)) if ci95 else None
    return PooledScore(n=n, value=value, ci95=ci95, new_seeds=new_seeds, by_seed=by_seed)


def _fewest(rows: Sequence[Scored]) -> int:
    """Questions with a right row, or with a wrong one, whichever are fewer."""
    of_class: dict[bool, set[Hashable]] = {True: set(), False: set()}
    for each in rows:
        for question, right in zip(each.questions, each.right, strict=True):
            of_class[bool(right)].add(question)
    return min(map(len, of_class.values()))
