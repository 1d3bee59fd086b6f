"""What the annotation amounts to, by hand: yields, verdicts against gold, repeats, tokens."""

from typing import Any

import pytest

from mindsmirror.records import (
    Annotation,
    CalibrationTarget,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Purpose,
    Rationale,
    SelfEvaluation,
    Usage,
    Verdict,
    VerdictSource,
)
from mindsmirror.reporting.annotation_section import annotation_report
from mindsmirror.reporting.schema import AnnotationReport, StepYield

C, W, U, N = Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN, Verdict.UNPARSED


def rationale(sample: int, text: str, right: bool | None, parse: Parse = Parse.OK) -> Rationale:
    answer = "5" if parse is Parse.OK else None
    return Rationale(teacher="t", sample=sample, text=text, reasoning=text, answer=answer, parse=parse, right=right)


def verdict(of: int, said: Verdict, parse: Parse = Parse.OK, sample: int = 0) -> SelfEvaluation:
    return SelfEvaluation(
        teacher="t", rationale=of, sample=sample, verdict=said, source=VerdictSource.PLAIN, critique="", parse=parse
    )


def annotation(
    name: str, rationales: list[Rationale], evaluations: list[SelfEvaluation], tokens: tuple[int, int] = (0, 0)
) -> Annotation:
    return Annotation(
        example=Example(id=name, text=name, gold="5"),
        split="train",
        rationales=tuple(rationales),
        evaluations=tuple(evaluations),
        provenance=Provenance(
            teacher="t", judge="t", prompt="p", temperature=0.8, tokens_in=tokens[0], tokens_out=tokens[1]
        ),
    )


def report(*annotations: Annotation, usd: float | None = None) -> AnnotationReport:
    return annotation_report(annotations, "plain", 12.5, usd)


FIRST = annotation(
    "first",
    [rationale(0, "a", True), rationale(1, "a", True), rationale(2, "b", False)],
    [verdict(0, C), verdict(1, W), verdict(2, W)],
    (100, 40),
)
SECOND = annotation(
    "second",
    [
        rationale(0, "c", False),
        rationale(1, "", None, Parse.TRUNCATED),
        rationale(2, "", None, Parse.FAILED),
    ],
    [verdict(0, C), verdict(0, U, sample=1), verdict(0, N, Parse.NO_ANSWER, sample=2)],
    (10, 4),
)


def test_critiques_that_contradict_their_rationale_are_counted_by_reason() -> None:
    said = ("A hen has 2 legs, not 4.", "A hen has 3 legs, not 2.", "All is right.")
    evaluations = [verdict(0, W, sample=n).model_copy(update={"critique": text}) for n, text in enumerate(said)]
    found = report(annotation("hens", [rationale(0, "A hen has 2 legs.", False)], evaluations))
    assert found.critiques == 3
    assert found.contradicted_critiques == {
        "the rationale says what it demands": 1,
        "it only praises what is judged wrong": 1,
    }


def test_counts_and_costs() -> None:
    found = report(FIRST, SECOND, usd=0.25)
    assert (found.examples, found.rationales, found.evaluations) == (2, 6, 6)
    assert (found.tokens_in, found.tokens_out, found.seconds, found.usd) == (110, 44, 12.5, 0.25)
    assert found.judge == "plain"
    assert found.verdicts == {C: 2, W: 2, U: 1, N: 1}
    assert report(FIRST).usd is None


def test_the_teacher_is_right_in_a_share_of_what_it_answered() -> None:
    assert report(FIRST, SECOND).teacher_accuracy == 2 / 4
    unknown = annotation("unknown", [rationale(0, "a", None)], [])
    assert report(unknown).teacher_accuracy is None


def test_where_samples_went() -> None:
    found = report(FIRST, SECOND)
    assert found.yields == (
        StepYield(step="rationale", asked=6, ok=4, reasons={"truncated": 1, "failed": 1}, stored=5, failed=1),
        StepYield(step="verdict", asked=6, ok=5, reasons={"no verdict": 1}, stored=6),
        StepYield(step="critique", asked=6, ok=5, reasons={"no_answer": 1}, stored=6),
    )
    # The self-evaluation without a verdict is one reply, though two steps lack it.
    assert found.unparsed == 2 + 1


def test_repairs_are_counted_with_what_came_of_them() -> None:
    mended = [
        rationale(0, "a", True),
        rationale(1, "b", True).model_copy(update={"repairs": 1}),
        rationale(2, "c", None, Parse.NO_ANSWER).model_copy(update={"repairs": 2}),
    ]
    judged = [verdict(0, C).model_copy(update={"repairs": 1}), verdict(1, N, Parse.NO_ANSWER)]
    rationales, verdicts, _ = report(annotation("x", mended, judged)).yields
    assert (rationales.asked_again, rationales.repaired, rationales.ok) == (2, 1, 2)
    assert (verdicts.asked_again, verdicts.repaired, verdicts.ok) == (1, 1, 1)


