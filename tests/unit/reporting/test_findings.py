"""The sentences say what the numbers say, and no more."""

from typing import Any

import pytest

from mindsmirror.evaluation import wilson
from mindsmirror.reporting import (
    ArmResult,
    Comparison,
    MirrorVersusVote,
    Report,
    StudentJudge,
    findings,
    headline,
    wording,
)


def arm(name: str, right: int, mode: str = "think", seed: int = 0, unparsed: int = 0) -> ArmResult:
    return ArmResult(
        name=name,
        method=name,
        mode=mode,
        seed=seed,
        n=100,
        accuracy=right / 100,
        ci95=wilson(right, 100),
        unparsed=unparsed,
    )


def versus(a: str, b: str, difference: float, p: float) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        mode_a="think",
        mode_b="think",
        n=100,
        difference=difference,
        ci95=(difference - 0.09, difference + 0.09),
        p_mcnemar=p,
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
        "standard (think) and minds_mirror (think) do not differ measurably: 3.0 points, 95 % interval "
        "-6.0 to 12.0, p = 0.55; with 100 questions a difference below 13.2 points would likely have gone unseen."
    )
    assert not any("better" in finding for finding in findings(report))


def test_a_difference_names_the_better_arm_first(bare_report: Report) -> None:
    report = changed(bare_report, comparisons=(versus("a", "b", -0.2, 0.004),))
    assert one(report, "better") == (
        "b (think) is better than a (think): 20.0 points, 95 % interval 11.0 to 29.0, p = 0.004, n = 100."
    )


def test_best_arm_against_the_untrained_student(bare_report: Report) -> None:
    report = changed(
        bare_report,
        arms=(arm("untrained", 3), arm("standard", 20), arm("minds_mirror", 61)),
        comparisons=(
            versus("standard", "untrained", 0.17, 0.0001),
            versus("untrained", "minds_mirror", -0.58, 1e-9),
        ),
    )
    assert headline(report) == (
        "minds_mirror (think) answers 61.0 % of 100 test questions right, 58.0 points more than before "
        "training (3.0 %)."
    )
    assert findings(report)[0] == headline(report)
    assert "the best of 3 pairs of arm and mode: 61.0 %, 95 % interval 51.2 to 70.0" in one(report, "highest")
    assert one(report, "better than untrained").startswith("minds_mirror (think) is better")


def test_no_gain_over_the_untrained_student_is_said(bare_report: Report) -> None:
    close = changed(
        bare_report,
        arms=(arm("untrained", 50), arm("standard", 53)),
        comparisons=(versus("standard", "untrained", 0.03, 0.6),),
    )
    assert "no measurable gain over the untrained student (50.0 %)" in headline(close)
    below = changed(bare_report, arms=(arm("untrained", 50), arm("standard", 41)))
    assert headline(below).startswith("No trained arm beats the untrained student")


def test_seeds_are_averaged(bare_report: Report) -> None:
    report = changed(bare_report, arms=(arm("x", 40), arm("x", 50, seed=1), arm("y", 44)))
    assert headline(report) == "x (think) answers 45.0 % of 100 test questions right (mean of 2 seeds)."
    assert "40.0 % to 50.0 % by seed" in one(report, "highest")


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        ((), "Annotated questions: 1; no arm was evaluated."),
        (
            (ArmResult(name="a", method="m", mode="think", seed=0, n=5, accuracy=None, ci95=None),),
            "The test questions have no known answers, so no arm could be scored.",
        ),
        ((arm("untrained", 7),), "The untrained student answers 7.0 % of 100 test questions right."),
        ((arm("only", 7),), "only (think) answers 7.0 % of 100 test questions right."),
    ],
)
def test_headline_of_little(bare_report: Report, arms: tuple[ArmResult, ...], sentence: str) -> None:
    assert headline(changed(bare_report, arms=arms)) == sentence


def test_verdicts_that_are_noise_bring_a_warning(full_report: Report) -> None:
    assert "carry information" in one(full_report, "consensus judge")
    noise = annotated(full_report, judge="plain", judge_balanced_accuracy=0.52)
    assert one(noise, "plain judge").startswith("Warning: ")
    unknown = annotated(full_report, judge_balanced_accuracy=None)
    assert "could not be measured" in one(unknown, "consensus judge")


def test_verdicts_by_gold_are_not_praised_for_agreeing_with_gold(full_report: Report) -> None:
    by_gold = annotated(full_report, judge="informed", judge_balanced_accuracy=1.0)
    assert "come from gold" in one(by_gold, "verdicts")
    assert not [finding for finding in findings(by_gold) if "carry" in finding]


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
    assert words in one(changed(bare_report, student_judge=judge), "judge that ours learnt")


def test_student_judge_without_both_classes(bare_report: Report) -> None:
    judge = StudentJudge(arm="ours", n=30, auroc=None)
    assert "could not be measured" in one(changed(bare_report, student_judge=judge), "judge that ours learnt")


@pytest.mark.parametrize(
    ("difference", "p", "words"),
    [(0.1, 0.01, "mirror is better than vote"), (-0.1, 0.01, "mirror is worse than vote"), (0.1, 0.2, "do not differ")],
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
    assert one(report, "readable") == "a (think) gave no readable answer to 30 of 100 questions."


def test_wording() -> None:
    assert wording.percent(0.6125) == "61.3 %"
    assert wording.points(-0.0001) == "0.0"
    assert wording.points(-0.06) == "-6.0"
    assert [wording.p_value(p) for p in (0.0, 0.004, 0.0499, 0.55, 1.0)] == [
        "p < 0.001",
        "p = 0.004",
        "p = 0.050",
        "p = 0.55",
        "p = 1.00",
    ]
    assert wording.count(1234567) == "1\u202f234\u202f567"
    assert [wording.duration(s) for s in (0.44, 59.7, 200, 3600, 7500)] == [
        "0.4 s",
        "1 min",
        "3 min 20 s",
        "1 h",
        "2 h 5 min",
    ]
