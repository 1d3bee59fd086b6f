"""What the tabulator key offers: names and paths, from click and from the real script in a real bash."""

import os
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, CompletionItem
from end_to_end.console import SCRIPT
from hypothesis import given
from hypothesis import strategies as st

from docs import ROOT, blocks
from mindsmirror.cli.completion import RecipePath
from mindsmirror.cli.main import VERBS, cli
from mindsmirror.runs.shipped import purpose, shipped_recipes

VARIABLE = "_MINDSMIRROR_COMPLETE"
COMMANDS = {verb: command for verb in VERBS if (command := cli.get_command(click.Context(cli), verb)) is not None}
OF_A_RUN = [verb for verb, command in COMMANDS.items() if any(each.name == "run" for each in command.params)]


def offered(*words: str) -> list[CompletionItem]:
    """What is offered for the last word."""
    *before, incomplete = words
    return BashComplete(cli, {}, "mindsmirror", VARIABLE).get_completions(before, incomplete)


def names(*words: str) -> list[str]:
    return [item.value for item in offered(*words) if item.type == "plain"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for run in ("runs/legs", "runs/letters", "elsewhere/tickets"):
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "recipe.json").touch()
    (tmp_path / "runs/less").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("verb", ["run", "annotate", "distill", "doctor"])
def test_recipes_are_offered_by_name_and_as_files(verb: str) -> None:
    assert names(verb, "") == list(shipped_recipes())
    first, *rest = offered(verb, "quick")
    assert first.type == "file" and [(item.value, item.help) for item in rest] == [
        ("quickstart", purpose(shipped_recipes()["quickstart"]))
    ]


@pytest.mark.parametrize("verb", OF_A_RUN)
def test_runs_are_offered_by_name_and_as_folders(verb: str, folder: Path) -> None:
    assert names(verb, "le") == ["legs", "letters"] and offered(verb, "le")[0].type == "dir"
    assert names(verb, "--runs", "elsewhere", "") == ["tickets"]
    assert names(verb, "--runs", "nowhere", "") == []


def test_recipes_and_runs_are_offered_to_compare(folder: Path) -> None:
    assert names("compare", "") == [*shipped_recipes(), "legs", "letters"]
    assert names("compare", "quickstart", "--runs", "elsewhere", "tick") == ["tickets"]


def test_every_verb_of_a_run_is_there() -> None:
    assert {"evaluate", "ask", "report", "browse", "export", "serve"} <= set(OF_A_RUN)


def test_verbs_are_offered() -> None:
    assert names("") == list(VERBS)


@given(st.text())
def test_every_name_that_is_offered_begins_as_it_was_typed(typed: str) -> None:
    kind = RecipePath()
    path, *named = kind.shell_complete(click.Context(cli), click.Argument(["recipe"]), typed)
    assert path.value == typed and all(item.value.startswith(typed) for item in named)
    assert [item.value for item in named] == [name for name in shipped_recipes() if name.startswith(typed)]


def test_the_guides_line_makes_bash_complete(folder: Path) -> None:
    (line,) = [
        line
        for block in blocks("sh", ROOT / "docs/guide/recipe.md")
        for line in block.text.splitlines()
        if "bash_so" in line
    ]
    asked = 'COMP_WORDS=(mindsmirror ask le); COMP_CWORD=2; _mindsmirror_completion mindsmirror; echo "${COMPREPLY[@]}"'
    # `compopt` is for a completion that the user asked for; here a script asks.
    script = f"compopt() {{ :; }}\n{line}\n{asked}"
    environment = {**os.environ, "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == ["legs", "letters"], ended.stderr
