"""Runs compared from their folders: what is one arm, which seeds it has, what is found and what is not."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from planted_runs import planted, recipe

from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.evaluation.statistics import mcnemar
from mindsmirror.reporting.comparison_schema import ComparisonReport
from mindsmirror.runs.comparison import compare_runs

N = 80


def marks(share: float, draw: random.Random, n: int = N) -> str:
    return "".join("+" if draw.random() < share else "-" for _ in range(n))


def mended(before: str, share: float, draw: random.Random) -> str:
    """So many of the wrong answers put right."""
    return "".join("+" if mark == "-" and draw.random() < share else mark for mark in before)


def study(runs: Path, seed: int, gain: float = 0.4, own_questions: bool = True, **more: Any) -> Path:
    """A run in which mirror is better than vote and think is as good as it; labels are learnt badly."""
    draw = random.Random(seed)
    vote = marks(0.5, draw)
    said = {
        "untrained": {"predict": marks(0.02, draw), "think": marks(0.02, draw)},
        "labels": {"predict": marks(0.1, draw)},
        "mirror": {"predict": marks(0.1, draw), "think": vote, "vote": vote, "mirror": mended(vote, gain, draw)},
    }
    return planted(runs, recipe(f"study-{seed}", seed, seed if own_questions else 0, **more), said, samples=4)


def test_what_was_planted_is_said_and_nothing_else(tmp_path: Path) -> None:
    folders = [study(tmp_path, seed) for seed in (0, 1, 2)]
    report = compare_runs(folders, tmp_path / "out")
    assert [(c.a, c.mode_a, c.b, c.mode_b, c.planned) for c in report.comparisons] == [
        ("mirror", "mirror", "mirror", "vote", True),
        ("mirror", "mirror", "mirror", "think", True),
        ("mirror", "think", "labels", "predict", True),
    ]
    assert all(c.shown and c.difference > 0 and c.n == 3 * N and c.questions == 3 * N for c in report.comparisons)
    assert report.findings[0].startswith('Arm "mirror" in mode mirror is better than arm "mirror" in mode vote: ')
    assert "(for new seeds " in report.findings[0]
    row = next(row for row in report.arms if (row.arm, row.mode) == ("mirror", "vote"))
    assert row.accuracy == pytest.approx(sum((r.accuracy or 0) * r.n for r in row.by_seed.values()) / (3 * N))
    assert list(row.by_seed) == ["0", "1", "2"] and row.budget == '{"epochs": 3.0}'
    assert report.judges[0].overall.n == 12 * N
    assert any("is not shown to be above chance" in each for each in report.findings), "its scores are noise"
    again = ComparisonReport.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert again == report


def test_where_nothing_was_planted_nothing_is_claimed(tmp_path: Path) -> None:
    report = compare_runs([study(tmp_path, seed, gain=0.0) for seed in (0, 1)], tmp_path / "out")
    same = report.comparisons[:2]
    assert [c.difference for c in same] == [0.0, 0.0]
    assert all(c.ci95[0] < 0 < c.ci95[1] and c.p_mcnemar == 1.0 and not c.shown for c in same)
    assert "do not differ measurably" in report.findings[0]


def test_a_question_that_several_seeds_were_asked_is_one_cluster(tmp_path: Path) -> None:
    """Three seeds that say the same of the same questions tell as much as one; of questions of their own, more."""
    said = {"mirror": {"think": "+-" * 20, "vote": "+-" * 20, "mirror": "+-" * 10 + "++" * 10}}
    same = [planted(tmp_path, recipe(f"same-{s}", s, 0, ["mirror"]), said) for s in (0, 1, 2)]
    own = [planted(tmp_path, recipe(f"own-{s}", s, s, ["mirror"]), said) for s in (0, 1, 2)]
    one, three, apart = (compare_runs(each, tmp_path / "out").comparisons[0] for each in (same[:1], same, own))
    assert one.p_mcnemar == three.p_mcnemar == mcnemar(10, 0)
    assert three.ci95 == pytest.approx(one.ci95) and (three.n, three.questions) == (120, 40)
    assert apart.p_mcnemar == mcnemar(30, 0) and apart.ci95[0] > three.ci95[0] and apart.questions == 120


def test_arms_of_one_name_are_told_apart_by_their_settings_and_only_equal_budgets_are_planned(tmp_path: Path) -> None:
    folders = []
    for steps in (100, 200):
        for seed in (0, 1):
            own = recipe(f"{steps}-{seed}", seed, arms=["cot"], training={"budget": {"steps": steps}})
            folders.append(planted(tmp_path, own, {"cot": {"think": "+-" * 10}}))
    report = compare_runs(folders, tmp_path / "out")
    names = ['cot (training.budget = {"steps": 100})', 'cot (training.budget = {"steps": 200})']
    assert [row.arm for row in report.arms] == names and report.baseline == names[0]
    [made] = report.comparisons
    assert (made.a, made.b, made.planned, made.equal_budget) == (names[1], names[0], False, False)
    assert compare_runs(folders, tmp_path / "out", baseline=names[1]).comparisons[0].b == names[1]
    assert compare_runs(folders, tmp_path / "out", baseline="cot").baseline == names[0]


def test_recipes_name_what_their_arms_are_held_against(tmp_path: Path) -> None:
    """Of arms that are told apart by a setting, each is held against that of its own runs."""
    folders = []
    for steps in (100, 200):
        named: dict[str, list[str]] = {"one": [], "two": ["one"], "three": ["two"]}
        own = recipe(
            f"{steps}",
            arm=[{"name": n, "method": "minds_mirror", "labels": "gold", "against": a} for n, a in named.items()],
            training={"budget": {"steps": steps}},
        )
        folders.append(planted(tmp_path, own, {name: {"think": "+-" * 10} for name in named}))
    report = compare_runs(folders, tmp_path / "out")
    assert report.baseline is None
    held = [[side.split(" (training.budget = ") for side in (c.a, c.b)] for c in report.comparisons]
    assert all(a[1] == b[1] for a, b in held)
    assert [(a[0], b[0]) for a, b in held] == [("two", "one"), ("three", "two")] * 2
    assert all(c.planned for c in report.comparisons)
    asked = compare_runs(folders[:1], tmp_path / "out", baseline="one")
    assert [(c.a, c.b) for c in asked.comparisons] == [("two", "one"), ("three", "one")]


def test_what_is_asked_beside_makes_no_other_arm(tmp_path: Path) -> None:
    """The untrained student need not be asked by every seed."""
    said = {"untrained": {"predict": "-" * 20}, "cot": {"think": "+-" * 10}}
    folders = [planted(tmp_path, recipe("one", 0, arms=["cot"]), said)]
    more: dict[str, Any] = {
        "evaluation": {"untrained": False, "batch": 8, "judge_baselines": True},
        "training": {"trackers": ["tensorboard"]},
    }
    folders.append(planted(tmp_path, recipe("two", 1, arms=["cot"], **more), {"cot": said["cot"]}))
    report = compare_runs(folders, tmp_path / "out")
    assert [(row.arm, list(row.by_seed)) for row in report.arms] == [("untrained", ["0"]), ("cot", ["0", "1"])]
    assert len(set(report.findings)) == len(report.findings)


def test_a_file_is_the_same_wherever_it_lies_and_not_whatever_it_is_called(tmp_path: Path) -> None:
    """Two machines keep the package, and with it a recipe's prompts, in folders of their own."""
    said = {"cot": {"think": "+-" * 10}}
    prompts = ("/one/prompts/legs.toml", "/other/env/prompts/legs.toml", "/one/prompts/wings.toml")
    folders = [
        planted(tmp_path, recipe(f"r{n}", n, arms=["cot"], annotation={"prompts": each}), said)
        for n, each in enumerate(prompts)
    ]
    assert [list(row.by_seed) for row in compare_runs(folders[:2], tmp_path / "out").arms] == [["0", "1"]]
    apart = compare_runs(folders[1:], tmp_path / "apart").arms
    assert [row.arm for row in apart] == [
        "cot (annotation.prompts = legs.toml)",
        "cot (annotation.prompts = wings.toml)",
    ]


