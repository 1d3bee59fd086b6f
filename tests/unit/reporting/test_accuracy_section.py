"""From predictions to rows, by hand: accuracies, orientation of comparisons, examples fixed and broken."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from unit.reporting.trained_stages import stage_result

from mindsmirror.evaluation.result import JudgeQuality
from mindsmirror.evaluation.statistics import holm, smallest_detectable_difference
from mindsmirror.records import Example, Mode, Prediction, Sample, Verdict
from mindsmirror.reporting.accuracy_section import (
    SHOWN,
    ArmPredictions,
    arm_results,
    comparisons,
    mirror_versus_vote,
    shown_examples,
    student_judge,
)

RIGHT = {"+": True, "-": False, "?": None}


def predictions(mode: Mode, marks: str, **settings: Any) -> list[Prediction]:
    """A prediction for each mark: + right, - wrong, ? without gold, 0 unreadable and so wrong."""
    return [
        Prediction(
            example=f"q{number}",
            mode=mode,
            answer=None if mark == "0" else f"{mode} {number}",
            right=RIGHT.get(mark, False),
            **settings,
        )
        for number, mark in enumerate(marks)
    ]


def arm(name: str, main: Mode, marks: Mapping[Mode, str], method: str = "x", **settings: Any) -> ArmPredictions:
    return ArmPredictions(
        name, method, main, {mode: predictions(mode, text, tokens=3) for mode, text in marks.items()}, **settings
    )


UNTRAINED = arm("untrained", "think", {"predict": "----", "think": "+---"}, "untrained")
LABELS = arm("labels", "predict", {"predict": "++--"}, "standard")
MIRROR = arm("mirror", "think", {"predict": "+---", "think": "+-++", "vote": "+++-", "mirror": "++++"}, "minds_mirror")


def test_the_surer_half_counts_questions_with_gold_and_unreadable_answers_last() -> None:
    sure = [0.9, None, 0.2, 0.8, 0.7]
    said = [p.model_copy(update={"confidence": c}) for p, c in zip(predictions("vote", "+0-?+"), sure, strict=True)]
    [row] = arm_results(ArmPredictions("a", "x", "vote", {"vote": said}), seed=0)
    assert row.risk_coverage is not None and row.risk_coverage.n == 4
    assert row.risk_coverage.accuracy_at_half == 1.0
    assert row.risk_coverage.curve[-1] == (1.0, 0.5)
    assert arm_results(LABELS, seed=0)[0].risk_coverage is None


def test_a_row_for_each_mode_with_its_share() -> None:
    rows = arm_results(MIRROR, seed=7)
    assert [(row.name, row.method, row.mode, row.seed, row.n, row.accuracy) for row in rows] == [
        ("mirror", "minds_mirror", "predict", 7, 4, 0.25),
        ("mirror", "minds_mirror", "think", 7, 4, 0.75),
        ("mirror", "minds_mirror", "vote", 7, 4, 0.75),
        ("mirror", "minds_mirror", "mirror", 7, 4, 1.0),
    ]
    assert all(row.training is None and row.unparsed == 0 and row.tokens_per_question == 3.0 for row in rows)


def test_the_interval_is_wilsons() -> None:
    """For 5 of 10: centre 1/2, and half of z √(1/10 + z²/100) / (1 + z²/10) with z = 1.959964 is 0.263405."""
    row = arm_results(arm("a", "predict", {"predict": "+" * 5 + "-" * 5}), 0)[0]
    assert row.ci95 == pytest.approx((0.236593, 0.763407), abs=1e-6)
    all_right = arm_results(arm("a", "predict", {"predict": "++++"}), 0)[0]
    # 4 / (4 + z²) is where the interval of four out of four begins.
    assert all_right.ci95 == pytest.approx((4 / (4 + 3.841459), 1.0), abs=1e-6)


def test_what_cannot_be_read_is_wrong_and_counted() -> None:
    row = arm_results(arm("a", "predict", {"predict": "+00-"}), 0)[0]
    assert (row.n, row.accuracy, row.unparsed) == (4, 0.25, 2)


def test_without_gold_there_is_no_accuracy() -> None:
    row = arm_results(arm("a", "predict", {"predict": "???"}), 0)[0]
    assert (row.n, row.accuracy, row.ci95) == (3, None, None)
    some = arm_results(arm("a", "predict", {"predict": "+??-"}), 0)[0]
    assert (some.n, some.accuracy) == (4, 0.5)


def test_training_is_summed_over_stages_and_chosen_by_the_last() -> None:
    stages = [
        stage_result(steps=5, tokens=100, target_tokens=40, seconds=1.25, selected_step=5),
        stage_result(steps=8, tokens=300, target_tokens=60, seconds=2.5, selected_step=6, selected_score=0.5),
    ]
    training = arm_results(arm("a", "predict", {"predict": "+"}, training=stages), 0)[0].training
    assert training is not None
    assert (training.steps, training.tokens, training.target_tokens) == (13, 400, 100)
    assert training.seconds == pytest.approx(3.8, abs=0.06)
    assert (training.selected_step, training.valid_accuracy) == (6, 0.5)


def test_positive_differences_favour_the_later_arm_and_then_the_trained_one() -> None:
    found = comparisons([UNTRAINED, LABELS, MIRROR], seed=0)
    pairs = [(c.a, c.mode_a, c.b, c.mode_b, round(c.difference, 6)) for c in found]
    assert pairs == [
        ("mirror", "think", "labels", "predict", 0.25),
        ("labels", "predict", "untrained", "predict", 0.5),
        ("labels", "predict", "untrained", "think", 0.25),
        ("mirror", "predict", "untrained", "predict", 0.25),
        ("mirror", "predict", "untrained", "think", 0.0),
        ("mirror", "think", "untrained", "predict", 0.75),
        ("mirror", "think", "untrained", "think", 0.5),
        ("mirror", "vote", "untrained", "predict", 0.75),
        ("mirror", "vote", "untrained", "think", 0.5),
        ("mirror", "mirror", "untrained", "predict", 1.0),
        ("mirror", "mirror", "untrained", "think", 0.75),
    ]


def test_a_comparison_by_hand() -> None:
    """Of ten questions a alone has six right and b alone one: p = 2 (1 + 7) / 2⁷ = 0.125."""
    a = arm("a", "predict", {"predict": "++++++-+--"})
    b = arm("b", "predict", {"predict": "------++--"})
    (found,) = comparisons([b, a], seed=3)
    assert (found.a, found.b, found.n, found.seed) == ("a", "b", 10, 3)
    assert found.difference == pytest.approx(0.5)
    assert found.p_mcnemar == 0.125
    low, high = found.ci95
    assert -0.2 <= low < 0.5 < high <= 1.0
    assert found.smallest_detectable == smallest_detectable_difference(10, 0.7)
    (reverse,) = comparisons([a, b], seed=3)
    assert (reverse.a, reverse.b, reverse.difference) == ("b", "a", -0.5)
    assert reverse.p_mcnemar == 0.125 and reverse.smallest_detectable == found.smallest_detectable


def test_questions_are_compared_only_where_both_have_gold() -> None:
    a = arm("a", "predict", {"predict": "+?+-"})
    b = arm("b", "predict", {"predict": "-+?-"})
    (found,) = comparisons([b, a], seed=0)
    assert (found.n, found.difference) == (2, 0.5)
    nothing = arm("n", "predict", {"predict": "????"})
    assert comparisons([a, nothing], seed=0) == []


def test_an_arm_without_its_main_mode_is_compared_by_the_modes_it_was_asked_in() -> None:
    votes = arm("votes", "think", {"vote": "++--"})
    found = comparisons([UNTRAINED, LABELS, votes], seed=0)
    assert {(c.a, c.b) for c in found} == {("labels", "untrained"), ("votes", "untrained")}
    assert comparisons([], seed=0) == []


def test_mirror_against_vote() -> None:
    found = mirror_versus_vote(MIRROR, seed=0)
    assert found is not None
    assert (found.arm, found.n, found.mirror, found.vote, found.difference) == ("mirror", 4, 1.0, 0.75, 0.25)
    assert (found.p_mcnemar, found.mirror_tokens, found.vote_tokens) == (1.0, 3.0, 3.0)
    worse = arm("m", "think", {"mirror": "+---", "vote": "+++-"})
    found = mirror_versus_vote(worse, seed=0)
    assert found is not None and found.difference == -0.5
    assert mirror_versus_vote(LABELS, seed=0) is None
    assert mirror_versus_vote(arm("m", "think", {"mirror": "??", "vote": "??"}), seed=0) is None


def test_the_judge_is_that_of_the_arm() -> None:
    judge = JudgeQuality(
        n=9,
        auroc=0.75,
        auroc_ci95=(0.5, 0.9),
        balanced_accuracy=0.6,
        majority_baseline=0.7,
        agreement_with_teacher=0.8,
        agreement_n=5,
    )
    found = student_judge(arm("mirror", "think", {"mirror": "+"}, judge=judge), 0)
    assert found is not None
    assert (found.arm, found.n, found.auroc, found.agreement_n) == ("mirror", 9, 0.75, 5)
    assert (found.within, found.always) == (None, None), "no samples were kept to read them off"
    assert student_judge(LABELS, 0) is None


def test_a_judge_is_looked_at_within_questions_by_the_samples_that_it_judged() -> None:
    """q0: right 0.4 against wrong 0.3 and 0.45, one pair of two in order; q1 has right ones only. None above 0.5."""
    told = [[(0.4, True), (0.3, False), (0.45, False)], [(0.2, True), (0.1, True)]]
    mirrored = [
        Prediction(
            example=f"q{number}",
            mode="mirror",
            answer="1",
            right=True,
            samples=tuple(Sample(text="r", answer="1", right=right, p_correct=p) for p, right in samples),
        )
        for number, samples in enumerate(told)
    ]
    judge = JudgeQuality(
        n=5,
        auroc=0.5,
        auroc_ci95=None,
        balanced_accuracy=0.5,
        majority_baseline=0.6,
        agreement_with_teacher=None,
        agreement_n=0,
    )
    found = student_judge(ArmPredictions("m", "x", "think", {"mirror": mirrored}, judge=judge), 0)
    assert found is not None and found.within is not None
    assert (found.within.auroc, found.within.pairs, found.within.questions) == (0.5, 2, 1)
    assert (found.said_correct, found.always) == (0, Verdict.WRONG)
    assert found.table[Verdict.CORRECT] == (0, 0) and sum(found.table[Verdict.WRONG]) == 5


def test_two_comparisons_are_planned_and_each_family_is_corrected_by_itself() -> None:
    found = comparisons([UNTRAINED, LABELS, MIRROR], seed=0)
    planned = [(c.a, c.mode_a, c.b, c.mode_b) for c in found if c.planned]
    assert planned == [("mirror", "think", "labels", "predict"), ("mirror", "think", "untrained", "think")]
    for family in (True, False):
        of_family = [c for c in found if c.planned is family]
        assert [c.p_adjusted for c in of_family] == holm([c.p_mcnemar for c in of_family])
    alone = comparisons([UNTRAINED, LABELS], seed=0)
    assert [(c.b, c.mode_b) for c in alone if c.planned] == [("untrained", "predict")], "in the arm's own mode"
    assert alone[0].p_adjusted == alone[0].p_mcnemar
    assert [c.planned for c in comparisons([LABELS, MIRROR], seed=0)] == [True]


def test_an_arm_is_planned_against_those_that_its_recipe_names_before_or_after_it() -> None:
    early = arm("early", "predict", {"predict": "+++-"}, against=("labels", "absent"))
    late = arm("late", "predict", {"predict": "+---"})
    found = comparisons([UNTRAINED, early, LABELS, late], seed=0)
    planned = [(c.a, c.b, round(c.difference, 6)) for c in found if c.planned]
    assert planned == [("early", "labels", 0.25), ("late", "untrained", 0.25)]
    assert sum({c.a, c.b} == {"early", "labels"} for c in found) == 1


def test_rows_say_which_mode_is_the_arms_own() -> None:
    assert [row.mode for row in arm_results(MIRROR, seed=0) if row.main] == ["think"]


def examples(count: int) -> list[Example]:
    return [Example(id=f"q{n}", text=f"question {n}", gold=str(n)) for n in range(count)]


def questions(found: Sequence[Any], fixed: bool) -> list[str]:
    return [example.question for example in found if example.fixed is fixed]


def test_shown_are_the_questions_that_the_last_arm_fixes_and_breaks() -> None:
    found = shown_examples([UNTRAINED, LABELS, MIRROR], examples(4))
    assert questions(found, fixed=True) == ["question 2", "question 3"]
    assert questions(found, fixed=False) == ["question 1"]
    first = found[0]
    assert first.gold == "2"
    assert (first.baseline.arm, first.baseline.mode, first.baseline.answer) == ("labels", "predict", "predict 2")
    assert (first.ours.arm, first.ours.mode, first.ours.answer) == ("mirror", "think", "think 2")


def test_without_standard_the_first_arm_is_the_baseline_and_alone_the_untrained() -> None:
    other = arm("other", "predict", {"predict": "+++-"}, "step_by_step")
    found = shown_examples([other, MIRROR], examples(4))
    assert {example.baseline.arm for example in found} == {"other"}
    alone = shown_examples([UNTRAINED, LABELS], examples(4))
    assert {(e.baseline.arm, e.ours.arm, e.question) for e in alone} == {("untrained", "labels", "question 1")}
    assert shown_examples([LABELS], examples(4)) == []
    assert shown_examples([UNTRAINED], examples(4)) == []


def test_no_more_are_shown_than_a_page_holds_and_none_without_gold_or_mode() -> None:
    better = arm("better", "think", {"think": "+" * 10 + "-" * 10})
    worse = arm("worse", "predict", {"predict": "-" * 10 + "+" * 10}, "standard")
    found = shown_examples([worse, better], examples(20))
    assert [example.fixed for example in found] == [True] * SHOWN + [False] * SHOWN
    unknown = arm("unknown", "think", {"think": "????"})
    assert shown_examples([LABELS, unknown], examples(4)) == []
    assert shown_examples([LABELS, arm("votes", "think", {"vote": "++++"})], examples(4)) == []
