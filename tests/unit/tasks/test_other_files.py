"""A file of another kind is refused with the command that converts it, and that command does so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.tasks import load_task
from mindsmirror.tasks.other_files import ENDINGS

ROWS = [{"question": f'What, "exactly", is {n} + {n}?\u2009é', "answer": str(2 * n)} for n in range(60)]


CONTENTS = {
    ".json": json.dumps(ROWS, indent=1),
    ".txt": "".join(f"{row['question']}\t{row['answer']}\n" for row in ROWS),
}


def refusal(name: str | Path) -> str:
    with pytest.raises(DataError) as caught:
        load_task(name)
    message = str(caught.value)
    assert "\n" not in message and "JSON Lines" in message
    for keys in ("'question' and 'answer'", "'question' and 'choices' and 'answer_key'", "'premise' and 'hypothesis'"):
        assert keys in message
    return message


def convert(message: str, folder: Path) -> None:
    command = message[message.index("python -c") :]
    subprocess.run(command.replace("python", sys.executable, 1), shell=True, cwd=folder, check=True, timeout=60)


@pytest.mark.parametrize("stem", ["mine", "it's 100 % mine"])
@pytest.mark.parametrize("ending", CONTENTS)
def test_the_command_makes_the_task(ending: str, stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{stem}{ending}").write_text(CONTENTS[ending], encoding="utf-8")
    convert(refusal(f"{stem}{ending}"), tmp_path)
    task = load_task(f"{stem}.jsonl")
    assert {example.text: example.gold for split in task.splits for example in split} == {
        row["question"]: row["answer"] for row in ROWS
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_is_known_by_its_ending_whether_the_file_is_there_or_not(ending: str, tmp_path: Path) -> None:
    for name in (f"none{ending}", f"NONE{ending.upper()}"):
        assert "> " in refusal(tmp_path / name)


def test_a_file_of_no_known_kind_is_told_from_a_name(tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("{}")
    assert "is called like none of .jsonl" in refusal(tmp_path / "questions")
    with pytest.raises(UnknownNameError, match="no task is called"):
        load_task(tmp_path / "nothing")


def test_a_file_beside_the_recipe_is_found(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("text,category\n")
    recipe = {
        "name": "mine",
        "task": {"name": "tickets.csv"},
        "teacher": [{"model": "teacher", "engine": "scripted"}],
        "student": {"model": "smollm2-135m-instruct"},
        "arm": [{"name": "labels", "method": "standard"}],
    }
    read = make_recipe(recipe, beside=str(tmp_path))
    assert read.task.name == str(tmp_path / "tickets.csv")
    with pytest.raises(RecipeError, match="mine: name"):
        make_recipe(recipe | {"name": "m n"}, Path("mine"))
