"""What stands in code type in the documents' running text exists: keys and values, files, targets, variables, names."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from architecture.test_docs import MINIMAL, tables
from pydantic import TypeAdapter, ValidationError

import mindsmirror
from docs import DOCUMENTS, FENCE, INLINE, ROOT, blocks, commands
from mindsmirror.engines import engine_class, engine_names
from mindsmirror.runs.grid import cells
from mindsmirror.runs.recipe import Recipe, read_recipe

SOURCE = ROOT / "src" / "mindsmirror"
WRITTEN_BY_HAND = tuple(path for path in DOCUMENTS if path.parent.name != "reference")
PATH = re.compile(r"(?:[\w-]+/)+[\w-]+\.(?:py|toml|md|sql)")
OF_A_RUN = ("annotation/annotations.jsonl", "runs/", "arms/")
EXAMPLES = ("…", "NAME")
"""Words that stand for what a user writes."""


def inline(path: Path) -> Iterator[str]:
    """Everything in code type outside of fences."""
    yield from INLINE.findall(FENCE.sub("", path.read_text(encoding="utf-8")))


def pieces(pattern: str) -> list[Any]:
    """Each piece of code type of that form, once, with its groups."""
    found = {text: path.name for path in WRITTEN_BY_HAND for text in inline(path) if re.fullmatch(pattern, text)}
    return [pytest.param(text, id=f"{name}: {text}") for text, name in sorted(found.items())]


def fields_called(key: str) -> list[Any]:
    """The types that a key has, in whatever table of a recipe or engine's parameters."""
    kinds = [Recipe.model_fields, *tables().values()]
    kinds += [engine_class(name).options.model_fields for name in engine_names()]
    found: list[Any] = [fields[key].annotation for fields in kinds if key in fields]
    return [TypeAdapter(each) for each in found]


@pytest.mark.parametrize("text", pieces(r"\w+ = [^…N]+"))
def test_a_key_with_its_value_is_one(text: str) -> None:
    ((key, value),) = tomllib.loads(text).items()
    accepted = []
    for kind in fields_called(key):
        try:
            accepted.append(kind.validate_python(value))
        except ValidationError:
            continue
    assert accepted, f"no table of a recipe takes {text}"


@pytest.mark.parametrize("text", pieces(r"\[+\w+\]+ \w+"))
def test_a_key_of_a_table_is_one(text: str) -> None:
    table, key = text.split()
    assert key in tables()[table.strip("[]")]


@pytest.mark.parametrize("text", pieces(r"\[+\w+\]+"))
def test_a_table_is_one(text: str) -> None:
    name = text.strip("[]")
    prompts = ("solved", "judged", "dual")
    assert name in Recipe.model_fields or name in prompts


def test_files_that_are_named_exist() -> None:
    lost = []
    for path in WRITTEN_BY_HAND:
        for named in PATH.findall(path.read_text(encoding="utf-8")):
            places = (ROOT / named, ROOT / "docs" / named, SOURCE / named)
            user = named.startswith(OF_A_RUN) or any(word in named for word in EXAMPLES)
            if not user and not any(place.exists() for place in places):
                lost.append(f"{path.name}: {named}")
    assert lost == []


def test_targets_of_make_exist_and_each_is_in_contributing() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        word
        for path in WRITTEN_BY_HAND
        for text in [*inline(path), *(line for block in blocks("sh", path) for line in block.text.splitlines())]
        for word in re.findall(r"^make ([a-z]+)", text)
    }
    assert named <= targets
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [t for t in sorted(targets - {"announce", "clean"}) if f"`make {t}`" not in contributing] == []
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert declared is not None and set(declared[1].split()) == targets


def test_variables_of_the_environment_are_read_by_something() -> None:
    code = [*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "Makefile"]
    known = {word for path in code for word in re.findall(r"MINDSMIRROR_[A-Z]+", path.read_text(encoding="utf-8"))}
    for path in WRITTEN_BY_HAND:
        assert set(re.findall(r"MINDSMIRROR_[A-Z]+", path.read_text(encoding="utf-8"))) <= known, path.name


def settings() -> list[str]:
    """Every KEY=VALUE, or KEY=A,B, behind --set, in fences, in running text and in the help of the option."""
    texts = [text for path in WRITTEN_BY_HAND for text in inline(path)]
    texts += [" ".join(words) for block in blocks("sh") for words in commands(block.text)]
    texts.append((SOURCE / "cli" / "options.py").read_text(encoding="utf-8").replace("such as ", "--set "))
    found = {match for text in texts for match in re.findall(r"--set ([\w.]+=[^\s`\"]+)", text)}
    return sorted(each.rstrip(".") for each in found - {"KEY=VALUE", "KEY=A,B"})


@pytest.mark.parametrize("setting", settings())
def test_a_setting_can_be_given(setting: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "minimal"\ntask.name = "svamp"\nstudent.model = "smollm2-135m-instruct"\n'
        '[[teacher]]\nmodel = "first"\nengine = "scripted"\n[[arm]]\nname = "mirror"\nmethod = "minds_mirror"\n'
    )
    for cell in cells([recipe], tmp_path, settings=[setting]):
        assert read_recipe(recipe, cell.overrides[0]) != read_recipe(recipe)


def test_there_are_settings_and_pieces() -> None:
    assert len(settings()) >= 2 and MINIMAL
    assert len(pieces(r"\w+ = [^…N]+")) >= 10 and len(pieces(r"\[+\w+\]+ \w+")) >= 3


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `mindsmirror.NAME` in a Python block, with the place of the block."""
    for block in blocks("python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("mindsmirror."):
                yield block.name, node


@pytest.mark.parametrize(("where", "call"), [pytest.param(w, c, id=f"{w} {ast.unparse(c.func)}") for w, c in calls()])
def test_a_call_in_a_document_takes_what_it_is_given(where: str, call: ast.Call) -> None:
    function = getattr(mindsmirror, ast.unparse(call.func).removeprefix("mindsmirror."))
    given = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    inspect.signature(function).bind(*call.args, **given)
