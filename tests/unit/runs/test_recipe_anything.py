"""Whatever stands in a recipe, it is one or is refused clearly."""

import copy
import re
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from unit.runs.test_recipe import PLAIN, with_change

from mindsmirror.engines import engine_class, engine_names
from mindsmirror.errors import MindsMirrorError, RecipeError
from mindsmirror.methods import BUILT_IN, method_named
from mindsmirror.runs.recipe import Recipe, _override, make_recipe

JARGON = re.compile(r"Input should|String should|Tuple should|pattern|<class|instance of|[Uu]nable to")
"""Of pydantic's messages: none of it is for whoever writes a recipe."""
OPTIONS = {name: engine_class(name).options for name in engine_names()}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
PLACES = ["name", "seed", "task", "teacher", "annotation", "judge", "student", "training", "arm", "evaluation"]
INNER = [
    "task.parameters",
    "teacher.0.parameters",
    "training.budget",
    "arm.1.alpha",
    "arm.1.select",
    "arm.0",
    "teacher.0",
    "student.path",
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_there_is_a_recipe_or_a_clear_refusal(place: str, value: Any) -> None:
    document = copy.deepcopy(PLAIN)
    document[place] = value
    _recipe_or_refusal(document)


@given(st.sampled_from(INNER), JSON)
def test_whatever_stands_deeper_is_a_recipe_or_a_clear_refusal(place: str, value: Any) -> None:
    document = copy.deepcopy(PLAIN)
    table: Any = document
    *parents, last = place.split(".")
    for part in parents:
        table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
    if isinstance(table, list):
        table[int(last)] = value
    else:
        table[last] = value
    _recipe_or_refusal(document)


@given(st.text(max_size=30) | st.tuples(st.sampled_from([*PLACES, *INNER]), st.text(max_size=8)).map("=".join))
def test_whatever_is_set_is_a_recipe_or_a_clear_refusal(override: str) -> None:
    document = copy.deepcopy(PLAIN)
    try:
        _override(document, override)
    except RecipeError as error:
        assert override in str(error)
        return
    _recipe_or_refusal(document)


HUGE = st.sampled_from([2**31, 2**63 - 1, 2**64, 10**12, 10**400, 1e308, float("inf"), float("nan"), -1e308])
NAMES = st.sampled_from(["n" * 300, "~nobody-at-all/x.jsonl", "a\0b", "/" * 5000, "x/" * 10 + "y" * 256, "\ud800"])


def numbers(model: type[BaseModel], at: str = "") -> Iterator[str]:
    """The places of all numbers of a table, and of the tables in it."""
    for name, field in model.model_fields.items():
        place = f"{at}.{name}".removeprefix(".")
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from numbers(kind, f"{place}.0" if name in ("teacher", "arm") else place)
            elif kind in (int, float):
                yield place


ARMS = [method_named(name).settings for name in BUILT_IN]
NUMBERS = sorted(
    set(numbers(Recipe))
    | {f"teacher.0.parameters.{n}" for kind in OPTIONS.values() for n in numbers(kind)}
    | {f"arm.1.{n}" for settings in ARMS for n in numbers(settings)}
)


def test_every_number_of_a_recipe_has_a_largest() -> None:
    """So that none is added without one: what is above it is refused, whatever else stands in the recipe."""
    assert {"seed", "evaluation.samples", "training.budget.steps", "teacher.0.price.input", "arm.1.alpha"} <= set(
        NUMBERS
    )
    models: list[type[BaseModel]] = [Recipe, *OPTIONS.values(), *ARMS]
    for model in models:
        assert list(unbounded(model)) == []


def unbounded(model: type[BaseModel]) -> Iterator[str]:
    """The numbers of a table, and of the tables in it, that have no upper bound."""
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *typing.get_args(field.annotation))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from unbounded(kind)
        ends = ("le", "lt", "max_length")
        bounded = any(getattr(each, end, None) is not None for each in field.metadata for end in ends)
        if (int in kinds or float in kinds) and not bounded:
            yield f"{model.__name__}.{name}"


@given(st.sampled_from(NUMBERS), HUGE)
def test_a_number_that_is_far_too_large_is_a_clear_refusal(place: str, value: float) -> None:
    document = with_change(place, value)
    for engine in OPTIONS if "parameters" in place else ["scripted"]:
        document["teacher"][0]["engine"] = engine
        _recipe_or_refusal(document)


@given(
    st.sampled_from(
        [
            "name",
            "task.name",
            "task.data_dir",
            "teacher.0.path",
            "teacher.0.model",
            "student.model",
            "student.path",
            "arm.0.name",
            "annotation.store",
            "annotation.prompts",
            "annotation.file",
        ]
    ),
    NAMES,
)
def test_a_name_that_is_no_name_of_a_file_is_a_clear_refusal(place: str, value: str) -> None:
    _recipe_or_refusal(with_change(place, value))


def _recipe_or_refusal(document: dict[str, Any]) -> None:
    try:
        assert isinstance(make_recipe(document), Recipe)
    except MindsMirrorError as error:
        assert str(error).strip()
        assert not JARGON.search(str(error)), str(error)
