"""The documents hold what the program takes: recipes that parse, commands that exist, tables that are complete."""

import json
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from docs import DOCUMENTS, ROOT, Block, blocks, commands, inline_commands, table, verb_and_arguments
from mindsmirror import errors
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.cli.main import INTERRUPTED, VERBS, cli
from mindsmirror.doctor import CHECKS
from mindsmirror.methods import BUILT_IN, method_named
from mindsmirror.reference.imports import ORDER
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.training.config import Budget

GUIDE = ROOT / "docs" / "guide"
MINIMAL = tomllib.loads("""
name = "minimal"
task.name = "svamp"
student.model = "smollm2-135m-instruct"
[[teacher]]
model = "first"
engine = "scripted"
[[teacher]]
model = "second"
engine = "scripted"
[[arm]]
name = "mirror"
method = "minds_mirror"
""")
"""What a piece of a recipe is completed with; two teachers, because some pieces number them."""
TOML = blocks("toml")
SHELL = blocks("sh")
KNOWN = (
    *("python", "python3", "git", "cd", "source", ".", "export", "eval", "curl", "docker"),
    *("ollama", "llama-server", "lm_eval"),
)
"""Programs of others, and commands of a shell, that documents show."""
KEY = re.compile(r"^(?:# )?(\w+) = ")
TABLE = re.compile(r"^\[+(\w+)\]+")


