"""The page of a comparison: offline, escaped, and complete where things are missing."""

import random
from pathlib import Path

import pytest
from planted_runs import planted, recipe
from unit.reporting.test_page import HOSTILE, Page, assert_offline

from mindsmirror.reporting.comparison_page import render_comparison
from mindsmirror.reporting.comparison_schema import ComparisonReport
from mindsmirror.runs.comparison import compare_runs


@pytest.fixture
def report(tmp_path: Path) -> ComparisonReport:
    draw = random.Random(0)
    folders = []
    for seed in (0, 1, 2):
        think, vote = ("".join(draw.choice("+-") for _ in range(40)) for _ in range(2))
        said = {"labels": {"predict": "-" * 40}, "mirror": {"think": think, "vote": vote, "mirror": vote}}
        folders.append(planted(tmp_path, recipe(f"study-{seed}", seed, seed), said, samples=3))
    return compare_runs(folders, tmp_path / "out", failed={"study-9": "the disk is full."})


def test_the_page_shows_each_seed_and_all_together(report: ComparisonReport) -> None:
    source = render_comparison(report)
    assert_offline(source)
    text = Page(source).text
    row = next(row for row in report.arms if row.mode == "vote")
    for each in row.by_seed.values():
        assert f"{100 * (each.accuracy or 0):.1f}" in text
    for shown in ("study-0, study-1, study-2", "new seeds", "Warning: study-9 is missing: the disk is full.", "120"):
        assert shown in text, shown
    assert source.count('class="seeds"') == 2 * len(report.arms), "strokes for the seeds, on laptop and phone"


def test_what_others_wrote_is_escaped(report: ComparisonReport) -> None:
    arms = tuple(row.model_copy(update={"arm": HOSTILE, "mode": HOSTILE, "method": HOSTILE}) for row in report.arms)
    changed = {"name": HOSTILE, "tasks": (HOSTILE,), "findings": (HOSTILE,), "baseline": HOSTILE, "arms": arms}
    source = render_comparison(report.model_copy(update=changed))
    assert_offline(source)
    assert "<script" not in source


def test_a_page_without_gold_and_without_comparisons_is_whole(tmp_path: Path) -> None:
    folder = planted(tmp_path, recipe("r", arms=["cot"]), {"cot": {"think": "???"}})
    bare = compare_runs([folder], tmp_path / "out")
    assert bare.findings == ("No test question has a known answer.",)
    assert_offline(render_comparison(bare))
