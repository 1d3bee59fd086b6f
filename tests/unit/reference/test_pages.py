"""The reference in words: kinds, bounds and defaults of keys, arguments and options of verbs."""

import ast
from pathlib import Path
from typing import Any

import pytest

import mindsmirror
from mindsmirror.reference.cli_page import cli_page
from mindsmirror.reference.markdown import sentence, table
from mindsmirror.reference.python_page import python_page, signature
from mindsmirror.reference.recipe_page import recipe_page
from mindsmirror.reference.rooms_page import figure
from mindsmirror.runs.schema import recipe_schema


def row(text: str, key: str, below: str) -> list[str]:
    """The cells of a key's row, from that heading on."""
    lines = text.splitlines()
    rows = lines[lines.index(below) :]
    return (
        next(line for line in rows if line.startswith(f"| `{key}`")).removeprefix("| ").removesuffix(" |").split(" | ")
    )


@pytest.mark.parametrize(
    ("heading", "key", "cells"),
    [
        ("## Before all tables", "name", ["text", "", "at most 100 characters"]),
        ("## Before all tables", "seed", ["whole number", "`0`", "at least 0, at most 2,147,483,647"]),
        ("## `[annotation]`", "teachers", ["list of whole numbers", "`[0]`", "not empty, at most 100 entries"]),
        ("## `[annotation]`", "budget.usd", ["number", "*none*", "at least 0, at most 1,000,000,000"]),
        ("## `[annotation]`", "store", ["path", "*none*", ""]),
        ("## `[student]`", "trust_remote_code", ["true or false", "`false`", ""]),
        ("## `[student]`", "adapter", ['`"none"` or `"lora"`', '`"none"`', ""]),
        ("### `vllm`", "gpu_memory", ["number", "`0.9`", "more than 0, at most 1"]),
    ],
)
def test_a_key_has_its_type_default_and_bounds(heading: str, key: str, cells: list[str]) -> None:
    found = row(recipe_page(recipe_schema()), key, heading)
    assert found[1:4] == cells, found


def test_a_default_that_its_own_keys_say_is_not_repeated() -> None:
    text = recipe_page(recipe_schema())
    assert row(text, "budget", "## `[annotation]`")[2] == "*none*"
    assert row(text, "agreement", "### `dynsdpb`")[2] == ""


def test_every_option_of_every_verb_is_described() -> None:
    described = [line for line in cli_page().splitlines() if line.startswith(("| `--", "| `RUN", "| `RECIPE"))]
    assert len(described) > 50
    assert all(line.rstrip("| ").endswith(".") for line in described)


def test_cells_are_escaped_and_empty_tables_left_out() -> None:
    assert table(("a", "b"), [("x|y", "two\nlines")]).splitlines()[-1] == "| x\\|y | two lines |"
    assert table(("a",), []) == ""


@pytest.mark.parametrize(("text", "written"), [("of a hub id", "Of a hub id."), ("Why?", "Why?"), ("", ".")])
def test_a_sentence(text: str, written: str) -> None:
    assert sentence(text) == written


def test_a_schema_without_null() -> None:
    def nodes(node: Any) -> list[Any]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        return [node, *(each for child in inner for each in nodes(child))]

    found = nodes(recipe_schema())
    assert {"type": "null"} not in found and None not in found


def signed(text: str, **known: object) -> str:
    """The signature of the only function in a source."""
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    return signature(node, known)


def test_a_signature_is_as_it_was_written_without_quotation_marks_and_names_of_defaults() -> None:
    text = "def f(self, a: 'Task | None', /, b: list['A']=(), *c, d: Literal['x']='x', e: int=MOST, **f): ..."
    assert signed(text, MOST=7) == (
        "f(a: Task | None, /, b: list[A] = (), *c, d: Literal['x'] = \"x\", e: int = 7, **f)"
    )
    assert signed("def f(a, *, at: Path=RUNS) -> 'Run': ...", RUNS=Path("runs")) == 'f(a, *, at: Path = "runs") -> Run'
    long = signed(f"def f({'a' * 60}: int, {'b' * 60}: int=1) -> str: ...")
    assert long.splitlines() == ["f(", f"    {'a' * 60}: int,", f"    {'b' * 60}: int = 1,", ") -> str"]


def test_every_public_name_is_on_the_page_with_what_it_is_for() -> None:
    parts = python_page().split("\n### ")[1:]
    assert sorted(part.splitlines()[0].strip("`") for part in parts) == mindsmirror.__all__
    for part in parts:
        name, *paragraphs = part.split("\n\n")
        assert any(text[0].isupper() and len(text) > 12 for text in paragraphs), name
    assert "| `p_correct` | `float \\| None` |  | The probability that it gives to correct. |" in python_page()


def test_the_figure_leaves_out_arrows_that_others_make() -> None:
    graph = {"tasks": set(), "engines": {"tasks"}, "runs": {"engines", "tasks"}, "cli": {"runs", "tasks"}}
    arrows = [line.strip() for line in figure(graph).splitlines()[2:-1]]
    assert arrows == ["engines --> tasks", "runs --> engines", "cli --> runs"]


def test_every_key_says_what_it_is() -> None:
    """Tables are described by their own docstrings."""
    rows = [line for line in recipe_page(recipe_schema()).splitlines() if line.startswith("| `")]
    keys = [line.removesuffix(" |").split(" | ") for line in rows if line.count(" | ") == 4]
    assert len(keys) > 100
    assert [key[0] for key in keys if not key[4].strip() and key[1] != "table"] == []
