"""From predictions to the report's rows: arms with intervals, arms compared on the same questions, examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from mindsmirror.evaluation.evaluate import own_self_evaluations
from mindsmirror.evaluation.metrics import auroc_within
from mindsmirror.evaluation.result import JudgeQuality
from mindsmirror.evaluation.score_quality import ScoreQuality
from mindsmirror.evaluation.selective import RiskCoverage, risk_coverage
from mindsmirror.evaluation.statistics import holm, mcnemar, paired_difference, smallest_detectable_difference, wilson
from mindsmirror.records import Example, Mode, Prediction, Verdict
from mindsmirror.reporting.schema import (
    UNTRAINED,
    ArmAnswer,
    ArmResult,
    Comparison,
    MirrorVersusVote,
    ShownExample,
    StudentJudge,
)
from mindsmirror.reporting.training_section import Round, training_report
from mindsmirror.training.result import StageResult

SHOWN = 6
"""Examples of each kind on the page."""


@dataclass(frozen=True)
class ArmPredictions:
    """All that one arm said on the test questions."""

    name: str
    method: str
    main: Mode
    modes: Mapping[Mode, Sequence[Prediction]]
    training: Sequence[StageResult] = ()
    rounds: Sequence[Round] = ()
    judge: JudgeQuality | None = field(default=None)
    baselines: Mapping[str, ScoreQuality] = field(default_factory=dict)
    against: Sequence[str] = ()
    """Arms that it is planned to be compared with."""


def arm_results(arm: ArmPredictions, seed: int) -> list[ArmResult]:
    """A row for each mode."""
    rows = []
    for mode, predictions in arm.modes.items():
        flags = [bool(p.right) for p in predictions if p.right is not None]
        rows.append(
            ArmResult(
                name=arm.name,
                method=arm.method,
                mode=mode,
                main=mode == arm.main,
                seed=seed,
                n=len(predictions),
                accuracy=sum(flags) / len(flags) if flags else None,
                ci95=wilson(sum(flags), len(flags)) if flags else None,
                tokens_per_question=sum(p.tokens for p in predictions) / max(1, len(predictions)),
                unparsed=sum(p.answer is None for p in predictions),
                risk_coverage=_risk_coverage(predictions),
                training=training_report(arm.training, arm.rounds),
            )
        )
    return rows


def _risk_coverage(predictions: Sequence[Prediction]) -> RiskCoverage | None:
    """Of the questions with gold; None where no answer has a confidence. One that cannot be read is withheld first."""
    known = [p for p in predictions if p.right is not None]
    if all(p.confidence is None for p in known):
        return None
    return risk_coverage(
        [-1.0 if p.confidence is None else p.confidence for p in known], [bool(p.right) for p in known]
    )


def comparisons(arms: Sequence[ArmPredictions], seed: int) -> list[Comparison]:
    """Every pair of trained arms in their main modes, then each mode of each arm against the untrained student.

    Some are planned, fixed before any result: the last arm in its main mode against the untrained student in the same
    mode, or the one that it has, and each arm against those that its recipe names (`against`). Where no arm names any,
    the last one against the first.
    """
    trained = [arm for arm in arms if arm.name != UNTRAINED]
    found = [
        _comparison(a, a.main, b, b.main, seed)
        for first, second in combinations(trained, 2)
        for a, b in [(first, second) if second.name in first.against else (second, first)]
        if a.main in a.modes and b.main in b.modes
    ]
    for base in (arm for arm in arms if arm.name == UNTRAINED):
        found += [
            _comparison(arm, mode, base, other, seed) for arm in trained for mode in arm.modes for other in base.modes
        ]
    made = [comparison for comparison in found if comparison is not None]
    planned = _planned(arms)
    made = [c.model_copy(update={"planned": (c.a, c.mode_a, c.b, c.mode_b) in planned}) for c in made]
    corrected: dict[int, float] = {}
    for family in (True, False):
        of_family = [number for number, comparison in enumerate(made) if comparison.planned is family]
        corrected.update(zip(of_family, holm([made[number].p_mcnemar for number in of_family]), strict=True))
    return [c.model_copy(update={"p_adjusted": corrected[number]}) for number, c in enumerate(made)]


def _planned(arms: Sequence[ArmPredictions]) -> list[tuple[str, Mode, str, Mode]]:
    """Both sides, each with its mode, of the comparisons that lead."""
    trained = [arm for arm in arms if arm.name != UNTRAINED]
    if not trained:
        return []
    first, last = trained[0], trained[-1]
    named = {arm.name: arm for arm in trained}
    chosen = [(arm, named[other]) for arm in trained for other in arm.against if other in named]
    if not chosen and first is not last:
        chosen = [(last, first)]
    pairs = [(a.name, a.main, b.name, b.main) for a, b in chosen]
    for base in (arm for arm in arms if arm.name == UNTRAINED and arm.modes):
        mode = last.main if last.main in base.modes else next(iter(base.modes))
        pairs.append((last.name, last.main, UNTRAINED, mode))
    return pairs


def mirror_versus_vote(arm: ArmPredictions, seed: int) -> MirrorVersusVote | None:
    """The mirror against plain votes over the same samples; None if the arm has not both."""
    if not {"mirror", "vote"} <= set(arm.modes):
        return None
    test = _comparison(arm, "mirror", arm, "vote", seed)
    if test is None:
        return None
    rows = {row.mode: row for row in arm_results(arm, seed)}
    return MirrorVersusVote(
        arm=arm.name,
        n=test.n,
        mirror=rows["mirror"].accuracy or 0.0,
        vote=rows["vote"].accuracy or 0.0,
        difference=test.difference,
        ci95=test.ci95,
        p_mcnemar=test.p_mcnemar,
        smallest_detectable=test.smallest_detectable,
        mirror_tokens=rows["mirror"].tokens_per_question,
        vote_tokens=rows["vote"].tokens_per_question,
    )


def student_judge(arm: ArmPredictions, seed: int) -> StudentJudge | None:
    """The arm's judge; None if it has none. What was not kept of it when it was asked is read off its predictions."""
    if arm.judge is None:
        return None
    own = own_self_evaluations(arm.modes.get("mirror", ()))
    judge = StudentJudge(arm=arm.name, **arm.judge.model_dump())
    if not own:
        return judge
    scores, right, questions = zip(*own, strict=True)
    within = auroc_within(scores, right, questions, seed)
    said = Counter((score > 0.5, bool(flag)) for score, flag in zip(scores, right, strict=True))
    table = {
        verdict: (said[correct, True], said[correct, False])
        for verdict, correct in ((Verdict.CORRECT, True), (Verdict.WRONG, False))
    }
    return judge.model_copy(update={"within": within, "said_correct": sum(table[Verdict.CORRECT]), "table": table})


