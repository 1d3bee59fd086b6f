"""The reference and the recipe's schema say what the code says, and the schema accepts the recipes that are recipes."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from json_schema import faults

from docs import ROOT, blocks, table
from mindsmirror.cli.main import exit_codes
from mindsmirror.errors import MindsMirrorError
from mindsmirror.reference.pages import FOLDER, stale_pages
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.runs.schema import recipe_schema
from mindsmirror.runs.shipped import shipped_recipes

GUIDE = ROOT / "docs" / "guide" / "recipe.md"
RECIPES = shipped_recipes()
SCHEMA = recipe_schema()


def test_the_reference_is_not_stale() -> None:
    stale = [str(path.relative_to(ROOT)) for path in stale_pages()]
    assert stale == [], "run `make reference` (python -m mindsmirror.reference), look at what changed, and commit it"


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every recipe that is shipped or shown whole."""
    for name, path in RECIPES.items():
        yield name, tomllib.loads(path.read_text(encoding="utf-8"))
    for block in blocks("toml"):
        if "name" in tomllib.loads(block.text):
            yield block.name, tomllib.loads(block.text)


@pytest.mark.parametrize("document", [pytest.param(each, id=name) for name, each in documents()])
def test_the_schema_accepts_a_recipe(document: Mapping[str, Any]) -> None:
    assert list(faults(document, SCHEMA, SCHEMA)) == []


def test_the_schema_accepts_every_default() -> None:
    """A recipe as it is written down, with all of its keys."""
    recipe = make_recipe(dict(documents())["quickstart"])
    assert list(faults(recipe.model_dump(mode="json", exclude_none=True), SCHEMA, SCHEMA)) == []


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("sede",), 1, ".sede: not known"),
        (("seed",), -1, ".seed: minimum 0"),
        (("seed",), "none", ".seed: no integer"),
        (("task",), {}, ".task.name: missing"),
        (("arm",), [], ".arm: minimum 1"),
        (("arm", 0, "method"), "mirror", ".arm.0.method: not one of"),
        (("arm", 1, "alpha"), 1.5, ".arm.1.alpha: maximum 1"),
        (("arm", 0, "alpha"), 0.5, ".arm.0.alpha: not known"),
        (("annotation", "budget"), {"usd": "two"}, ".annotation.budget.usd: no number"),
        (("training", "budget", "step"), 10, ".training.budget.step: not known"),
        (("teacher", 0, "engine"), "onnx", ".teacher.0.engine: not one of"),
        (("teacher", 0, "parameters"), {"slots": 4}, ".teacher.0.parameters.slots: not known"),
        (("teacher", 0), {"model": "m", "parameters": {"cache_gb": 0}}, ".teacher.0.parameters.cache_gb: minimum 1"),
        (("teacher", 0), {"model": "m", "engine": "openai", "parameters": {"retries": -1}}, "retries: minimum 0"),
        (("arm", 0, "alpha"), 0.5, ".arm.0.alpha: not known"),
        (("arm", 1, "unlikelihood"), 0.5, ".arm.1.unlikelihood: not known"),
        (("evaluation", "modes"), ["think", "dream"], ".evaluation.modes.1: not one of"),
    ],
)
def test_the_schema_refuses_what_the_recipe_refuses(place: tuple[Any, ...], value: Any, fault: str) -> None:
    document = tomllib.loads(RECIPES["quickstart"].read_text(encoding="utf-8"))
    table = document
    for part in place[:-1]:
        table = table[part]
    table[place[-1]] = value
    assert any(fault in each for each in faults(document, SCHEMA, SCHEMA)), list(faults(document, SCHEMA, SCHEMA))
    with pytest.raises(MindsMirrorError):
        make_recipe(document)


def test_the_reference_has_every_table_and_key() -> None:
    text = (FOLDER / "recipe.md").read_text(encoding="utf-8")
    for name, field in Recipe.model_fields.items():
        assert f"`{name}`" in text or f"`[{name}]`" in text or f"`[[{name}]]`" in text, (name, field)


def test_the_guides_exit_codes_are_those_of_the_code() -> None:
    rows = {int(code): meaning for code, meaning in table(GUIDE, "code", "meaning")}
    assert rows == {code: meaning for code, (meaning, _) in exit_codes().items()}
