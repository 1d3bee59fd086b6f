"""`mindsmirror init`: what it says, asks and refuses."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mindsmirror.cli.init import command
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.runs.recipe import read_recipe


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [f"Ticket {n} is open,{('bug', 'billing')[n % 2]},note {n % 7}" for n in range(60)]
    (tmp_path / "tickets.csv").write_text("\n".join(["ticket,team,other", *rows]) + "\n")
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["tickets.csv", *arguments])


def test_what_it_cannot_know_it_asks_for_by_an_option() -> None:
    ended = init()
    assert isinstance(ended.exception, RecipeError)
    wanted = "tickets.csv: which column holds the answers: team, other? Say so with --answer-column COLUMN."
    assert str(ended.exception) == wanted
    assert not Path("tickets.toml").exists()


def test_it_says_what_it_guessed_and_what_is_next() -> None:
    ended = init("--answer-column", "team")
    assert ended.exit_code == 0, ended.exception
    assert "columns: question is 'ticket', answer is 'team' (guessed)" in ended.stdout
    assert "instruction: Answer with one of: billing or bug. (guessed)" in ended.stdout
    assert ended.stdout.endswith("mindsmirror run tickets.toml\n")
    read_recipe("tickets.toml")
    again = init("--answer-column", "team")
    assert isinstance(again.exception, RecipeError) and "tickets.toml is there already" in str(again.exception)


def test_one_document_with_json() -> None:
    ended = init("--answer-column", "team", "--json", "--instruction", "Which team?", "--out", "b.toml")
    found = json.loads(ended.stdout)
    assert (found["recipe"], found["rows"], found["instruction"]) == ("b.toml", 60, "Which team?")
    assert found["train"] + found["valid"] + found["test"] == 60
    assert found["answer"] == "2 labels: billing, bug"


@pytest.mark.parametrize("name", ["svamp", "missing.csv", "a.xlsx", "folder.csv", "empty.csv", "lists.jsonl"])
def test_what_cannot_be_used_is_one_error(name: str) -> None:
    Path("folder.csv").mkdir()
    Path("lists.jsonl").write_text('{"question": "a", "answer": [1]}\n')
    Path("empty.csv").write_text("text,label\n")
    ended = CliRunner().invoke(command, [name])
    assert isinstance(ended.exception, DataError)
    assert name in str(ended.exception) and "\n" not in str(ended.exception)
    assert list(Path().glob("*.toml")) == []


def test_a_terminal_is_asked(folder: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"neither\nteam\nName the team.\n")
    script = "from mindsmirror.cli.main import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script, "init", "tickets.csv"],
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("Which column holds the answers?") == 2
    task = read_recipe(folder / "tickets.toml").task
    assert (task.instruction, task.columns["answer"]) == ("Name the team.", "team")


def test_what_nobody_will_be_shown_is_said() -> None:
    ended = init("--answer-column", "team")
    assert "not shown to anybody: 'other'" in ended.stdout


def test_a_few_answers_that_are_no_numbers_are_named() -> None:
    rows = [f"What is {n} and 1?,{n + 1 if n != 7 else 'N/A'}" for n in range(60)]
    Path("tickets.csv").write_text("\n".join(["question,answer", *rows]) + "\n")
    assert "59 of 60 answers are numbers, but 'N/A' is not" in init().stdout
    assert "are numbers" not in init("--answer", "number", "--out", "b.toml").stdout
