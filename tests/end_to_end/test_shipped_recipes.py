"""Every shipped recipe is one, and runs to its end with a scripted teacher and a tiny student of its kind."""

import json
from pathlib import Path

import pytest
import tiny_t5
from end_to_end.console import mindsmirror
from end_to_end.material import easy_questions, write_rows

from mindsmirror.errors import DataError
from mindsmirror.methods import method_named
from mindsmirror.runs.recipe import read_recipe
from mindsmirror.runs.schema import PUBLISHED
from mindsmirror.runs.shipped import shipped_recipes
from mindsmirror.tasks import task_names

RECIPES = list(shipped_recipes().values())
BENCHMARKS = [path for path in RECIPES if read_recipe(path).task.name in task_names()]

FEW = ["task.train=6", "task.valid=2", "task.test=3", "training.budget={steps=2}", "training.precision=fp32"]
SMALL = ["evaluation.samples=2", "evaluation.max_tokens=12", "training.batch_tokens=512"]


def test_there_are_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"quickstart", "svamp-minds_mirror-smollm2", "svamp-minds_mirror-t5"}
    assert len(BENCHMARKS) >= 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_one(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert "untrained" not in {arm.name for arm in recipe.arm}
    schema, about = path.read_text(encoding="utf-8").splitlines()[:2]
    assert (path.parent / schema.removeprefix("#:schema ")).samefile(PUBLISHED)
    assert about.startswith("# "), "it says in a line what it is"
    assert recipe.task.data_dir is None, "it names a folder that only its author has"


def svamp(folder: Path) -> Path:
    """A data folder with as many problems as SVAMP has, in its form."""
    (folder / "svamp").mkdir(parents=True)
    rows = [
        {"id": f"chal-{n}", "body": f"Dan had {n + 3} pens.", "question": "How many?", "equation": f"( {n + 3} - 3 )"}
        for n in range(1, 1001)
    ]
    write_rows(folder / "svamp" / "all.jsonl", rows)
    return folder


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_runs_to_its_end(path: Path, tmp_path: Path, llama: Path) -> None:
    recipe = read_recipe(path)
    student = tiny_t5.write(tmp_path / "t5") if "t5" in recipe.student.model else llama
    settings = [*FEW, *SMALL, f"student.model={student}"]
    for number in range(len(recipe.teacher)):
        settings += [f"teacher.{number}.engine=scripted", f"teacher.{number}.model=teacher"]
    # An arm that needs right rationales needs questions that the scripted teacher can answer.
    easy = any(method_named(arm.method).needs.gold or getattr(arm, "rule", "all") == "right" for arm in recipe.arm)
    if easy:
        settings += [f"task.name={easy_questions(tmp_path)}", "task.parameters={}"]
    arguments = [part for key in settings for part in ("--set", key)]
    data = {"MINDSMIRROR_DATA": str(svamp(tmp_path / "data"))}
    ended = mindsmirror("run", path, "--json", *arguments, cwd=tmp_path, environment=data)
    assert ended.code == 0, ended.err
    if path in BENCHMARKS and not easy:
        assert f"svamp: read from {tmp_path / 'data'} (MINDSMIRROR_DATA)" in ended.err
    report = json.loads(ended.out)
    assert {arm["n"] for arm in report["arms"]} == {3}
    assert {arm["name"] for arm in report["arms"]} == {"untrained", *(arm.name for arm in recipe.arm)}
    trained = {arm["name"]: arm["training"] for arm in report["arms"] if arm["name"] != "untrained"}
    assert all(0 < took["target_tokens"] < took["tokens"] for took in trained.values())
    # A judge as an adapter takes steps of its own. An arm that reflects is trained three times, a step each.
    for arm in recipe.arm:
        took, own = trained[arm.name], "self_evaluation" if getattr(arm, "schedule", "") == "adapter" else ""
        steps = [each["steps"] for each in took["stages"] if each["stage"] != own]
        assert sum(steps) == (3 if took["reflection"] else 2)
    assert all(0 < took["computed_tokens"] < took["flops"] for took in trained.values())
    assert report["annotation"]["rationales"] == 8 * recipe.annotation.rationales
    assert (tmp_path / "runs" / recipe.name / "report.html").is_file()


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_without_local_data_a_recipe_reads_the_hub_and_says_how_to_do_without(path: Path, tmp_path: Path) -> None:
    """The hub is refused here by HF_HUB_OFFLINE."""
    missing = {"MINDSMIRROR_DATA": "", "HF_HOME": str(tmp_path / "empty")}
    ended = mindsmirror("annotate", path, cwd=tmp_path, environment=missing)
    assert ended.code == DataError.exit_code
    assert "svamp: reading ChilleD/SVAMP@5e0bf1e5e7c0e9c4bc39180d224f41f3f801b7ef from the hub" in ended.err
    (error,) = ended.errors
    assert "the hub cannot be reached" in error
    assert "set MINDSMIRROR_DATA to a folder that holds 'svamp', or data_dir in [task]" in error
