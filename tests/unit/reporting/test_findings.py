"""The sentences say what the numbers say, and no more."""

from typing import Any

import pytest

from mindsmirror.evaluation import auroc_within, verdict_quality, wilson
from mindsmirror.records import Verdict
from mindsmirror.reporting import (
    ArmResult,
    Comparison,
    MirrorVersusVote,
    Report,
    StudentJudge,
    findings,
    formatting,
    headline,
)
from mindsmirror.reporting.verdict_section import BY_CONSTRUCTION, informative


def arm(name: str, right: int, mode: str = "think", seed: int = 0, unparsed: int = 0, main: bool = True) -> ArmResult:
    return ArmResult(
        name=name,
        method=name,
        mode=mode,
        main=main,
        seed=seed,
        n=100,
        accuracy=right / 100,
        ci95=wilson(right, 100),
        unparsed=unparsed,
    )


def versus(a: str, b: str, difference: float, p: float, planned: bool = False) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        mode_a="think",
        mode_b="think",
        n=100,
        difference=difference,
        ci95=(difference - 0.09, difference + 0.09),
        p_mcnemar=p,
        planned=planned,
        smallest_detectable=0.132,
    )


def changed(report: Report, **changes: Any) -> Report:
    return report.model_copy(update=changes)


def annotated(report: Report, **changes: Any) -> Report:
    return changed(report, annotation=report.annotation.model_copy(update=changes))


def one(report: Report, word: str) -> str:
    """The only finding that holds the word."""
    found = [finding for finding in findings(report) if word in finding]
    assert len(found) == 1, (word, findings(report))
    return found[0]


def test_arms_that_do_not_differ_are_said_not_to(bare_report: Report) -> None:
    report = changed(
        bare_report,
        arms=(arm("standard", 55), arm("minds_mirror", 52)),
        comparisons=(versus("minds_mirror", "standard", -0.03, 0.55),),
    )
    assert one(report, "do not differ") == (
        'Arm "standard" in mode think and arm "minds_mirror" in mode think do not differ measurably: 3.0 points, 95 % '
        "interval -6.0 to 12.0, p = 0.55; with 100 questions a difference below 13.2 points would likely have gone "
        "unseen."
    )
    assert not any("better" in finding for finding in findings(report))


def test_a_difference_names_the_better_arm_first(bare_report: Report) -> None:
    report = changed(bare_report, comparisons=(versus("a", "b", -0.2, 0.004),))
    assert one(report, "better") == (
        'Arm "b" in mode think is better than arm "a" in mode think: 20.0 points, 95 % interval 11.0 to 29.0, '
        "p = 0.004, n = 100."
    )


def test_the_last_arm_in_its_main_mode_leads_and_not_the_best_cell(bare_report: Report) -> None:
    report = changed(
        bare_report,
        arms=(
            arm("untrained", 3),
            arm("standard", 20),
            arm("minds_mirror", 61),
            arm("minds_mirror", 72, mode="vote", main=False),
        ),
        comparisons=(
            versus("minds_mirror", "standard", 0.41, 1e-8, planned=True),
            versus("standard", "untrained", 0.17, 0.0001),
            versus("minds_mirror", "untrained", 0.58, 1e-9, planned=True),
        ),
    )
    assert headline(report) == (
        'Arm "minds_mirror" in mode think: 61.0 % of 100 test questions right; +58.0 points against the untrained '
        'student (95 % interval 49.0 to 67.0); +41.0 points against arm "standard" (95 % interval 32.0 to 50.0).'
    )
    assert findings(report)[0] == headline(report)
    lead = one(report, "not as the best of 4 pairs of arm and mode")
    assert lead.startswith(
        'Arm "minds_mirror" in mode think answers 61.0 % of 100 test questions right, 95 % interval 51'
    )
    assert one(report, "better than the untrained").startswith('Arm "minds_mirror" in mode think is better')
    assert not any("72.0 %" in finding for finding in findings(report))


def test_no_gain_and_a_loss_are_said(bare_report: Report) -> None:
    close = changed(
        bare_report,
        arms=(arm("untrained", 50), arm("standard", 53)),
        comparisons=(versus("standard", "untrained", 0.03, 0.6, planned=True),),
    )
    assert "not measurably different from the untrained student (+3.0 points, 95 % interval -6.0" in headline(close)
    below = changed(
        bare_report,
        arms=(arm("untrained", 50), arm("standard", 30)),
        comparisons=(versus("standard", "untrained", -0.2, 0.001, planned=True).model_copy(update={"n": 90}),),
    )
    assert "-20.0 points against the untrained student (95 % interval -29.0 to -11.0, n = 90)" in headline(below)


def test_a_difference_is_one_only_if_both_p_and_interval_say_so(bare_report: Report) -> None:
    certain = versus("a", "b", 0.2, 0.01)
    assert certain.shown and certain.p == 0.01
    assert not certain.model_copy(update={"ci95": (-0.01, 0.4)}).shown
    corrected = certain.model_copy(update={"p_adjusted": 0.07})
    assert not corrected.shown and corrected.p == 0.07
    report = changed(bare_report, comparisons=(corrected,))
    assert "p = 0.070 (Holm)" in one(report, "do not differ measurably")