def test_what_is_lost_is_paid_by_what_is_usable() -> None:
    spent = {
        Purpose.RATIONALE: Usage(tokens_in=60, tokens_out=20, usd=0.2),
        Purpose.SELF_EVALUATION: Usage(tokens_in=50, tokens_out=24),
    }
    found = annotation_report([FIRST, SECOND], "plain", 1.0, 0.25, spent, "it stopped")
    assert found.tokens_per_question == 154 / 2 and found.usd_per_question == 0.125
    rationales, evaluations = found.costs
    assert (rationales.usable, rationales.tokens_per_usable, rationales.usd_per_usable) == (4, 20.0, 0.05)
    assert (evaluations.usable, evaluations.tokens_per_usable) == (5, 74 / 5) and evaluations.usd_per_usable is None
    assert found.stopped == "it stopped"
    nothing = annotation_report([], "plain", 0.0, 0.1, {Purpose.RATIONALE: spent[Purpose.RATIONALE]})
    assert nothing.usd_per_question is None and nothing.costs[0].usd_per_usable is None


def test_duals_have_yields_and_costs_of_their_own() -> None:
    """One that reaches the wrong end is of no use, and says so."""
    made = [
        DualRationale.model_validate({**rationale(0, "a", right, parse).model_dump(), "kind": kind, "of": 0})
        for kind, right, parse in (
            (DualKind.RECTIFIED, True, Parse.OK),
            (DualKind.RECTIFIED, None, Parse.MISSED),
            (DualKind.CORRUPTED, False, Parse.OK),
        )
    ]
    spent = {Purpose.RECTIFIED: Usage(tokens_in=10, tokens_out=10, usd=0.5)}
    found = annotation_report([FIRST.model_copy(update={"duals": tuple(made)})], "plain", 1.0, None, spent)
    assert found.yields[-2:] == (
        StepYield(step="rectified", asked=2, ok=1, reasons={"missed": 1}, stored=2),
        StepYield(step="corrupted", asked=1, ok=1, stored=1),
    )
    assert found.unparsed == 1 and found.rationales == 3
    assert (found.costs[0].usable, found.costs[0].usd_per_usable) == (1, 0.5)


def test_steps_that_were_not_asked_for_are_not_shown() -> None:
    found = report(annotation("bare", [rationale(0, "a", True)], []))
    assert [step.step for step in found.yields] == ["rationale"]
    assert (found.evaluations, found.unparsed, found.verdict_quality) == (0, 0, None)


def test_a_failed_self_evaluation_says_so_and_a_known_verdict_outlives_its_critique() -> None:
    judged = annotation(
        "judged",
        [rationale(0, "a", True), rationale(1, "b", True)],
        [verdict(0, N, Parse.FAILED), verdict(1, C, Parse.TRUNCATED)],
    )
    _, verdicts, critiques = report(judged).yields
    assert (verdicts.ok, verdicts.reasons) == (1, {"failed": 1})
    assert (critiques.ok, critiques.reasons) == (0, {"failed": 1, "truncated": 1})


def test_verdicts_against_gold() -> None:
    """Right rationales: one said correct, one wrong. Wrong ones: one said wrong, one correct; two undecided."""
    found = report(FIRST, SECOND)
    quality = found.verdict_quality
    assert quality is not None
    assert quality.table == {C: (1, 1), W: (1, 1), U: (0, 1), N: (0, 1)}
    assert (quality.n, quality.right, quality.decided) == (6, 2, 4)
    assert found.judge_balanced_accuracy == 0.5
    assert found.majority_baseline == 0.5
    better = report(
        annotation("x", [rationale(0, "a", True), rationale(1, "b", False)], [verdict(0, C), verdict(1, W)])
    )
    assert better.judge_balanced_accuracy == 1.0


def test_a_judge_is_held_against_itself() -> None:
    twice = annotation(
        "twice",
        [rationale(0, "a", None), rationale(1, "b", None), rationale(2, "c", None)],
        [
            *(verdict(0, said, sample=sample) for sample, said in enumerate((C, C, W))),
            *(verdict(1, said, sample=sample) for sample, said in enumerate((W, N, W))),
            verdict(2, C),
        ],
    )
    found = report(twice).verdict_consistency
    # Of the first rationale one pair of three agrees, of the second its only pair; one verdict alone has no pair.
    assert found is not None and (found.rationales, found.evaluations) == (2, 2.5)
    assert found.agreement == pytest.approx((1 / 3 + 1) / 2)
    assert found.by_chance == pytest.approx((2 / 5) ** 2 + (3 / 5) ** 2)


def test_verdicts_that_follow_from_answers_are_not_praised_for_agreeing() -> None:
    known = [verdict(0, C, sample=sample).model_copy(update={"source": VerdictSource.CONSENSUS}) for sample in (0, 1)]
    assert report(annotation("known", [rationale(0, "a", True)], known)).verdict_consistency is None
    assert report(FIRST).verdict_consistency is None, "each was judged once"


def test_without_gold_a_judge_cannot_be_measured() -> None:
    found = report(annotation("x", [rationale(0, "a", None)], [verdict(0, C)]))
    assert found.judge_balanced_accuracy is None and found.majority_baseline is None
    assert found.verdict_quality is None
    assert found.verdicts[C] == 1


