"""Every recipe in `recipes/` is one, and runs to its end with a scripted teacher and a tiny student."""

import json
import os
from pathlib import Path

import pytest
from end_to_end.console import mindsmirror
from end_to_end.material import write_rows

from mindsmirror.methods import method_named
from mindsmirror.recipe import read_recipe

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
DATA = Path(os.environ.get("MINDSMIRROR_DATA", ROOT.parent / "shared" / "data"))

FEW = ["task.train=6", "task.valid=2", "task.test=3", "training.budget={steps=2}", "training.precision=fp32"]
SMALL = ["evaluation.samples=2", "evaluation.max_tokens=12", "training.batch_tokens=512"]


def test_there_are_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"quickstart", "svamp-minds_mirror-smollm2"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_one(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert "untrained" not in {arm.name for arm in recipe.arm}
    assert path.read_text(encoding="utf-8").startswith("# "), "it says in its first line what it is"


def easy_questions(folder: Path) -> Path:
    """Questions that name their answer and no other number.

    The scripted teacher picks one of the question's numbers, so elsewhere it has nothing right to learn from.
    """
    splits = ["train"] * 6 + ["valid"] * 2 + ["test"] * 3
    rows = [
        {"question": f"What is the larger one of {n} and {n}?", "answer": str(n), "split": split}
        for n, split in enumerate(splits, start=3)
    ]
    return write_rows(folder / "easy.jsonl", rows)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_runs_to_its_end(path: Path, tmp_path: Path, llama: Path) -> None:
    recipe = read_recipe(path)
    settings = [*FEW, *SMALL, f"student.model={llama}"]
    for number in range(len(recipe.teacher)):
        settings += [f"teacher.{number}.engine=scripted", f"teacher.{number}.model=teacher"]
    if recipe.task.data_dir is not None:
        if not DATA.is_dir():
            pytest.skip(f"{recipe.task.name} needs benchmark data: {DATA} is no folder (MINDSMIRROR_DATA names it)")
        settings.append(f"task.data_dir={DATA}")
    if recipe.task.name.startswith("reasoning_gym:"):
        pytest.importorskip("reasoning_gym")
    if any(method_named(arm.method).needs.gold or arm.select == "right" for arm in recipe.arm):
        settings += [f"task.name={easy_questions(tmp_path)}", "task.parameters={}"]
    arguments = [part for key in settings for part in ("--set", key)]
    ended = mindsmirror("run", path, "--json", *arguments, cwd=tmp_path)
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert {arm["n"] for arm in report["arms"]} == {3}
    assert {arm["name"] for arm in report["arms"]} == {"untrained", *(arm.name for arm in recipe.arm)}
    trained = [arm["training"] for arm in report["arms"] if arm["name"] != "untrained"]
    assert all(took["steps"] == 2 and 0 < took["target_tokens"] < took["tokens"] for took in trained)
    assert all(0 < took["computed_tokens"] < took["flops"] for took in trained)
    assert report["annotation"]["rationales"] == 8 * recipe.annotation.rationales
    assert (tmp_path / "runs" / recipe.name / "report.html").is_file()
