"""Whatever stands in a recipe, it is one or is refused clearly."""

import copy
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from unit.test_recipe import PLAIN

from mindsmirror.errors import MindsMirrorError, RecipeError
from mindsmirror.recipe import Recipe, _override, make_recipe

JARGON = re.compile(r"Input should|String should|Tuple should|pattern|<class|instance of|[Uu]nable to")
"""Of pydantic's messages: none of it is for whoever writes a recipe."""
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
    "arm.0.alpha",
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


def _recipe_or_refusal(document: dict[str, Any]) -> None:
    try:
        assert isinstance(make_recipe(document), Recipe)
    except MindsMirrorError as error:
        assert str(error).strip()
        assert not JARGON.search(str(error)), str(error)
