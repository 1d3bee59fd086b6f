"""From the predictions of several runs to a comparison's rows: accuracies, differences, judges and confidences.

Rows are joined by seed and question. Which comparisons are planned follows from the arms alone: within an arm mirror
against vote and against think, and each arm against those that its recipe names (`against`), or against the baseline
where none names any, thinking and by mirror, where both were trained by the same budget.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mindsmirror.evaluation.clustered import detectable, pooled_difference, pooled_share, seed_means, swap_test
from mindsmirror.evaluation.evaluate import own_self_evaluations
from mindsmirror.evaluation.metrics import auroc_within
from mindsmirror.evaluation.pooled_scores import Scored, pooled_auroc, pooled_half, pooled_within
from mindsmirror.evaluation.statistics import holm
from mindsmirror.records import Mode, Prediction
from mindsmirror.reporting.accuracy_section import ArmPredictions, arm_results
from mindsmirror.reporting.comparison_schema import SeedsComparison, SeedsJudge, SeedsResult
from mindsmirror.reporting.schema import UNTRAINED


class Row(NamedTuple):
    """A question as one seed answered it; `place` tells equal questions of one test apart."""

    seed: str
    question: Hashable
    place: int


@dataclass(frozen=True)
class ArmOfSeed:
    """What an arm of one seed said on its test questions."""

    said: ArmPredictions
    questions: Mapping[str, Hashable]
    """What is asked, by the id of the question: the same under any id is the same question."""
    run: str = ""
    """The folder of its run: of several arms of one name, that of the same run is meant."""


@dataclass(frozen=True)
class ComparedArm:
    """An arm with all its seeds."""

    name: str
    """Of its own among the compared arms."""
    budget: str
    seeds: Mapping[str, ArmOfSeed]

    @property
    def own_name(self) -> str:
        """As its recipe calls it."""
        return next(iter(self.seeds.values())).said.name

    @property
    def untrained(self) -> bool:
        """Whether it is the student before training."""
        return self.own_name == UNTRAINED

    @property
    def against(self) -> tuple[str, ...]:
        """Arms that the recipe of any of its seeds holds it against, as recipes call them."""
        return tuple(dict.fromkeys(name for each in self.seeds.values() for name in each.said.against))

    @property
    def main(self) -> Mode:
        """The mode in which it is compared with others."""
        return next(iter(self.seeds.values())).said.main

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Those that every seed was asked in."""
        first, *others = (each.said.modes for each in self.seeds.values())
        return tuple(mode for mode in first if all(mode in modes for modes in others))

    def answers(self, mode: Mode) -> dict[Row, Prediction]:
        """What was said of each question with gold by each seed."""
        found = {}
        for seed, of_seed in self.seeds.items():
            seen = Counter[Hashable]()
            for each in of_seed.said.modes[mode]:
                question = of_seed.questions[each.example]
                if each.right is not None:
                    found[Row(seed, question, seen[question])] = each
                seen[question] += 1
        return found


def seeds_results(arm: ComparedArm, seed: int) -> Iterator[SeedsResult]:
    """A row for each mode; `seed` is that of the bootstrap."""
    own = {name: {row.mode: row for row in arm_results(each.said, seed)} for name, each in arm.seeds.items()}
    for mode in arm.modes:
        answers = arm.answers(mode)
        right = [bool(each.right) for each in answers.values()]
        found = (
            pooled_share(right, [row.question for row in answers], [row.seed for row in answers]) if answers else None
        )
        scored = _confidences(answers)
        yield SeedsResult(
            arm=arm.name,
            method=own[next(iter(own))][mode].method,
            mode=mode,
            main=mode == arm.main,
            budget=arm.budget,
            questions=len({row.question for row in answers}),
            n=len(answers),
            accuracy=found.value if found else None,
            ci95=found.ci95 if found else None,
            new_seeds=found.new_seeds if found else None,
            by_seed={name: rows[mode] for name, rows in own.items()},
            confidence=pooled_auroc(scored, seed) if scored else None,
            half=pooled_half(scored, seed) if scored else None,
        )


def seeds_judge(arm: ComparedArm, seed: int) -> SeedsJudge | None:
    """The judge of the arm's students on their own rationales; None where none was asked."""
    rows = {}
    for name, of_seed in arm.seeds.items():
        own = own_self_evaluations(of_seed.said.modes.get("mirror", ()))
        if own:
            scores, right, ids = zip(*own, strict=True)
            rows[name] = Scored(scores, right, [of_seed.questions[each] for each in ids])
    if not rows:
        return None
    return SeedsJudge(
        arm=arm.name,
        overall=pooled_auroc(rows, seed),
        within=pooled_within(rows, seed),
        within_by_seed={name: auroc_within(*each, seed) for name, each in rows.items()},
    )


