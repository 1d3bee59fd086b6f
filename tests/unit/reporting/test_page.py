"""The page needs no network, runs nothing, and shows what a model wrote as text and only as text."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindsmirror.evaluation.metrics import VerdictConsistency, WithinQuestions, verdict_quality
from mindsmirror.records import Verdict
from mindsmirror.reporting import ArmAnswer, ArmResult, Report, ShownExample, StepUsage, StepYield
from mindsmirror.reporting.confidence_schema import AnswerConfidence, ConfidenceReport, SparedReport
from mindsmirror.reporting.coverage_plot import coverage_plot
from mindsmirror.reporting.page import render
from mindsmirror.reporting.plot import arms_plot

HOSTILE = """<script>alert(1)</script><img src="https://example.org/x" onerror='x()'>"&'{{ 7 * 7 }}</style>"""
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """The elements, attributes and text of a page; fails on tags that do not match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def changed(report: Report, **changes: Any) -> Report:
    return report.model_copy(update=changes)


def arms(count: int, **changes: Any) -> tuple[ArmResult, ...]:
    fields: dict[str, Any] = {"method": "m", "mode": "think", "seed": 0, "n": 10, "accuracy": 0.5, "ci95": (0.2, 0.8)}
    return tuple(ArmResult(name=f"arm {i}", **(fields | changes)) for i in range(count))


def assert_offline(source: str) -> None:
    page = Page(source)
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "href", "xlink:href", "action", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert "url(" not in (attributes.get("style") or "")
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert ("meta", "default-src 'none'; style-src 'unsafe-inline'") in [
        (tag, attributes.get("content")) for tag, attributes in page.elements
    ]


def test_the_page_is_offline_and_well_formed(full_report: Report, bare_report: Report) -> None:
    assert_offline(render(full_report))
    assert_offline(render(bare_report))


def test_the_page_shows_the_numbers(full_report: Report) -> None:
    text = Page(render(full_report)).text
    for shown in (
        "quickstart",
        "0.71",
        "+4.0",
        "131",
        "truncated",
        "no answer",
        "62.5 to 79.9",
        "100\u202f240",
        "3\xa0min 53\xa0s",
    ):
        assert shown in text, shown


def test_model_text_is_escaped(full_report: Report) -> None:
    said = ArmAnswer(arm=HOSTILE, mode=HOSTILE, answer=HOSTILE, rationale=HOSTILE, confidence=0.5)
    report = changed(
        full_report,
        name=HOSTILE,
        task=HOSTILE,
        teacher=HOSTILE,
        machine=HOSTILE,
        findings=(HOSTILE,),
        provenance={HOSTILE: HOSTILE},
        seconds={HOSTILE: 1.0},
        examples=(ShownExample(question=HOSTILE, gold=HOSTILE, fixed=True, baseline=said, ours=said),),
        arms=tuple(
            arm.model_copy(update={"name": HOSTILE, "mode": HOSTILE, "method": HOSTILE}) for arm in full_report.arms
        ),
        annotation=full_report.annotation.model_copy(
            update={"judge": HOSTILE, "yields": (StepYield(step=HOSTILE, asked=2, ok=1, reasons={HOSTILE: 1}),)}
        ),
    )
    source = render(report)
    assert_offline(source)
    assert "<script" not in source
    assert "{{ 7 * 7 }}" in Page(source).text


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_any_text_keeps_the_page_well_formed(full_report: Report, text: str) -> None:
    said = ArmAnswer(arm="a", answer=text, rationale=text)
    example = ShownExample(question=text, gold=None, fixed=False, baseline=said, ours=said)
    assert_offline(render(changed(full_report, examples=(example,), name=text)))


def test_nothing_measured_is_said(bare_report: Report) -> None:
    text = Page(render(bare_report)).text
    assert "No arm of this run was asked to judge" in text
    assert "Nothing is scored: no arm was evaluated." in text
    assert text.count("not measured") == 3
    unscored = Page(render(changed(bare_report, arms=arms(1, accuracy=None, ci95=None)))).text
    assert "the test questions have no gold answers" in unscored


@pytest.mark.parametrize("count", [1, 50])
def test_one_arm_and_fifty(full_report: Report, count: int) -> None:
    report = changed(full_report, arms=arms(count), comparisons=())
    source = render(report)
    assert_offline(source)
    assert source.count('class="arm"') == 2 * count  # once for laptops, once for phones


def test_null_gold_and_answers(full_report: Report) -> None:
    said = ArmAnswer(arm="a", answer=None)
    example = ShownExample(question="q", gold=None, fixed=True, baseline=said, ours=said)
    text = Page(render(changed(full_report, examples=(example,)))).text
    assert text.count("no readable answer") == 2
    assert "gold" not in text.split("Fixed and broken")[1].split("All numbers")[0]


def test_examples_past_four_are_folded(full_report: Report) -> None:
    source = render(changed(full_report, examples=full_report.examples[:1] * 7))
    assert "<summary>3 more</summary>" in source


def test_no_loss_at_all(full_report: Report) -> None:
    whole = (StepYield(step="rationale", asked=5, ok=5), StepYield(step="verdict", asked=0, ok=0))
    annotation = full_report.annotation.model_copy(update={"yields": whole, "unparsed": 0})
    text = Page(render(changed(full_report, annotation=annotation))).text
    assert "5 usable of 5 asked" in text
    assert "0 usable of 0 asked" in text


def test_losses_without_a_reason_are_shown(full_report: Report) -> None:
    annotation = full_report.annotation.model_copy(
        update={"yields": (StepYield(step="rationale", asked=10, ok=5, reasons={"empty": 2}),)}
    )
    assert "no reason recorded 3" in Page(render(changed(full_report, annotation=annotation))).text


def test_yields_and_costs_are_shown(full_report: Report) -> None:
    step = StepYield(step="rationale", asked=31, ok=28, stored=29, failed=2, asked_again=9, repaired=8)
    costs = (
        StepUsage(
            step="rationale",
            usable=28,
            tokens_in=1,
            tokens_out=2,
            usd=0.2,
            tokens_per_usable=77,
            usd_per_usable=0.00713,
        ),
        StepUsage(step="self-evaluation", usable=0, tokens_in=1, tokens_out=2),
    )
    changes = {"yields": (step,), "costs": costs, "tokens_per_question": 4321, "stopped": "it <stopped>"}
    text = Page(render(changed(full_report, annotation=full_report.annotation.model_copy(update=changes)))).text
    cells = text.split("retried and parsed")[1].split("How much")[0].split()
    assert cells == ["rationale312928298"]
    for shown in ("4\u202f321", "$0.0071", "no price set", "it <stopped>", "self-evaluation"):
        assert shown in text, shown


def test_precision_and_self_consistency_of_the_judge_are_shown(full_report: Report, bare_report: Report) -> None:
    quality = verdict_quality([(Verdict.CORRECT, True)] * 3 + [(Verdict.CORRECT, False), (Verdict.WRONG, False)])
    itself = VerdictConsistency(rationales=1234, evaluations=2, agreement=0.625, by_chance=0.5)
    changes = {"verdict_quality": quality, "verdict_consistency": itself}
    page = Page(render(changed(full_report, annotation=full_report.annotation.model_copy(update=changes))))
    text = " ".join(page.text.replace("\u202f", " ").replace("\xa0", " ").split())
    assert "Of those it calls correct 75.0 % are right. Of those it calls wrong 100.0 % are wrong." in text
    assert "more than once about 1 234 rationales, two of its verdicts on one agree in 62.5 %" in text
    assert "on any two rationales they would in 50.0 %" in text
    assert "it calls" not in Page(render(bare_report)).text


def test_diversity_is_shown_with_its_temperature(full_report: Report, bare_report: Report) -> None:
    part = Page(render(full_report)).text.split("rationales differ")[1].split("What it cost")[0].split("Means over")[0]
    assert " ".join(part.split()) == (
        "distinct answers a question1.6 of 2.9 one answer only48.1\xa0% of questions "
        "distinct texts a question2.7 of 2.9 self-BLEU0.42 temperature0.8"
    ).replace("\xa0", " ")
    measured = full_report.annotation.diversity
    assert measured is not None
    changes = {"diversity": measured.model_copy(update={"temperatures": ()})}
    text = Page(render(changed(full_report, annotation=full_report.annotation.model_copy(update=changes)))).text
    assert "temperaturenot known" in text
    assert "rationales differ" not in Page(render(bare_report)).text


def test_the_surer_half_is_shown_where_answers_have_a_confidence(full_report: Report, bare_report: Report) -> None:
    text = shown_text(full_report)
    mirror = next(arm for arm in full_report.arms if arm.mode == "mirror")
    assert mirror.risk_coverage is not None
    assert "Answering only what it is sure of" in text
    assert f"{mirror.risk_coverage.aurc:.3f}" in text
    assert "sure of" not in shown_text(bare_report)


def test_the_first_screen_says_how_right_the_surest_answers_are_and_what_the_mirror_went_by(
    full_report: Report, bare_report: Report
) -> None:
    answer = AnswerConfidence(mode="mirror", n=100, auroc=0.94, auroc_ci95=(0.87, 0.99), accuracy_at_half=0.98)
    sure = ConfidenceReport(
        arm="m", questions=40, temperature=0.7, preferred="mirror", judge_counts=False, answers=(answer,)
    )
    shown = shown_text(changed(full_report, confidences=(sure,)))
    assert "98.0 % of the surer half are right, in mode mirror" in shown
    assert "Its verdicts did not count" in shown
    assert "What does an answer of the mirror cost?" not in shown
    spared = SparedReport(
        enough=0.5,
        n=100,
        stopped=85,
        rationales=1.6,
        tokens=87.4,
        tokens_always=272,
        right=84,
        right_always=83,
        gained=1,
        lost=0,
    )
    shown = shown_text(changed(full_report, confidences=(sure.model_copy(update={"spared": spared}),)))
    assert "1.6 rationales a question, as ask draws them" in shown
    assert "87 tokens a question instead of 272, with 84 instead of 83 right" in shown
    counted = sure.model_copy(update={"judge_counts": True, "preferred": "vote"})
    shown = shown_text(changed(full_report, confidences=(counted,)))
    assert "Its verdicts did not count" not in shown and "How right are its surest answers?" not in shown
    assert "How right are its surest answers?" not in shown_text(bare_report)


def test_a_coverage_curve_ends_at_the_accuracy_of_all(full_report: Report) -> None:
    tree = ET.fromstring(coverage_plot(full_report.arms, 500, "p"))
    curves = list(tree.iter("polyline"))
    assert [curve.attrib["class"] for curve in curves] == ["curve mode-vote", "curve mode-mirror"]
    grid = {line.attrib["y1"] for line in tree.iter("line")}
    for curve, arm in zip(curves, [arm for arm in full_report.arms if arm.risk_coverage], strict=True):
        x, y = map(float, curve.attrib["points"].split()[-1].split(","))
        top, bottom = min(map(float, grid)), max(map(float, grid))
        assert arm.risk_coverage is not None
        assert x == 500 - 14
        assert y == pytest.approx(bottom - arm.risk_coverage.curve[-1][1] * (bottom - top), abs=0.1)
    assert coverage_plot((), 500, "p") == ""


def test_plot_places_dots_on_the_scale() -> None:
    tree = ET.fromstring(arms_plot(arms(1, mode="predict", accuracy=0.25, ci95=(0.0, 1.0)), 500, "p"))
    grid = [float(line.attrib["x1"]) for line in tree.iter("line") if line.attrib["class"] == "grid"]
    dot = next(tree.iter("circle"))
    whisker = next(line for line in tree.iter("line") if line.attrib["class"].startswith("whisker"))
    assert float(dot.attrib["cx"]) == pytest.approx(grid[0] + 0.25 * (grid[-1] - grid[0]), abs=0.1)
    assert (float(whisker.attrib["x1"]), float(whisker.attrib["x2"])) == (grid[0], grid[-1])
    assert 'arm "arm 0", mode predict, seed 0: 25.0 %' in (tree.findtext("desc") or "")


def test_plot_stays_within_its_width() -> None:
    tree = ET.fromstring(arms_plot(arms(2, accuracy=1.0, ci95=(0.9, 1.0), method="x" * 80), 340, "p"))
    for element in tree.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.attrib.get(key, 0)) <= 340
    assert arms_plot((), 340, "p") == ""


def test_plot_tells_seeds_apart() -> None:
    results = arms(1) + tuple(arm.model_copy(update={"seed": 7}) for arm in arms(1))
    labels = [e.text for e in ET.fromstring(arms_plot(results, 500, "p")).iter("text") if e.get("class") == "mode"]
    assert labels == ["think · 0", "think · 7"]


def shown_text(report: Report) -> str:
    """The page's words, spaces of every kind being one."""
    return " ".join(Page(render(report)).text.split())


