"""What `make demo` leaves behind (`make live` looks at it): a report whose figures say that the method works."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mindsmirror.reporting.schema import Report

pytestmark = pytest.mark.live
RUN = Path(__file__).parents[2] / "runs" / "quickstart"
BETTER = 0.20
"""How much more of the test questions the trained student must get right; docs/results.md has what was seen."""


@pytest.fixture(scope="module")
def report() -> Report:
    assert (RUN / "report.json").is_file(), f"{RUN} has no report: run `make demo` first"
    return Report.model_validate_json((RUN / "report.json").read_text(encoding="utf-8"))


def test_thinking_is_learnt(report: Report) -> None:
    accuracy = {(arm.name, arm.mode): arm.accuracy for arm in report.arms}
    trained = accuracy["minds_mirror", "think"]
    untrained = max(value or 0.0 for (name, _), value in accuracy.items() if name == "untrained")
    assert trained is not None and trained >= untrained + BETTER, accuracy
    assert {mode for name, mode in accuracy if name == "minds_mirror"} == {"predict", "think", "vote", "mirror"}
    assert all(arm.n == 100 for arm in report.arms)


def test_the_judge_is_measured(report: Report) -> None:
    judge = report.student_judge
    assert judge is not None and judge.arm == "minds_mirror" and judge.n > 100
    assert judge.auroc is not None and judge.auroc_ci95 is not None
    assert report.mirror_vs_vote is not None and report.findings


def test_no_figure_is_lost() -> None:
    document = json.loads((RUN / "report.json").read_text(encoding="utf-8"), parse_constant=lambda name: math.nan)
    assert [value for value in _numbers(document) if not math.isfinite(value)] == []


def test_the_page_is_not_empty(report: Report) -> None:
    page = (RUN / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert len(text.split()) > 300
    assert report.name in text and "minds_mirror" in text and "nan" not in text.lower().split()


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, float):
        yield value