def test_verdicts_are_joined_by_the_rationale_they_name_and_not_by_position() -> None:
    turned = FIRST.model_copy(update={"evaluations": tuple(reversed(FIRST.evaluations))})
    assert report(turned).verdict_quality == report(FIRST).verdict_quality


@pytest.mark.parametrize(
    ("texts", "share"),
    [((("a", "a", "b"),), 2 / 3), ((("a", "a"), ("a", "c")), 3 / 4), ((("a",),), 1.0), (((),), None)],
)
def test_texts_are_told_apart_within_a_question(texts: tuple[tuple[str, ...], ...], share: float | None) -> None:
    found = [
        annotation(str(n), [rationale(k, text, True) for k, text in enumerate(of_question)], [])
        for n, of_question in enumerate(texts)
    ]
    assert report(*found).distinct_rationales == share


def test_only_what_parsed_counts_as_a_text() -> None:
    assert report(FIRST, SECOND).distinct_rationales == 3 / 4


def test_diversity_is_part_of_it_and_takes_the_tasks_word_for_what_is_the_same() -> None:
    """The first question has three rationales that parsed, the second one."""
    told = [FIRST.rationales[0], FIRST.rationales[1].model_copy(update={"answer": "10 / 2"})]
    other = annotation("other", told, [])
    plain = report(FIRST, SECOND, other).diversity
    assert plain is not None and (plain.questions, plain.answers, plain.texts) == (2, 1.5, 1.5)
    same = annotation_report([FIRST, other], "plain", 0.0, None, key=lambda example, answer: "five").diversity
    assert same is not None and (same.answers, same.one_answer) == (1.0, 1.0)


def test_nothing_at_all_is_a_report_too() -> None:
    found = report()
    assert (found.examples, found.rationales, found.yields, found.unparsed) == (0, 0, (), 0)
    assert found.teacher_accuracy is None and found.distinct_rationales is None and found.diversity is None
    values: dict[str, Any] = found.model_dump()
    assert values["verdicts"] == dict.fromkeys(Verdict, 0)


def likely(of: int, share: float, grounds: CalibrationTarget | None = CalibrationTarget.GOLD) -> SelfEvaluation:
    said = C if share > 0.6 else W
    return SelfEvaluation(
        teacher="t",
        rationale=of,
        sample=0,
        verdict=said,
        source=VerdictSource.LIKELIHOOD,
        likelihood=share,
        p_correct=share / 2,
        calibration=grounds,
    )


def test_likelihoods_are_held_against_gold_by_their_order() -> None:
    """Right: 0.9, 0.7, 0.5; wrong: 0.8, 0.1. Four of the six pairs are in order."""
    first = annotation(
        "a", [rationale(n, "x", n != 1) for n in range(3)], [likely(0, 0.9), likely(1, 0.8), likely(2, 0.7)]
    )
    second = annotation("b", [rationale(0, "x", True), rationale(1, "x", False)], [likely(0, 0.5), likely(1, 0.1)])
    found = annotation_report(
        [first, second],
        "likelihood",
        1.0,
        None,
        {Purpose.SELF_EVALUATION: Usage(tokens_in=500, tokens_out=5)},
    )
    assert found.judge_auroc == pytest.approx(4 / 6) and found.judge_calibration == "gold"
    assert found.judge_balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.unparsed == 0 and [step.step for step in found.yields] == ["rationale", "verdict"]
    assert found.costs[0].tokens_per_usable == 101, "a likelihood is of use without a critique"


def test_verdicts_order_rationales_where_a_judge_gives_no_likelihoods() -> None:
    """Right: 1 and 0. Wrong: 0, and the mean of 1 and 1/2, as the third verdict names none."""
    found = report(FIRST, SECOND)
    assert found.judge_auroc == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert (found.judge_auroc_ci95, found.judge_calibration) == (None, ""), "two questions give no interval"
    within = found.judge_within
    assert within is not None, "the first question alone has right and wrong ones: 1 against 0, and 0 against 0"
    assert (within.auroc, within.pairs, within.questions, within.ci95) == (0.75, 2, 1, None)
    nothing = report(annotation("x", [rationale(0, "a", None)], [verdict(0, C)]))
    assert nothing.judge_auroc is None and nothing.judge_within is None
    one_class = report(annotation("x", [rationale(0, "a", True)], [verdict(0, C)])).judge_within
    assert one_class is not None and (one_class.auroc, one_class.pairs) == (None, 0)


def test_there_are_intervals_where_questions_are_enough() -> None:
    """Eight alike: of each a right rationale that is said correct and a wrong one that is said wrong, or uncertain."""
    many = [
        annotation(
            f"q{n}",
            [rationale(0, "a", True), rationale(1, "b", False)],
            [verdict(0, C), verdict(1, (W, U)[n % 2])],
        )
        for n in range(16)
    ]
    found = report(*many)
    assert found.judge_within is not None and found.judge_within.pairs == 16
    for interval in (found.judge_balanced_accuracy_ci95, found.judge_auroc_ci95, found.judge_within.ci95):
        assert interval is not None and 0.5 < interval[0] < 0.9 and interval[1] == 1.0, "and no point"