def names(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("block", TOML, ids=names)
def test_a_recipe_in_a_document_is_one(block: Block) -> None:
    """A block that begins with a name is a whole recipe, with a table a piece of one, with a version a prompt set."""
    document = tomllib.loads(block.text)
    if "version" in document:
        PromptSet.model_validate(document)
        return
    make_recipe(document if "name" in document else {**MINIMAL, **document}, block.name)


def test_there_are_whole_recipes_and_pieces() -> None:
    whole = ["name" in tomllib.loads(block.text) for block in TOML]
    assert whole.count(True) >= 2 and whole.count(False) >= 1
    assert all(block.text.startswith(("name = ", "[", "version = ")) for block in TOML)


def tables() -> dict[str, dict[str, FieldInfo]]:
    """The keys of each table of a recipe; an arm's are those of all methods."""
    found = {"arm": {key: own for name in BUILT_IN for key, own in method_named(name).settings.model_fields.items()}}
    for name, field in Recipe.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found[name] = kind.model_fields
    return found


def reference() -> Block:
    """The guide's recipe with every key."""
    return next(block for block in blocks("toml", GUIDE / "recipe.md") if block.text.startswith("name = "))


def shown() -> Iterator[tuple[str, str, str]]:
    """Table, key and line of every key that the guide's recipe shows, also of those that are commented out."""
    current = ""
    for line in reference().text.splitlines():
        if header := TABLE.match(line):
            current = header[1]
        elif key := KEY.match(line):
            yield current, key[1], line


def test_the_guide_shows_every_key_of_a_recipe_once() -> None:
    found: dict[str, list[str]] = {}
    for name, key, _ in shown():
        found.setdefault(name, []).append(key)
    top = [name for name in Recipe.model_fields if name not in tables()]
    wanted = {"": top} | {name: list(keys) for name, keys in tables().items()}
    assert {name: sorted(keys) for name, keys in found.items()} == {n: sorted(keys) for n, keys in wanted.items()}


@pytest.mark.parametrize(
    ("name", "key", "line"), [each for each in shown() if each[2].startswith("# ")], ids=lambda part: part[:40]
)
def test_a_key_that_is_commented_out_holds_what_it_may(name: str, key: str, line: str) -> None:
    value = tomllib.loads(line.removeprefix("# "))[key]
    annotation: Any = tables()[name][key].annotation
    TypeAdapter(annotation).validate_python(value)


def parsed(words: list[str]) -> click.Context | None:
    """A command as click reads it, without running it; None if it is not ours. UsageError if click refuses it."""
    given = verb_and_arguments(words)
    if given is None:
        return None
    verb, arguments = given
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None, f"there is no verb {verb!r}"
    return command.make_context(verb, list(arguments))


@pytest.mark.parametrize("block", SHELL, ids=names)
def test_a_command_in_a_document_can_be_typed(block: Block) -> None:
    for words in commands(block.text):
        if parsed(words) is None:
            _known(words)


def _known(words: list[str]) -> None:
    """Commands beside our own name what is there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    if words[0] == "make":
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:]), words
    elif words[0] == "python" and words[1] != "-m":
        assert (ROOT / words[1]).is_file(), words
    elif "pip" in words:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for named in re.findall(r"\[([\w,-]+)\]", " ".join(words)):
            assert set(named.split(",")) <= set(extras["optional-dependencies"]), words
    else:
        assert words[0] in KNOWN or words[0].startswith("_MINDSMIRROR_COMPLETE="), words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_command_in_running_text_has_its_verb_and_options(path: Path) -> None:
    for words in inline_commands(path):
        command = cli.get_command(click.Context(cli), words[1])
        assert command is not None, words
        options = set(chain.from_iterable(parameter.opts for parameter in command.params))
        assert {word for word in words if word.startswith("--")} <= options, words


def test_every_verb_is_in_the_guide() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDE.glob("*.md"))
    assert [verb for verb in VERBS if f"mindsmirror {verb}" not in text and f"`{verb}`" not in text] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_stand_in_fences(path: Path) -> None:
    """Else nothing would read them."""
    assert not re.search(r"^ {4}(mindsmirror|accelerate|torchrun|make|pip|python) ", path.read_text("utf-8"), re.M)


@pytest.mark.parametrize("block", blocks("json"), ids=names)
def test_rows_in_a_document_are_json(block: Block) -> None:
    assert all(isinstance(json.loads(line), dict) for line in block.text.splitlines())


def test_the_guide_lists_every_exit_code() -> None:
    kinds = errors.MindsMirrorError.__subclasses__()
    codes = [int(code) for code, _ in table(GUIDE / "recipe.md", "code", "meaning")]
    assert codes == sorted({0, click.UsageError.exit_code, INTERRUPTED, *(kind.exit_code for kind in kinds)})
    assert errors.MindsMirrorError.exit_code == 1 and "1 is a bug" in (GUIDE / "recipe.md").read_text(encoding="utf-8")


def first_column(path: Path, *header: str) -> list[str]:
    return [row[0].strip("`") for row in table(path, *header)]


def test_tables_name_what_there_is() -> None:
    methods = ROOT / "docs" / "methods.md"
    strategies: Any = JudgeConfig.model_fields["strategy"].annotation
    assert first_column(GUIDE / "recipe.md", "check", "what it looks at") == list(CHECKS)
    assert sorted(first_column(GUIDE / "train.md", "unit", "what is equal")) == sorted(Budget.model_fields)
    assert first_column(methods, "method", "stages and tasks", "source") == list(BUILT_IN)
    assert first_column(methods, "strategy", "where the verdict comes from") == list(get_args(strategies))


def test_links_lead_to_files() -> None:
    for path in DOCUMENTS:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", path.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            place = path.parent / target if target else path
            assert place.exists(), f"{path.name} links to {target}"
            assert not anchor or anchor in anchors(place), f"{path.name} links to {target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The headings of a document as links name them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = chain(project["dependencies"], *project["optional-dependencies"].values())
    packages = {re.split(r"[<>=\[]", each)[0] for each in named} - {"mindsmirror"}
    reasons = " ".join(first_column(ROOT / "docs" / "decisions.md", "package", "reason"))
    # "pytest (+ timeout, xdist)" stands for three.
    assert {name for name in packages if name.removeprefix("pytest-") not in reasons} == set()


def test_the_table_of_where_things_are_names_files() -> None:
    contributing, source = ROOT / "CONTRIBUTING.md", ROOT / "src" / "mindsmirror"
    for what, where in table(contributing, "what", "where"):
        for path in re.findall(r"`([^`]+)`", where):
            places = (source, ROOT) if "/" in path or path.endswith(".py") else (source,)
            assert any(list(place.glob(path)) for place in places) or path == "config.py", f"{what}: {path}"


def test_the_tree_names_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = re.search(r"^```\nsrc/mindsmirror/\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert tree is not None
    shown = [line.split()[0].rstrip("/").removesuffix(".py") for line in tree[1].splitlines() if line.startswith("  ")]
    rooms = [name for name in ORDER if not name.startswith("__") and name not in ("errors", "limits")]
    assert shown == rooms
