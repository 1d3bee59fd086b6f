"""Recipes that the package brings are found by name, from any folder; files go before names."""

from pathlib import Path

import pytest

import mindsmirror
from mindsmirror.errors import RecipeError, UnknownNameError
from mindsmirror.runs.shipped import RECIPES, purpose, recipe_file, shipped_recipes


def test_a_name_is_the_packages_recipe_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe_file("quickstart") == recipe_file(Path("quickstart")) == RECIPES / "quickstart.toml"
    recipe = mindsmirror.read_recipe("quickstart")
    assert recipe == mindsmirror.read_recipe(RECIPES / "quickstart.toml")
    assert Path(str(recipe.annotation.prompts)).is_file(), "its prompts are beside it"


def test_a_path_is_a_file_and_a_file_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert recipe_file("quickstart") == RECIPES / "quickstart.toml"
    for path in ("quickstart.toml", "runs/quickstart", "./quickstart/"):
        assert recipe_file(path) == Path(path) or path.startswith("./")
    (tmp_path / "quickstart").rmdir()
    (tmp_path / "quickstart").write_text("name = 'mine'")
    assert recipe_file("quickstart") == Path("quickstart")


def test_a_name_that_there_is_not_is_said_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"no shipped recipe is called 'quikstart'. Did you mean 'quickstart'\?"):
        mindsmirror.read_recipe("quikstart")
    with pytest.raises(RecipeError, match=r"cannot read the recipe quikstart\.toml"):
        mindsmirror.read_recipe("quikstart.toml")


def test_the_quickstarts_questions_are_those_of_the_generator() -> None:
    kept = mindsmirror.load_task(mindsmirror.read_recipe("quickstart").task.model_copy(update={"train": None}))
    parameters = {"min_animals": 2, "max_animals": 2, "min_instances": 1, "max_instances": 5}
    sizes = {split: len(getattr(kept.splits, split)) for split in ("train", "valid", "test")}
    assert sizes == {"train": 96, "valid": 40, "test": 100}, "48 to train on, and as many to reflect on"
    made = mindsmirror.load_task("reasoning_gym:leg_counting", parameters=parameters, **sizes)
    for (split, ours), (_, theirs) in zip(kept.splits.named(), made.splits.named(), strict=True):
        assert (ours.id, ours.text, ours.gold) == (theirs.id, theirs.text, theirs.gold), split
    assert kept.answers == made.answers


def test_each_says_in_one_sentence_what_it_is() -> None:
    purposes = [purpose(path) for path in shipped_recipes().values()]
    assert len(set(purposes)) == len(purposes) and all(each.endswith(".") for each in purposes)
