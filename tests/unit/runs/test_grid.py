"""Cells of a grid: their names, their order, what is run again, and what is refused before anything is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import RecipeError
from mindsmirror.runs.folder import Run
from mindsmirror.runs.grid import _split, cells
from mindsmirror.system.files import write_json

RECIPE = """
name = "leg"
task = { name = "reasoning_gym:leg_counting", train = 10, valid = 4, test = 10 }
student = { model = "smollm2-135m-instruct" }
training.budget.steps = 10
[[teacher]]
model = "t"
engine = "scripted"
[[arm]]
name = "cot"
method = "fine_tune_cot"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leg.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_every_combination_is_a_run_of_its_own(file: Path, tmp_path: Path) -> None:
    found = cells([file], tmp_path, (0, 1), ["training.budget.steps=20,5", "task.valid=4"])
    assert [cell.recipe.name for cell in found] == [
        "leg-steps5-valid4-seed0",
        "leg-steps5-valid4-seed1",
        "leg-steps20-valid4-seed0",
        "leg-steps20-valid4-seed1",
    ], "the cheap ones first"
    assert [cell.recipe.seed for cell in found] == [0, 1, 0, 1]
    assert {cell.recipe.task.seed for cell in found} == {0}, "the questions stay, unless new ones are asked for"
    assert [cell.recipe.training.budget.steps for cell in found] == [5, 5, 20, 20]
    assert found[0].folder == tmp_path / "leg-steps5-valid4-seed0"
    fresh = cells([file], tmp_path, (3,), new_questions=True)
    assert [(cell.recipe.seed, cell.recipe.task.seed) for cell in fresh] == [(3, 3)]
    assert [cell.recipe.name for cell in cells([file, file], tmp_path)] == ["leg"], "a plain recipe is a plain run"


def test_cheap_recipes_come_first_whatever_their_unit(file: Path, tmp_path: Path) -> None:
    budgets = "{ epochs = 40 },{ flops = 1e11 },{ steps = 2 },{ target_tokens = 30000 }"
    found = cells([file], tmp_path, settings=[f"training.budget={budgets}"])
    units = [next(iter(cell.recipe.training.budget.model_dump(exclude_none=True))) for cell in found]
    assert units == ["flops", "steps", "target_tokens", "epochs"]


def test_names_that_would_be_one_are_told_apart(file: Path, tmp_path: Path) -> None:
    found = cells([file], tmp_path, settings=["arm.0.name=a-b,a_b", "student.model=" + "x" * 120])
    names = {cell.recipe.name for cell in found}
    assert len(names) == 2 and all(len(name) == 100 for name in names)


def test_a_run_is_done_if_its_report_is_there_and_of_this_recipe(file: Path, tmp_path: Path) -> None:
    [cell] = cells([file], tmp_path)
    states = [cell.state]
    run = Run(cell.folder)
    begun = cell.recipe.labelled("gold", "all have it")
    run.begin(begun)
    states.append(cell.state)
    write_json(cell.folder / "report.json", {"provenance": {"recipe": begun.hash}})
    states.append(cell.state)
    assert states == ["new", "begun", "done"], "labels that the recipe does not name are those of the run"
    [changed] = cells([file], tmp_path, settings=["evaluation.samples=3"])
    assert changed.state == "new", "another setting is another run"
    run.begin(begun.model_copy(update={"seed": 9}))
    assert cell.state == "begun", "the report is of the recipe before"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["training.budget.steps"], "write KEY=VALUE or KEY=VALUE,VALUE"),
        (["training.budget.stepps=1,2"], "stepps"),
        (["training.budget.steps=1,x"], r"training.budget.steps"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_runs(
    file: Path, tmp_path: Path, settings: list[str], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        cells([file], tmp_path, settings=settings)
    assert [path.name for path in tmp_path.iterdir()] == ["leg.toml"]


def test_runs_that_would_be_the_same_are_refused_before_any_is_run(file: Path, tmp_path: Path) -> None:
    for settings in (["training.learning_rate=1e-3,0.001"], ["evaluation.batch=32,64"]):
        with pytest.raises(RecipeError, match="would hold the same arms with the same seed"):
            cells([file], tmp_path, (0, 1), settings)
    with pytest.raises(RecipeError, match="--seeds sets it"):
        cells([file], tmp_path, (3,), ["seed=1,2"])


def test_only_generated_questions_can_be_new(file: Path, tmp_path: Path) -> None:
    file.write_text(RECIPE.replace("reasoning_gym:leg_counting", "svamp"), encoding="utf-8")
    with pytest.raises(RecipeError, match="svamp has fixed questions"):
        cells([file], tmp_path, (0, 1), new_questions=True)


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ("1,2", ["1", "2"]),
        ("", [""]),
        ("['think', 'vote'],[\"mirror\"]", ["['think', 'vote']", '["mirror"]']),
        ("{ steps = 1 },{ epochs = 2 }", ["{ steps = 1 }", "{ epochs = 2 }"]),
        ("'a,b',\"c]\",d", ["'a,b'", '"c]"', "d"]),
    ],
)
def test_commas_within_a_value_do_not_part_it(raw: str, values: list[str]) -> None:
    assert list(_split(raw)) == values


@given(st.text())
def test_whatever_is_split_can_be_put_together_again(raw: str) -> None:
    assert ",".join(_split(raw)) == raw
