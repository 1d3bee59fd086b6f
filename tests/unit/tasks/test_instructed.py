"""An instruction stands before every question, and changes neither ids nor splits."""

import json
from pathlib import Path

import pytest

from mindsmirror.errors import RecipeError
from mindsmirror.tasks import load_task

INSTRUCTION = "Name the department that has to deal with this ticket."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [{"question": f"Ticket {n}", "answer": ("bug", "other")[n % 2]} for n in range(60)]
    made = tmp_path / "tickets.jsonl"
    made.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


def test_every_question_begins_with_it(path: Path) -> None:
    plain, told = load_task(path), load_task(path, instruction=f"  {INSTRUCTION}\n")
    assert plain.instruction == "" and plain.shown("x") == "x"
    assert told.instruction == INSTRUCTION and told.shown("x") == f"{INSTRUCTION}\n\nx"
    for before, after in zip(plain.splits, told.splits, strict=True):
        assert len(before) == len(after)
        expected = [example.model_copy(update={"text": f"{INSTRUCTION}\n\n{example.text}"}) for example in before]
        assert list(after) == expected == [after[place] for place in range(len(after))]
        assert list(after[1:3]) == expected[1:3]
    assert told.answers == plain.answers and told.sources == plain.sources


def test_one_that_says_nothing_is_refused(path: Path) -> None:
    with pytest.raises(RecipeError, match=r"instruction: .*says nothing"):
        load_task(path, instruction=" \n")
