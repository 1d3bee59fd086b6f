"""A recipe that holds a secret is refused, and the refusal does not repeat it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.secrets import check_key_variable, secret_in
from mindsmirror.errors import RecipeError
from mindsmirror.runs.recipe import make_recipe, read_recipe

SECRET = "hunter22hunter22"


def recipe_with(**teacher: Any) -> dict[str, Any]:
    return {
        "name": "n",
        "task": {"name": "svamp"},
        "teacher": [{"model": "m", "engine": "openai", **teacher}],
        "student": {"model": "s"},
        "arm": [{"name": "a", "method": "standard"}],
    }


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{SECRET}@host/v1",
        f"https://{SECRET}@host/v1",
        f"https://host/v1?api_key={SECRET}",
        f"https://host/v1?code={SECRET}&api-version=2024-02-01",
        f"https://host/v1#{SECRET}",
        f"me:{SECRET}@host/v1",
        f"https://me:{SECRET}@host:99999/v1",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(RecipeError, match=r"the recipe: .*base_url") as caught:
        make_recipe(recipe_with(base_url=url))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("port", ["99999", "-5", "0"])
def test_a_port_that_is_none_is_one_clear_error(port: str) -> None:
    with pytest.raises(RecipeError, match=rf"host:{port}/v1' is not an address: .*port.*between 1 and 65535"):
        make_recipe(recipe_with(base_url=f"http://host:{port}/v1"))


def test_an_address_without_secrets_is_taken() -> None:
    url = "https://host/openai/deployments/d?api-version=2024-02-01"
    assert make_recipe(recipe_with(base_url=url)).teacher[0].base_url == url


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": SECRET},
        {"apiKey": SECRET},
        {"headers": {"Authorization": SECRET}},
        {"headers": [{"X-Api-Key": SECRET}]},
        {"user": {"access_token": SECRET}},
        {"password": SECRET},
        {"note": f"Bearer {SECRET}"},
        {"note": f"sk-{SECRET}"},
    ],
)
def test_further_fields_with_a_secret_are_refused_without_repeating_it(extra: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"parameters\.extra\.\w+.*looks like a secret.*api_key_env") as caught:
        make_recipe(recipe_with(parameters={"extra": extra}))
    assert SECRET not in str(caught.value)


def test_the_value_of_a_key_in_the_environment_is_a_secret_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"extra": {"note": "correct-horse-battery"}}
    assert secret_in(extra) == ""
    monkeypatch.setenv("SOME_API_KEY", "horse-battery")
    assert secret_in(extra) == "extra.note"


@pytest.mark.parametrize(
    "extra",
    [
        {"max_completion_tokens": 4096, "stop": ["\n"], "stop_token": "</s>", "top_k": 5},
        {"chat_template_kwargs": {"enable_thinking": False}, "prompt_cache_key": "lessons", "user": "me"},
        {"response_format": {"type": "json_object"}, "guided_regex": "task-[a-z_-]{3,40}", "key": ""},
    ],
)
def test_fields_that_servers_know_are_taken(extra: dict[str, Any]) -> None:
    assert make_recipe(recipe_with(parameters={"extra": extra})).teacher[0].parameters == {"extra": extra}


@given(st.recursive(st.text(max_size=4) | st.integers(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)))
def test_whatever_the_fields_are_looking_for_secrets_ends(value: Any) -> None:
    assert isinstance(secret_in({"extra": value}), str)


def test_only_variables_that_are_called_so_are_keys_unless_the_command_line_allows_others(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    text = (
        'name = "n"\n[task]\nname = "svamp"\n[[teacher]]\nmodel = "m"\nengine = "openai"\napi_key_env = "{}"\n'
        '[student]\nmodel = "s"\n[[arm]]\nname = "a"\nmethod = "standard"\n'
    )
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "my_api_key"):
        path.write_text(text.format(name))
        assert read_recipe(path).teacher[0].api_key_env == name
    path.write_text(text.format("AWS_SECRET_ACCESS_KEY"))
    with pytest.raises(RecipeError, match=r"teacher\.0\.api_key_env: the variable AWS_.*--key-variable AWS_"):
        read_recipe(path)
    assert read_recipe(path, (), ("AWS_SECRET_ACCESS_KEY",)).teacher[0].api_key_env == "AWS_SECRET_ACCESS_KEY"
    assert check_key_variable("PATH") and not check_key_variable("PATH", ["PATH"])


def test_a_teacher_made_in_code_is_checked_as_well() -> None:
    with pytest.raises(ValidationError) as caught:
        TeacherConfig(model="m", engine="openai", parameters={"extra": {"api_key": SECRET}})
    assert SECRET not in str(caught.value)
