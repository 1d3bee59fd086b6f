"""An arm is checked by the settings of its method: its keys, the keys of others, and what is written down."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from mindsmirror.errors import RecipeError, UnknownNameError
from mindsmirror.methods import BUILT_IN, ArmConfig, Method, method_named, read_arm
from mindsmirror.methods.settings import DistinctSettings
from mindsmirror.records import Annotation, Stage
from mindsmirror.runs.recipe import Recipe, make_recipe, read_recipe
from mindsmirror.system import plugins
from mindsmirror.tasks.base import Task

SET: Mapping[str, Mapping[str, Any]] = {
    "standard": {},
    "step_by_step": {"alpha": 0.25, "select": "majority"},
    "multi_cot": {"form": "published", "distinct": 2},
    "minds_mirror": {"schedule": "replayed", "verdict_weights": "even", "form": "published"},
    "fine_tune_cot": {"distinct": 3},
    "edit": {"unlikelihood": 0.5},
    "dynsdpb": {"agreement": {"weight": 2.0, "dynamic": False}},
    "foreign": {"strength": 0.75, "distinct": 4},
}
"""Settings that are not the defaults, by method."""


class Foreign(Method["ForeignSettings"]):
    """A method of another package."""

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: "ForeignSettings") -> tuple[Stage, ...]:
        return ()


class ForeignSettings(DistinctSettings):
    """A key of its own beside one that it shares."""

    strength: float = Field(0.5, ge=0, le=1)


Foreign.settings = ForeignSettings


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("foreign", f"{__name__}:Foreign", "mindsmirror.methods"),
            EntryPoint("broken", "no_such_module:Nothing", "mindsmirror.methods"),
        ]
    )
    monkeypatch.setattr(plugins, "entry_points", points.select)


def recipe(*arms: Mapping[str, Any] | ArmConfig, **tables: Any) -> dict[str, Any]:
    return {
        "name": "plain",
        "task": {"name": "svamp"},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "student": {"model": "smollm2-135m-instruct"},
        "annotation": {"rectified": 1, "corrupted": 1},
        "arm": list(arms),
        **tables,
    }


def refusal(method: str, **settings: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        make_recipe(recipe({"name": "mine", "method": method, **settings}), "mine.toml")
    return str(caught.value)


def test_every_method_is_tried_here() -> None:
    assert set(SET) == {*BUILT_IN, "foreign"}


@pytest.mark.parametrize("method", SET)
def test_an_arm_has_the_settings_of_its_method_and_reads_back_as_the_same(method: str) -> None:
    given = {"name": "mine", "method": method, **SET[method]}
    made = make_recipe(recipe(given))
    [arm] = made.arm
    assert type(arm) is method_named(method).settings
    written = arm.model_dump()
    for key, value in SET[method].items():
        assert written[key] == value or value.items() <= written[key].items()
    for again in (
        make_recipe(json.loads(made.model_dump_json(exclude_none=True))),
        make_recipe(made.model_dump(mode="json", exclude_unset=True)),
        make_recipe(recipe(arm)),
    ):
        assert again == made and again.hash == made.hash
    labelled = made.labelled("gold", "because")
    assert labelled.arm[0] == arm.model_copy(update={"labels": "gold"}) and type(labelled.arm[0]) is type(arm)


@pytest.mark.parametrize(
    ("method", "change", "value"),
    [("step_by_step", "alpha=0.75", 0.75), ("edit", "unlikelihood=2", 2.0), ("foreign", "strength=1", 1.0)],
)
def test_a_setting_can_be_set_from_the_command_line(method: str, change: str, value: float, tmp_path: Any) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        f"""name = "plain"
task = {{ name = "svamp" }}
teacher = [{{ model = "t", engine = "scripted" }}]
student = {{ model = "smollm2-135m-instruct" }}
annotation = {{ rectified = 1, corrupted = 1 }}
arm = [{{ name = "mine", method = "{method}" }}]
""",
        encoding="utf-8",
    )
    key = change.partition("=")[0]
    assert read_recipe(path, f"arm.0.{change}").arm[0].model_dump()[key] == value
    with pytest.raises(
        RecipeError, match=rf"arm\.0\.{key}x: .*has no key '{key}x' \(arm 'mine'\)\. Did you mean '{key}'\?"
    ):
        read_recipe(path, f"arm.0.{key}x=1")


def test_an_unknown_key_names_arm_method_the_nearest_key_and_all_that_there_are() -> None:
    said = refusal("edit", unlikelyhood=0.1)
    assert said.startswith("mine.toml: arm.0.unlikelyhood: method 'edit' has no key 'unlikelyhood' (arm 'mine').")
    assert "Did you mean 'unlikelihood'?" in said
    assert said.endswith("Keys of 'edit': name, method, labels, against, reflect, distinct, unlikelihood.")


@pytest.mark.parametrize(
    ("method", "settings", "readers"),
    [
        ("standard", {"distinct": 2}, "step_by_step, multi_cot, minds_mirror, fine_tune_cot, edit, dynsdpb, foreign"),
        ("standard", {"unlikelihood": 0.1}, "edit"),
        ("multi_cot", {"agreement": {"weight": 2.0}}, "dynsdpb"),
        ("edit", {"rationale_weights": "verdicts"}, "step_by_step, multi_cot, minds_mirror, dynsdpb"),
        ("fine_tune_cot", {"select": "right"}, "step_by_step, multi_cot, minds_mirror, dynsdpb"),
        ("fine_tune_cot", {"form": "published"}, "step_by_step, multi_cot, minds_mirror, dynsdpb"),
        ("dynsdpb", {"verdict_weights": "even"}, "minds_mirror"),
        ("minds_mirror", {"strength": 1}, "foreign"),
    ],
)
def test_a_key_of_another_method_says_whose_it_is(method: str, settings: dict[str, Any], readers: str) -> None:
    [key] = settings
    said = refusal(method, **settings)
    assert f"arm.0.{key}: method {method!r} (arm 'mine') does not read it; it is a key of {readers}. Remove it." in said


def test_a_key_of_a_table_in_an_arm_suggests_the_nearest() -> None:
    said = refusal("dynsdpb", agreement={"wieght": 1})
    assert "arm.0.agreement.wieght: there is no key 'wieght' here. Did you mean 'weight'?" in said
    assert "Known here: weight, temperature, dynamic." in said


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("multi_cot", {"alpha": 2}, "arm.0.alpha: must be at most 1, not 2"),
        ("multi_cot", {"alpha": 0, "form": "published"}, "the student could not answer at all"),
        ("foreign", {"strength": "much"}, "arm.0.strength: must be a number, not 'much'"),
        ("dynsdpb", {"agreement": {"weight": 0}}, "arm.0.agreement.weight: must be more than 0, not 0"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(method: str, settings: dict[str, Any], words: str) -> None:
    assert words in refusal(method, **settings)


def test_a_method_that_is_not_installed_or_broken_is_said() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'foreign'"):
        read_arm({"name": "a", "method": "foriegn"})
    with pytest.raises(RecipeError, match=r"method 'broken': the entry point 'no_such_module:Nothing'"):
        read_arm({"name": "a", "method": "broken"})


def test_a_bare_arm_is_given_the_settings_of_its_method() -> None:
    assert read_arm(ArmConfig(name="a", method="edit")) == read_arm({"name": "a", "method": "edit"})
    mirror = read_arm({"name": "a", "method": "minds_mirror"})
    assert read_arm(mirror) is mirror


KEYS = sorted({key for name in BUILT_IN for key in method_named(name).settings.model_fields} - {"name", "method"})
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["gold", "teacher", "right", "published", "even", 0, 0.5, 2, True, None, {}, {"weight": 1}, []]
)


@given(st.sampled_from(sorted(BUILT_IN)), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_whatever_an_arm_holds_it_is_one_that_reads_back_or_its_fault_is_named(
    method: str, settings: dict[str, Any]
) -> None:
    strangers = set(settings) - set(method_named(method).settings.model_fields)
    try:
        arm = read_arm({"name": "a", "method": method, **settings})
    except ValidationError as error:
        places = {str(found["loc"][0]) if found["loc"] else "" for found in error.errors()}
        # The one fault of two keys together: select = "right" with the teacher's labels.
        assert places == strangers if strangers else places <= {*settings, ""}
        return
    assert not strangers
    assert read_arm(arm.model_dump()) == arm == read_arm(json.loads(arm.model_dump_json()))


def test_the_schema_of_a_recipe_has_the_keys_of_each_method() -> None:
    """Those of other packages too, but for one that cannot be loaded."""
    schema = Recipe.model_json_schema()
    arm = schema["properties"]["arm"]["items"]
    keys = {each["if"]["properties"]["method"]["const"]: each["then"] for each in arm["allOf"]}
    assert arm["properties"]["method"]["enum"] == list(keys) == [*BUILT_IN, "foreign"]
    assert arm["required"] == ["name", "method"] and list(arm["properties"]) == [
        "name",
        "method",
        "labels",
        "against",
        "reflect",
    ]
    for name, table in keys.items():
        assert list(table["properties"]) == list(method_named(name).settings.model_fields)
        assert table["additionalProperties"] is False
    assert keys["edit"]["properties"]["unlikelihood"]["default"] == 0.025
    place = keys["dynsdpb"]["properties"]["agreement"]["$ref"].removeprefix("#/$defs/")
    assert set(schema["$defs"][place]["properties"]) == {"weight", "temperature", "dynamic"}


def test_an_arm_can_be_a_field_of_any_model() -> None:
    class Two(BaseModel):
        arms: tuple[ArmConfig, ...]

    assert Two(arms=(read_arm({"name": "a", "method": "edit"}),)).arms[0].method == "edit"
