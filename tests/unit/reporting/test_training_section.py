"""What training took, as report and page say it: by arm, by stage, and in what arms were equal."""

import re
from typing import Any

import pytest
from unit.reporting.trained_stages import stage_result

from mindsmirror.reporting import ArmResult, Report
from mindsmirror.reporting.formatting import memory, powers
from mindsmirror.reporting.page import render
from mindsmirror.reporting.training_section import UNITS, spread, trained_arms, training_report
from mindsmirror.training.result import StageResult


def stage(name: str, factor: int, **changes: Any) -> StageResult:
    counts = {unit: factor * 10**place for place, unit in enumerate(UNITS)}
    return stage_result(**{**counts, "stage": name, "seconds": 1.5, "selected_step": 5, **changes})


def arm(name: str, *stages: StageResult, seed: int = 0, mode: str = "think") -> ArmResult:
    return ArmResult(
        name=name, method="m", mode=mode, seed=seed, n=1, accuracy=1.0, ci95=None, training=training_report(stages)
    )


def row(page: str, start: str, title: str = "what arms were given") -> list[str]:
    """The cells of the first line that starts so, in the training table of that title."""
    table = page.split(f"<h3>Training: {title}</h3>")[1].split("</table>")[0]
    for line in re.findall(r"<tr.*?</tr>", table, re.DOTALL):
        cells = [re.sub(r"<[^>]*>|\s", "", cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", line, re.DOTALL)]
        if cells[0] == start or cells[:2] == ["", start]:
            return cells
    raise AssertionError(f"no line {start!r}")


def test_stages_are_added_up_and_kept() -> None:
    report = training_report([stage("judging", 1), stage("thinking", 2)])
    assert report is not None
    assert [getattr(report, unit) for unit in UNITS] == [3, 30, 300, 3_000, 30_000, 300_000]
    assert [(one.stage, one.flops) for one in report.stages] == [("judging", 100_000), ("thinking", 200_000)]
    assert training_report([]) is None


def test_pace_and_memory_of_all_stages() -> None:
    """100 s at 300 tokens a second and 60 000 tokens at 1 200, so 150 s for 90 000 tokens."""
    slow = stage("x", 3, tokens_per_second=300.0, peak_memory=2**30, planned_steps=3)
    fast = stage("y", 6, tokens_per_second=1200.0, peak_memory=3 * 2**29, planned_steps=9)
    report = training_report([slow, fast])
    assert report is not None
    assert (report.tokens_per_second, report.peak_memory, report.peak_device_memory) == (600.0, 3 * 2**29, None)
    assert (report.steps, report.planned_steps) == (9, 12)
    assert [one.tokens_per_second for one in report.stages] == [300.0, 1200.0]
    none = training_report([stage("x", 1)])
    assert none is not None and none.tokens_per_second is None and none.peak_memory is None


def test_the_page_shows_pace_memory_and_an_early_end(full_report: Report) -> None:
    one = arm("one", stage("x", 3, tokens_per_second=300.0, peak_memory=2**30, planned_steps=8))
    page = render(full_report.model_copy(update={"arms": (one,)}))
    assert row(page, "one")[3] == "3of8"
    assert row(page, "one", "how it went")[4:6] == ["300", "1.0GiB"]


def test_the_page_says_how_many_questions_were_cut_only_if_any_was(full_report: Report) -> None:
    arms = (arm("one", stage("x", 3, torn=2), stage("y", 3, torn=30)), arm("two", stage("x", 3)))
    page = render(full_report.model_copy(update={"arms": arms}))
    assert "one: the targets of 32 questions did not fit into a batch" in page
    assert "two: the targets" not in page


@pytest.mark.parametrize(("size", "said"), [(2**20, "1 MiB"), (1023 * 2**20, "1023 MiB"), (5 * 2**29, "2.5 GiB")])
def test_memory(size: int, said: str) -> None:
    assert memory(size) == said


def test_in_what_arms_are_equal() -> None:
    one, other = arm("a", stage("x", 1), stage("y", 3)), arm("b", stage("x", 4, flops=600_000))
    assert spread([one, other]) == dict.fromkeys(UNITS, 1.0) | {"flops": 1.5}
    assert spread([one]) == {}
    again = arm("a", stage("x", 1), mode="predict")
    assert [each.seed for each in trained_arms([again, one, arm("a", stage("x", 1), seed=2)])] == [0, 2]


def test_the_page_says_it(full_report: Report) -> None:
    arms = (arm("one", stage("judging", 1), stage("thinking", 3)), arm("two", stage("thinking", 4, target_tokens=8000)))
    page = render(full_report.model_copy(update={"arms": arms}))
    counted = ["4", "40", "400", "4\u202f000", "40\u202f000", "400\u202f000"]
    assert row(page, "one")[3:9] == [text.replace("\u202f", "") for text in counted]
    assert row(page, "judging", "how it went")[3] == "1.5s"
    assert row(page, "judging")[3:9] == ["1", "10", "100", "1000", "10000", "100000"]
    assert row(page, "two")[:3] == ["two", "thinking", "0"]
    assert row(page, "mostoverleast")[3:9] == ["1.00", "1.00", "1.00", "2.00", "1.00", "1.00"]
    assert "4.12e13" in row(render(full_report), "standard")


@pytest.mark.parametrize(
    ("number", "said"), [(12.0, "12"), (999_999, "999\u202f999"), (1e6, "1.00e6"), (4.1234e13, "4.12e13")]
)
def test_large_numbers(number: float, said: str) -> None:
    assert powers(number) == said