def test_seeds_of_questions_are_named_where_a_seed_has_several(tmp_path: Path) -> None:
    said = {"cot": {"think": "+-" * 10}}
    folders = [planted(tmp_path, recipe(f"r{q}", 0, q, ["cot"]), said) for q in (3, 4)]
    assert list(compare_runs(folders, tmp_path / "out").arms[0].by_seed) == ["0, questions 3", "0, questions 4"]


def test_what_cannot_be_compared_is_refused_by_name(tmp_path: Path) -> None:
    said = {"cot": {"think": "+-"}}
    one, twin = (planted(tmp_path, recipe(name, arms=["cot"]), said) for name in ("one", "twin"))
    with pytest.raises(DataError, match=r"one and .*twin hold the same arm 'cot' with the same seed 0"):
        compare_runs([one, twin], tmp_path / "out")
    with pytest.raises(UnknownNameError, match=r"no arm is called 'cott'.* Did you mean 'cot'"):
        compare_runs([one], tmp_path / "out", baseline="cott")
    (one / "predictions" / "cot" / "done.json").unlink()
    with pytest.raises(DataError, match="one has no predictions yet"):
        compare_runs([one], tmp_path / "out")
    strange = planted(tmp_path, recipe("strange", arms=["cot"]), said)
    path = strange / "predictions" / "cot" / "think.jsonl"
    path.write_text(path.read_text().replace('"q1"', '"q9"'))
    with pytest.raises(DataError, match="question 'q9', which is none of its test questions"):
        compare_runs([strange], tmp_path / "out")


def test_equal_questions_of_one_test_are_two_answers_and_one_question(tmp_path: Path) -> None:
    folder = planted(tmp_path, recipe("r", arms=["cot"]), {"cot": {"think": "+-+-"}})
    path = folder / "task" / "test.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    documents = [json.loads(line) | {"text": "The same?"} for line in lines]
    path.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in documents).encode()))
    [row] = compare_runs([folder], tmp_path / "out").arms
    assert (row.n, row.questions, row.accuracy) == (4, 1, 0.5)
