"""Recipes from files: overrides, relative paths, and files that are no recipes."""

from pathlib import Path
from typing import Any

import pytest

from mindsmirror.errors import RecipeError
from mindsmirror.runs.recipe import read_recipe

TEXT = """
name = "plain"
[task]
name = "svamp"
[[teacher]]
model = "teacher"
engine = "scripted"
[student]
model = "smollm2-135m-instruct"
[[arm]]
name = "labels"
method = "standard"
[[arm]]
name = "mirror"
method = "minds_mirror"
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("training.learning_rate=3e-4", lambda recipe: recipe.training.learning_rate == 3e-4),
        ("training.budget={ steps = 4 }", lambda recipe: recipe.training.budget.steps == 4),
        ("arm.1.alpha=0.25", lambda recipe: recipe.arm[1].alpha == 0.25),
        ("teacher.0.parameters.capacity=3", lambda recipe: recipe.teacher[0].parameters == {"capacity": 3}),
        ("name=other", lambda recipe: recipe.name == "other"),
        ('name="other"', lambda recipe: recipe.name == "other"),
        ("task.name=a=b.jsonl", lambda recipe: recipe.task.name == "a=b.jsonl"),
        ("evaluation.modes=['vote']", lambda recipe: recipe.evaluation.modes == ("vote",)),
        ("evaluation.untrained=false", lambda recipe: recipe.evaluation.untrained is False),
        (" seed =5", lambda recipe: recipe.seed == 5),
    ],
)
def test_overrides(plain: Path, override: str, found: Any) -> None:
    assert found(read_recipe(plain, [override]))


def test_the_last_override_wins(plain: Path) -> None:
    assert read_recipe(plain, ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    "override",
    ["nonsense", "arm.7.alpha=1", "arm.x.alpha=1", "arm.alpha=1", "name.first=1", "seed.x=1", "=1", "arm.0=1"],
)
def test_an_override_of_nonsense_is_quoted(plain: Path, override: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(plain, [override])
    assert override in str(caught.value) or str(plain) in str(caught.value)


def test_a_misspelt_override_suggests_the_key(plain: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no key 'training.learnin_rate'.*Did you mean 'learning_rate'"):
        read_recipe(plain, ["training.learnin_rate=1"])


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot read the recipe .*nowhere.toml"):
        read_recipe(tmp_path / "nowhere.toml")
    with pytest.raises(RecipeError, match=r"cannot read the recipe"):
        read_recipe(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    with pytest.raises(RecipeError, match=r"broken.toml is not TOML: .*line 1"):
        read_recipe(broken)
    broken.write_bytes(b"name = '\xff'")
    with pytest.raises(RecipeError, match=r"cannot read the recipe .*broken.toml"):
        read_recipe(broken)


def test_relative_paths_lead_beside_the_recipe_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder in (beside, here):
        folder.mkdir()
        (folder / "words.jsonl").touch()
        (folder / "data").mkdir()
    (beside / "mine.toml").touch()
    (beside / "model").mkdir()
    (beside / "file.gguf").touch()
    (here / "only-here.jsonl").touch()
    path = beside / "recipe.toml"
    path.write_text(TEXT)
    monkeypatch.chdir(here)
    settings = [
        "task.name=words.jsonl",
        "task.data_dir=data",
        "annotation.prompts=mine.toml",
        "student.model=model",
        "teacher.0.path=file.gguf",
    ]
    recipe = read_recipe(path, settings)
    assert recipe.task.name == str(beside / "words.jsonl")
    assert recipe.task.data_dir == beside / "data"
    assert recipe.annotation.prompts == str(beside / "mine.toml")
    assert recipe.student.model == str(beside / "model")
    assert recipe.teacher[0].path == beside / "file.gguf"
    assert read_recipe(path, ["task.name=only-here.jsonl"]).task.name == "only-here.jsonl"


def test_names_are_names_even_where_a_folder_beside_the_recipe_is_called_so(tmp_path: Path) -> None:
    for name in ("svamp", "number", "smollm2-135m-instruct", "teacher"):
        (tmp_path / name).mkdir()
    path = tmp_path / "recipe.toml"
    path.write_text(TEXT)
    recipe = read_recipe(path, ["annotation.prompts=number"])
    assert (recipe.task.name, recipe.annotation.prompts) == ("svamp", "number")
    assert (recipe.student.model, recipe.teacher[0].model) == ("smollm2-135m-instruct", "teacher")