def seeds_comparisons(arms: Sequence[ComparedArm], baseline: ComparedArm | None) -> list[SeedsComparison]:
    """The planned comparisons with Holm's correction for each other, then those at unequal budgets, for each other.

    Without a baseline each arm is held against those that its recipe names.
    """
    found = []
    for a, mode_a, b, mode_b in _pairs(arms, baseline):
        made = _comparison(a, mode_a, b, mode_b)
        if made is not None:
            found.append(made)
    found.sort(key=lambda comparison: not comparison.planned)
    corrected = []
    for family in (True, False):
        of_family = [comparison for comparison in found if comparison.planned is family]
        adjusted = holm([comparison.p_mcnemar for comparison in of_family])
        corrected += [c.model_copy(update={"p_adjusted": p}) for c, p in zip(of_family, adjusted, strict=True)]
    return corrected


def _pairs(
    arms: Sequence[ComparedArm], baseline: ComparedArm | None
) -> Iterator[tuple[ComparedArm, Mode, ComparedArm, Mode]]:
    trained = [arm for arm in arms if not arm.untrained]
    for arm in trained:
        for mode in ("vote", "think"):
            if {"mirror", mode} <= set(arm.modes):
                yield arm, "mirror", arm, mode
    for arm in trained:
        for other in _named_by(arm, trained) if baseline is None else [baseline]:
            if other is arm:
                continue
            both_think = "think" in arm.modes and "think" in other.modes
            mode_a, mode_b = ("think", "think") if both_think else (arm.main, other.main)
            if mode_a in arm.modes and mode_b in other.modes:
                yield arm, mode_a, other, mode_b
            if "mirror" in arm.modes and "mirror" in other.modes:
                yield arm, "mirror", other, "mirror"


def _named_by(arm: ComparedArm, others: Sequence[ComparedArm]) -> list[ComparedArm]:
    """Those that the arm's recipe names, of the same runs."""
    runs = {of_seed.run for of_seed in arm.seeds.values()}
    return [
        other
        for other in others
        if other.own_name in arm.against and runs & {of_seed.run for of_seed in other.seeds.values()}
    ]


def _comparison(a: ComparedArm, mode_a: Mode, b: ComparedArm, mode_b: Mode) -> SeedsComparison | None:
    """a against b where both answered the same question with the same seed; None where they never did."""
    ours, theirs = a.answers(mode_a), b.answers(mode_b)
    shared = [row for row in ours if row in theirs]
    if not shared:
        return None
    seeds, questions = [row.seed for row in shared], [row.question for row in shared]
    of_a, of_b = [bool(ours[row].right) for row in shared], [bool(theirs[row].right) for row in shared]
    found = pooled_difference(of_a, of_b, questions, seeds)
    apart = [float(x) - float(y) for x, y in zip(of_a, of_b, strict=True)]
    return SeedsComparison(
        a=a.name,
        b=b.name,
        mode_a=mode_a,
        mode_b=mode_b,
        n=len(shared),
        difference=found.value,
        ci95=found.ci95,
        p_mcnemar=swap_test(of_a, of_b, questions),
        planned=a.budget == b.budget,
        smallest_detectable=detectable(of_a, of_b, found.effective),
        seeds=tuple(dict.fromkeys(seeds)),
        questions=len(set(questions)),
        equal_budget=a.budget == b.budget,
        new_seeds=found.new_seeds,
        by_seed=dict(zip(dict.fromkeys(seeds), seed_means(apart, seeds), strict=True)),
    )


def _confidences(answers: Mapping[Row, Prediction]) -> dict[str, Scored]:
    """By seed; an answer that cannot be read comes last. Seeds of which no answer has a confidence are left out."""
    rows: dict[str, list[tuple[float | None, bool, Hashable]]] = {}
    for row, each in answers.items():
        rows.setdefault(row.seed, []).append((each.confidence, bool(each.right), row.question))
    return {
        seed: Scored(
            [-1.0 if sure is None else sure for sure, _, _ in own], [r for _, r, _ in own], [q for *_, q in own]
        )
        for seed, own in rows.items()
        if any(sure is not None for sure, _, _ in own)
    }
