"""Pictures of a report: accuracy against tokens, reliability, losses, and the student's verdicts as a table."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest

from mindsmirror.evaluation.reliability import reliability
from mindsmirror.records import Verdict
from mindsmirror.reporting import ArmResult, Report, TrainingReport
from mindsmirror.reporting.confidence_schema import AnswerConfidence, ConfidenceReport
from mindsmirror.reporting.loss_plot import loss_plot
from mindsmirror.reporting.page import render
from mindsmirror.reporting.reliability_plot import reliability_plot
from mindsmirror.reporting.schema import StageReport
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


def trained(*stages: StageReport) -> ArmResult:
    counts = dict.fromkeys(("steps", "planned_steps", "rows", "tokens", "target_tokens", "computed_tokens", "flops"), 1)
    took = TrainingReport.model_validate({**counts, "seconds": 1.0, "stages": stages})
    return arm("<m>", "think", 0.5, 5.0).model_copy(update={"training": took})


def stage(name: str, steps: int, **losses: tuple[float | None, ...]) -> StageReport:
    counts = dict.fromkeys(("planned_steps", "rows", "tokens", "target_tokens", "computed_tokens", "flops"), 1)
    return StageReport.model_validate({**counts, "steps": steps, "seconds": 1.0, "stage": name, "task_losses": losses})


def test_losses_of_each_task_over_all_stages() -> None:
    drawn = loss_plot(
        trained(stage("a", 30, predict=(2.0, 1.0), explain=(None, 0.5)), stage("b<", 10, explain=(0.25, 0.1))), 340, "n"
    )
    ET.fromstring(drawn)
    lines = {title: points for points, title in re.findall(r'points="([^"]*)"><title>(\w+)</title>', drawn)}
    assert drawn.count("<polyline") == 3
    (x, top), (x2, y2) = [tuple(map(float, point.split(","))) for point in lines["predict"].split()]
    assert top == 22.0 and y2 > top, "the largest loss is at the top"
    end = [tuple(map(float, point.split(","))) for point in lines["explain"].split()]
    assert end[-1][0] == 340 - 84 and x2 - x < x2 and end[0][0] > x2, "the second stage follows the first"
    assert "predict from 2.00 to 1.00; explain from 0.50 to 0.50; explain from 0.25 to 0.10." in drawn
    assert "40 steps" in drawn and "b&lt;" in drawn and "<m>" not in drawn
    assert drawn.count('class="task ') == 2, "a task is named once"


def test_names_of_tasks_do_not_lie_on_each_other() -> None:
    drawn = loss_plot(trained(stage("a", 3, predict=(2.0, 0.01), explain=(1.0, 0.01), verdict=(1.0, 0.0))), 340, "n")
    heights = sorted(float(y) for y in re.findall(r'class="task [^"]*" x="\d+" y="([\d.]+)"', drawn))
    assert len(heights) == 3 and all(b - a >= 12.9 for a, b in pairwise(heights))


def test_without_losses_there_is_no_plot(full_report: Report) -> None:
    assert loss_plot(arm("a", "think", 0.5, 5.0), 340, "n") == loss_plot(trained(stage("a", 3)), 340, "n") == ""
    assert "losses of each task" not in render(full_report)
    whole = full_report.model_copy(update={"arms": (trained(stage("a", 3, explain=(1.0, 0.5))),)})
    source = render(whole)
    assert "losses of each task" in source and source.count('<text class="task mode-think"') == 2