def annotated(report: Report, **changes: Any) -> Report:
    return changed(report, annotation=report.annotation.model_copy(update=changes))


@pytest.mark.parametrize(
    ("grounds", "words"), [("gold", "gold answers"), ("consensus", "the consensus"), ("", "not be")]
)
def test_a_judges_probabilities_are_shown_with_their_interval(full_report: Report, grounds: str, words: str) -> None:
    weighed = annotated(
        full_report,
        judge="likelihood",
        judge_auroc=0.71,
        judge_auroc_ci95=(0.65, 0.77),
        judge_calibration=grounds,
    )
    shown = shown_text(weighed)
    assert (
        "By its probabilities it orders right before wrong rationales with AUROC 0.71 (95 % interval 0.65 to" in shown
    )
    assert words in shown[shown.index("Its probabilities ") :][:90]
    without = shown_text(full_report)
    assert "By its verdicts it orders" in without and "Its probabilities" not in without


def test_the_page_claims_of_a_judge_what_its_interval_says(full_report: Report) -> None:
    assert "✓ The verdicts carry information" in shown_text(full_report)
    unsure = annotated(full_report, judge_balanced_accuracy=0.75, judge_balanced_accuracy_ci95=(0.49, 1.0))
    text = shown_text(unsure)
    assert "≈ Not shown to carry information" in text and "carry information; guessing has 0.50." in text
    assert "✓ The verdicts" not in text
    few = annotated(full_report, judge_balanced_accuracy=1.0, judge_balanced_accuracy_ci95=None)
    assert "≈ Not shown to carry information" in shown_text(few) and "no interval: too few questions" in shown_text(few)
    always = verdict_quality([(Verdict.WRONG, True)] * 9 + [(Verdict.WRONG, False)] * 9)
    same = annotated(
        full_report,
        verdict_quality=always,
        judge_balanced_accuracy=0.5,
        judge_balanced_accuracy_ci95=always.balanced_accuracy_ci95,
    )
    assert "! It always says “wrong”, which tells nothing apart." in shown_text(same)


