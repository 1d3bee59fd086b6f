"""Pictures of a report: accuracy against tokens, reliability, and the student's verdicts as a table."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from mindsmirror.evaluation.reliability import reliability
from mindsmirror.records import Verdict
from mindsmirror.reporting import ArmResult, Report
from mindsmirror.reporting.confidence_schema import AnswerConfidence, ConfidenceReport
from mindsmirror.reporting.page import render
from mindsmirror.reporting.reliability_plot import reliability_plot
from mindsmirror.reporting.tokens_plot import tokens_plot


def arm(name: str, mode: str, accuracy: float | None, tokens: float | None) -> ArmResult:
    fields: dict[str, Any] = {"method": "m", "seed": 0, "n": 10, "ci95": None}
    return ArmResult(name=name, mode=mode, accuracy=accuracy, tokens_per_question=tokens, **fields)


def answer(mode: str = "mirror") -> AnswerConfidence:
    """Of answers that are 20 % sure half are right, and all of those that are 90 % sure."""
    bins = reliability([0.2] * 4 + [0.9] * 6, [True, False] * 2 + [True] * 6)
    return AnswerConfidence(mode=mode, n=10, auroc=None, calibration_error=0.18, reliability=bins)


def places(drawn: str, shape: str) -> list[tuple[float, float]]:
    found = re.findall(rf'<{shape} class="mark[^>]*? c?x="([\d.]+)" c?y="([\d.]+)"', drawn)
    return [(float(x), float(y)) for x, y in found]


def test_what_costs_ten_times_as_much_lies_as_far_to_the_right_each_time() -> None:
    arms = [arm("a", "predict", 0.25, 10.0), arm("b", "predict", 0.5, 100.0), arm("c", "predict", 0.75, 1000.0)]
    drawn = tokens_plot(arms, 944, "wide")
    ET.fromstring(drawn)
    (x, y), (x2, y2), (x3, y3) = places(drawn, "circle")
    assert x2 - x == pytest.approx(x3 - x2, abs=0.2) and x2 > x
    assert y - y2 == pytest.approx(y2 - y3, abs=0.2) and y > y2, "better is higher"
    assert "arm &quot;c&quot;, mode predict: 75.0 % right, 1\u202f000 tokens a question" in drawn


def test_names_that_would_lie_on_each_other_are_left_out() -> None:
    drawn = tokens_plot([arm("one", "think", 0.5, 50.0), arm("two", "vote", 0.5, 51.0)], 340, "narrow")
    assert ">one</text>" in drawn and ">two</text>" not in drawn


def test_what_is_not_scored_or_has_no_tokens_is_not_drawn() -> None:
    assert tokens_plot([arm("a", "think", 0.5, 50.0), arm("b", "think", None, 50.0)], 340, "narrow") == ""
    assert tokens_plot([], 340, "narrow") == ""


def test_reliability_has_a_mark_and_a_whisker_for_each_bin_and_the_diagonal() -> None:
    drawn = reliability_plot([answer()], 340, "narrow")
    ET.fromstring(drawn)
    assert drawn.count('class="whisker') == 2 and drawn.count('class="curve at-random"') == 1
    assert "mirror, confidence 0.20: 50.0 % of 4 right" in drawn and "calibration error 0.18" in drawn
    assert reliability_plot([answer().model_copy(update={"reliability": ()})], 340, "narrow") == ""
    assert reliability_plot([], 340, "narrow") == ""


def test_the_page_shows_them(full_report: Report) -> None:
    sure = ConfidenceReport(arm="minds_mirror", questions=40, temperature=0.7, preferred="mirror", answers=(answer(),))
    judge = full_report.student_judge
    assert judge is not None
    table = {Verdict.CORRECT: (190, 123), Verdict.WRONG: (60, 127)}
    update = {"confidences": (sure,), "student_judge": judge.model_copy(update={"table": table})}
    source = render(full_report.model_copy(update=update))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", source))
    assert "of 250 right of 250 wrong correct 190 76.0 % ✓ 123 49.2 % ✗ wrong 60 24.0 % ✗ 127 50.8 % ✓" in text
    assert source.count("reliability-title") == 4 and source.count("tokens-title") == 4
    bare = render(full_report)
    assert "What the student says of its own rationales" not in bare and "reliability-title" not in bare
