"""The recipe that is written for a file is read again as what was meant, whatever stands in it."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.errors import RecipeError, StorageError, UnknownNameError
from mindsmirror.models import catalogue
from mindsmirror.runs.new_recipe import Models, default_out, draft, findings, recipe_text, write_new
from mindsmirror.runs.recipe import read_recipe
from mindsmirror.tasks import load_task

NAMED = {"question": "text", "answer": "category"}
DEFAULTS = Models()


def tickets(count: int = 60, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"Ticket {n} is open.", "category": ("bug", "billing", "it")[n % 3], **more} for n in range(count)]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_recipe_is_read_again_and_loads_the_same_task(tmp_path: Path) -> None:
    made = draft(write(tmp_path / "my tickets.jsonl", tickets()), NAMED, None, None)
    out = tmp_path / "recipes" / "a.toml"
    write_new(out, recipe_text(made, out, DEFAULTS))
    recipe = read_recipe(out)
    assert recipe.name == "my-tickets" and [arm.method for arm in recipe.arm] == ["standard", "minds_mirror"]
    assert recipe.teacher[0].model in catalogue.entries() and recipe.student.model in catalogue.entries()
    assert recipe.task.instruction == made.guessed_instruction == "Answer with one of: billing, bug or it."
    task = load_task(recipe.task)
    assert [e.id for _, e in task.splits.named()] == [e.id for _, e in made.task.splits.named()]
    assert task.answers == made.task.answers


WORDS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""A recipe holds no NUL, and no file half a surrogate pair."""
TEXTS = st.text(WORDS, min_size=1, max_size=30).filter(lambda text: text.strip())


@settings(max_examples=40, deadline=None)
@given(
    instruction=st.text(WORDS, max_size=40),
    names=st.lists(TEXTS.filter(lambda name: name not in ("id", "split", "body")), min_size=2, max_size=2, unique=True),
    labels=st.lists(TEXTS.filter(lambda text: len(text.strip()) > 1), min_size=2, max_size=3, unique_by=str.casefold),
)
def test_any_words_come_back_as_they_were(instruction: str, names: list[str], labels: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [{names[0]: f"Ticket {n}", names[1]: labels[n % len(labels)]} for n in range(40)]
        columns = {"question": names[0], "answer": names[1]}
        made = draft(write(Path(folder) / "a.jsonl", rows), columns, "text", instruction)
        out = Path(folder) / "a.toml"
        write_new(out, recipe_text(made, out, DEFAULTS))
        task = read_recipe(out).task
        assert (task.columns, task.answer) == (columns, "text")
        assert task.instruction == (instruction.strip() or None)


def test_more_labels_than_loading_guesses_are_still_labels(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n}?", "answer": f"Team {n % 12}"} for n in range(120)]
    made = draft(write(tmp_path / "a.jsonl", rows), {}, None, None)
    text = recipe_text(made, tmp_path / "a.toml", DEFAULTS)
    assert 'answer = "label"  # guessed: 12 labels: Team 0, Team 1, ' in text


@pytest.mark.parametrize("labels", [("neutral", "entailment", "contradiction"), ("holds", "fails")])
def test_labels_that_the_questions_name_are_not_named_again(tmp_path: Path, labels: tuple[str, ...]) -> None:
    rows = [
        {"premise": f"Bird {n} sat.", "hypothesis": f"{n % 7} sat.", "label": labels[n % len(labels)]}
        for n in range(60)
    ]
    made = draft(write(tmp_path / "a.jsonl", rows), {}, None, None)
    assert made.guessed_instruction is None
    assert '\n# instruction = "…"\n' in recipe_text(made, tmp_path / "a.toml", DEFAULTS)


def test_yes_and_no_are_named_where_the_questions_do_not(tmp_path: Path) -> None:
    rows = [{"question": f"Is {n} even?", "answer": n % 2 == 0} for n in range(40)]
    made = draft(write(tmp_path / "a.jsonl", rows), {}, None, None)
    assert made.guessed_instruction == "Answer with one of: yes or no."


def test_a_large_file_is_begun_with_a_part_of_it(tmp_path: Path) -> None:
    made = draft(write(tmp_path / "a.jsonl", tickets(2500)), NAMED, None, None)
    assert made.sizes == {"train": 200, "valid": 40, "test": 200}
    out = tmp_path / "a.toml"
    write_new(out, recipe_text(made, out, DEFAULTS))
    assert tuple(map(len, load_task(read_recipe(out).task).splits)) == (200, 40, 200)
    assert findings(made) == []


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    rows = [
        *tickets(split="train"),
        {"text": "Ticket 0 is open.", "category": "it", "split": "test"},
        {"text": "Ticket 7 is open!", "category": "bug", "split": "test"},
        {"text": "long " * 1000, "category": None, "split": "train"},
    ]
    said = "\n".join(findings(draft(write(tmp_path / "a.jsonl", rows), NAMED, None, None)))
    for part in (
        "1 of 63 rows repeat an earlier question",
        "1 question with several answers",
        "1 question in several splits",
        "1 of 2 test questions differ",
        "1 training question without an answer",
        "4,999 characters",
        "2 test questions: with 1 right",
        "0 validation questions",
    ):
        assert part in said


def test_long_texts_are_said_to_be_hardly_ever_the_same(tmp_path: Path) -> None:
    rows = [{"question": f"Why {n}?", "answer": f"Because of {n} " * 20} for n in range(40)]
    said = findings(draft(write(tmp_path / "a.jsonl", rows), {}, None, None))
    assert any(text.startswith("Answers are texts of up to ") for text in said)


def test_one_answer_for_all_is_said(tmp_path: Path) -> None:
    rows = [{"question": f"Why {n}?", "answer": "so"} for n in range(40)]
    said = findings(draft(write(tmp_path / "a.jsonl", rows), {}, None, None))
    assert any(text.startswith("All answers are the same") for text in said)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    made = draft(write(tmp_path / "a.jsonl", tickets()), NAMED, "label", 'Say "which".')
    out = tmp_path / "a.toml"
    write_new(out, recipe_text(made, out, Models("gpt-4o-mini", "openai", "Qwen/Qwen3-0.6B")))
    recipe = read_recipe(out)
    assert (recipe.teacher[0].model, recipe.teacher[0].engine) == ("gpt-4o-mini", "openai")
    assert recipe.student.model == "Qwen/Qwen3-0.6B" and recipe.task.instruction == 'Say "which".'
    with pytest.raises(UnknownNameError, match="Did you mean 'openai'"):
        recipe_text(made, out, Models(engine="opnai"))


def test_nothing_is_replaced_and_a_wrong_kind_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "a.toml"
    out.write_text("mine")
    with pytest.raises(RecipeError, match=r"a\.toml is there already and is not replaced"):
        write_new(out, "other")
    assert out.read_text() == "mine"
    with pytest.raises(StorageError):
        write_new(out / "b.toml", "other")
    with pytest.raises(UnknownNameError, match="Did you mean 'label'"):
        draft(tmp_path / "a.jsonl", {}, "labels", None)


@pytest.mark.parametrize(
    ("data", "name"),
    [("in/a b.csv", "a-b.toml"), ("é.parquet", "mine.toml"), ("x.jsonl.gz", "x.toml"), ("-.csv", "mine.toml")],
)
def test_the_recipe_is_named_like_the_data(data: str, name: str) -> None:
    assert default_out(Path(data)) == Path(name)