def test_arms_that_are_called_like_a_mode_are_told_apart_from_it(full_report: Report) -> None:
    report = changed(
        full_report,
        arms=(arm("untrained", 9), arm("mirror", 20), arm("think", 61, mode="vote"), arm("think", 60, mode="mirror")),
        comparisons=(versus("think", "mirror", 0.4, 1e-6, planned=True),),
        student_judge=StudentJudge(arm="think", n=40, auroc=0.7, auroc_ci95=(0.6, 0.8)),
        mirror_vs_vote=full_report.mirror_vs_vote.model_copy(update={"arm": "mirror"})
        if full_report.mirror_vs_vote
        else None,
    )
    text = " ".join(findings(report))
    assert 'Arm "think" in mode vote answers' in text and 'For arm "mirror", mode mirror and mode vote' in text
    assert 'judge that arm "think" learnt' in text and 'Arm "think" in mode think is better than arm "mirror"' in text


def test_seeds_are_averaged(bare_report: Report) -> None:
    report = changed(bare_report, arms=(arm("x", 40), arm("x", 50, seed=1), arm("y", 44)))
    assert headline(report).startswith('Arm "y" in mode think: 44.0 %'), "the last arm leads"
    turned = changed(report, arms=(report.arms[2], *report.arms[:2]))
    assert headline(turned) == 'Arm "x" in mode think: 45.0 % of 100 test questions right (mean of 2 seeds).'
    assert "40.0 % to 50.0 % by seed" in one(turned, "chosen before any result")


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        ((), "Annotated questions: 1; no arm was evaluated."),
        (
            (ArmResult(name="a", method="m", mode="think", seed=0, n=5, accuracy=None, ci95=None),),
            "The test questions have no known answers, so no arm could be scored.",
        ),
        ((arm("untrained", 7),), "The untrained student in mode think: 7.0 % of 100 test questions right."),
        ((arm("only", 7),), 'Arm "only" in mode think: 7.0 % of 100 test questions right.'),
    ],
)
def test_headline_of_little(bare_report: Report, arms: tuple[ArmResult, ...], sentence: str) -> None:
    assert headline(changed(bare_report, arms=arms)) == sentence


def test_verdicts_that_are_noise_bring_a_warning(full_report: Report) -> None:
    assert "carry information" in one(full_report, "consensus judge")
    noise = annotated(full_report, judge="plain", judge_balanced_accuracy=0.52)
    assert one(noise, "plain judge").startswith("Warning: ")
    assert "carry little information" in one(noise, "plain judge"), "the interval excludes chance, by a hair"
    unsure = annotated(full_report, judge="plain", judge_balanced_accuracy=0.75, judge_balanced_accuracy_ci95=(0.49, 1))
    assert "are not shown to carry information: balanced accuracy 0.75 (95 % interval 0.49 to 1.00, which inc" in one(
        unsure, "plain judge"
    )
    few = annotated(full_report, judge="plain", judge_balanced_accuracy=1.0, judge_balanced_accuracy_ci95=None)
    assert "not shown to carry information: balanced accuracy 1.00 (no interval: too few" in one(few, "plain judge")
    worse = annotated(full_report, judge_balanced_accuracy=0.3, judge_balanced_accuracy_ci95=(0.2, 0.4))
    assert "are worse than guessing" in one(worse, "consensus judge")
    assert [informative(r.annotation) for r in (full_report, noise, unsure, few, worse)] == [True] + [False] * 4
    unknown = annotated(full_report, judge_balanced_accuracy=None)
    assert "could not be measured" in one(unknown, "consensus judge")


def test_verdicts_by_gold_are_not_praised_for_agreeing_with_gold(full_report: Report) -> None:
    by_gold = annotated(full_report, judge="informed", judge_balanced_accuracy=1.0)
    assert one(by_gold, "verdicts") == BY_CONSTRUCTION
    assert not [finding for finding in findings(by_gold) if "carry" in finding]


def test_critiques_that_are_contradicted_are_counted_in_a_sentence(full_report: Report) -> None:
    report = annotated(full_report, critiques=1179, contradicted_critiques={"one reason": 70, "another": 7})
    assert one(report, "critiques") == (
        "Of 1\u202f179 critiques 77 contradict the rationale or the verdict that they come with. The others may "
        "still be false."
    )
    assert not [finding for finding in findings(full_report) if "critiques" in finding]