def test_what_holds_by_construction_is_said_small(full_report: Report) -> None:
    source = render(annotated(full_report, judge="informed", judge_balanced_accuracy=1.0, judge_auroc=1.0))
    text = " ".join(Page(source).text.split())
    part = text.split("What its verdicts are worth")[1].split("Fixed and broken")[0]
    assert "taken from gold answers" in part and "1.00, say nothing about a judge" in part
    assert "✓" not in part and "carry information" not in part
    assert '<p class="big">1.00' not in source


def test_the_students_judge_within_questions_and_always_the_same(full_report: Report) -> None:
    text = shown_text(full_report)
    assert "≈ Not shown to be above chance within questions, on which a vote depends. ✓ Above chance over all" in text
    assert "Within questions AUROC 0.52 (95 % interval 0.44 to 0.60, which includes 0.50; 212 pairs of 61 q" in text
    judge = full_report.student_judge
    assert judge is not None and "Its verdict is always" not in text
    always = judge.model_copy(update={"said_correct": judge.n, "balanced_accuracy": 0.5})
    assert "! Its verdict is always “correct”" in shown_text(changed(full_report, student_judge=always))
    none = judge.model_copy(update={"within": WithinQuestions(auroc=None, ci95=None, pairs=0, questions=0)})
    assert "no pairs of a right and a wrong rationale" in shown_text(changed(full_report, student_judge=none))


def test_arms_and_modes_are_told_apart(full_report: Report) -> None:
    first = full_report.comparisons[1].model_copy(update={"a": "think", "mode_a": "think", "p_adjusted": 0.2})
    text = shown_text(changed(full_report, comparisons=(first,)))
    row = text.split("smallest detectable")[1].strip()
    assert row.startswith("think in mode think planneduntrained student in mode think"), "cells stand close"
    assert "0.20 ≈" in row, "a claim rests on the p that is corrected"


def test_tables_fit_a_laptop_and_begin_with_what_matters(full_report: Report) -> None:
    """Nine columns are what the page's width holds; on a phone a row becomes a card (test_report_chromium.py)."""
    source = render(full_report)
    tables = re.findall(r'(<div class="scroll"[^>]*>)?\s*<table.*?<tr>(.*?)</tr>', source, re.DOTALL)
    assert len(tables) > 5 and all(scrolls for scrolls, _ in tables)
    heads = [re.findall(r"<th[^>]*>(.*?)</th>", head) for _, head in tables]
    assert max(map(len, heads)) <= 9
    assert ["arm", "mode", "accuracy", "95&nbsp;% interval"] in [head[:4] for head in heads]