def shown_examples(arms: Sequence[ArmPredictions], examples: Sequence[Example]) -> list[ShownExample]:
    """Questions on which the last arm and the baseline (`standard`, else the first arm) differ."""
    named = {arm.name: arm for arm in arms}
    ours = arms[-1]
    base = next((arm for arm in arms if arm.method == "standard"), arms[0])
    if base.name == ours.name:
        base = named.get(UNTRAINED, ours)
    if base.main not in base.modes or ours.main not in ours.modes:
        return []
    found: dict[bool, list[ShownExample]] = {True: [], False: []}
    pairs = zip(examples, base.modes[base.main], ours.modes[ours.main], strict=True)
    for example, before, after in pairs:
        if None in (before.right, after.right) or before.right == after.right:
            continue
        shown = ShownExample(
            question=example.text,
            gold=example.gold,
            fixed=bool(after.right),
            baseline=_said(base, before),
            ours=_said(ours, after),
        )
        found[shown.fixed].append(shown)
    return found[True][:SHOWN] + found[False][:SHOWN]


def _said(arm: ArmPredictions, prediction: Prediction) -> ArmAnswer:
    return ArmAnswer(
        arm=arm.name,
        mode=prediction.mode,
        answer=prediction.answer,
        rationale=prediction.rationale,
        confidence=prediction.confidence,
    )


def _comparison(a: ArmPredictions, mode_a: Mode, b: ArmPredictions, mode_b: Mode, seed: int) -> Comparison | None:
    """a against b on the questions whose gold is known."""
    pairs = [
        (p.right, q.right)
        for p, q in zip(a.modes[mode_a], b.modes[mode_b], strict=True)
        if p.right is not None and q.right is not None
    ]
    if not pairs:
        return None
    ours, theirs = [p for p, _ in pairs], [q for _, q in pairs]
    won = sum(p and not q for p, q in pairs)
    lost = sum(q and not p for p, q in pairs)
    difference = paired_difference(ours, theirs)
    return Comparison(
        a=a.name,
        b=b.name,
        mode_a=mode_a,
        mode_b=mode_b,
        seed=seed,
        n=len(pairs),
        difference=difference.value,
        ci95=(difference.low, difference.high),
        p_mcnemar=mcnemar(won, lost),
        smallest_detectable=smallest_detectable_difference(len(pairs), (won + lost) / len(pairs)),
    )