def test_a_judge_that_always_says_the_same_is_said_to(full_report: Report) -> None:
    always = verdict_quality([(Verdict.CORRECT, True)] * 30 + [(Verdict.CORRECT, False)] * 12)
    report = annotated(
        full_report,
        judge="plain",
        judge_balanced_accuracy=always.balanced_accuracy,
        judge_balanced_accuracy_ci95=always.balanced_accuracy_ci95,
        verdict_quality=always,
    )
    assert one(report, "plain judge").startswith(
        'Warning: the plain judge\'s verdicts always say "correct", so they tell nothing apart: balanced accuracy 0.50 '
    )
    judge = StudentJudge(arm="ours", n=40, auroc=0.8, auroc_ci95=(0.7, 0.9), balanced_accuracy=0.5, said_correct=0)
    assert 'is always "wrong"' in one(changed(full_report, student_judge=judge), "student's verdict")
    told = [finding for finding in findings(full_report) if "student's verdict" in finding]
    assert not told, "both verdicts occur"


def test_a_judges_worth_within_questions_stands_beside_its_worth_overall(full_report: Report) -> None:
    said = one(full_report, 'judge that arm "minds_mirror" learnt')
    assert (
        "tells right from wrong among its own test rationales: AUROC 0.71 (95 % interval 0.63 to 0.78), n = 500" in said
    )
    assert "balanced accuracy 0.64. Within questions, on which a vote depends, it is not shown to be above" in said
    assert "AUROC 0.52 (95 % interval 0.44 to 0.60, which includes 0.50; 212 pairs of 61 questions)" in said
    assert "within questions AUROC 0.84 (95 % interval 0.75 to 0.92; 96 pairs of 44 q" in one(full_report, "consensus")
    judge = full_report.student_judge
    assert judge is not None
    none = judge.model_copy(update={"within": auroc_within([0.9], [True], ["q"], seed=0)})
    said = one(changed(full_report, student_judge=none), 'judge that arm "minds_mirror" learnt')
    assert said.endswith("it could not be measured: no pairs of a right and a wrong rationale.")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.55, 0.7, "tells right from wrong"),
        (0.45, 0.61, "is not shown to be above chance"),
        (0.5, 0.7, "is not shown to be above chance"),
        (0.2, 0.4, "is worse than chance"),
    ],
)
def test_student_judge_against_chance(bare_report: Report, low: float, high: float, words: str) -> None:
    judge = StudentJudge(arm="ours", n=300, auroc=(low + high) / 2, auroc_ci95=(low, high))
    assert words in one(changed(bare_report, student_judge=judge), 'judge that arm "ours" learnt')


def test_student_judge_without_both_classes(bare_report: Report) -> None:
    judge = StudentJudge(arm="ours", n=30, auroc=None)
    assert "could not be measured" in one(changed(bare_report, student_judge=judge), 'judge that arm "ours" learnt')


@pytest.mark.parametrize(
    ("difference", "p", "words"),
    [
        (0.1, 0.01, "mode mirror is better than mode vote"),
        (-0.1, 0.01, "mode mirror is worse than mode vote"),
        (0.1, 0.2, "do not differ"),
        (0.04, 0.01, "do not differ"),
    ],
)
def test_mirror_against_vote(bare_report: Report, difference: float, p: float, words: str) -> None:
    pair = MirrorVersusVote(
        arm="ours",
        n=100,
        mirror=0.5 + difference,
        vote=0.5,
        difference=difference,
        ci95=(difference - 0.05, difference + 0.05),
        p_mcnemar=p,
        smallest_detectable=0.1,
    )
    told_twice = Comparison(
        a="ours",
        b="ours",
        mode_a="mirror",
        mode_b="vote",
        n=100,
        difference=difference,
        ci95=(difference - 0.05, difference + 0.05),
        p_mcnemar=p,
        smallest_detectable=0.1,
    )
    report = changed(bare_report, mirror_vs_vote=pair, comparisons=(told_twice,))
    assert words in one(report, "mirror")


def test_many_comparisons_are_not_all_told(bare_report: Report) -> None:
    report = changed(bare_report, comparisons=tuple(versus(f"a{i}", "b", 0.2, 0.01) for i in range(30)))
    said = findings(report)
    assert len(said) < 12
    assert "22 more comparisons stand in the table." in said


def test_unreadable_answers_are_told(bare_report: Report) -> None:
    report = changed(bare_report, arms=(arm("a", 5, unparsed=30), arm("b", 5, unparsed=1)))
    assert one(report, "readable") == 'Arm "a" in mode think gave no readable answer to 30 of 100 questions.'


def test_wording() -> None:
    assert formatting.percent(0.6125) == "61.3 %"
    assert formatting.points(-0.0001) == "0.0"
    assert formatting.points(-0.06) == "-6.0"
    assert [formatting.p_value(p) for p in (0.0, 0.004, 0.0499, 0.55, 1.0)] == [
        "p < 0.001",
        "p = 0.004",
        "p = 0.050",
        "p = 0.55",
        "p = 1.00",
    ]
    assert formatting.count(1234567) == "1\u202f234\u202f567"
    assert [formatting.duration(s) for s in (0.44, 59.7, 200, 3600, 7500)] == [
        "0.4 s",
        "1 min",
        "3 min 20 s",
        "1 h",
        "2 h 5 min",
    ]
