"""Which column is what: by name, by content, by asking; and what the questions of a file repeat."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import UnknownNameError
from mindsmirror.tasks import load_task
from mindsmirror.tasks.inspect import Column, Repeats, columns_of, labels_of, questions_of, repeats_of, roles


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def never(field: str, names: Sequence[str]) -> str:
    raise AssertionError(f"asked for {field} among {names}")


TEXT = "A rather long text, as questions are, number {}"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"question": TEXT, "answer": "x"}, {}),
        ({"text": TEXT, "category": "x"}, {"question": "text", "answer": "category"}),
        ({"Prompt": TEXT, "Response": "x", "when": "2024"}, {"question": "Prompt", "answer": "Response"}),
        ({"ticket": TEXT, "team": "x"}, {"question": "ticket", "answer": "team"}),
        ({"id": "{}", "split": "train", "body": TEXT, "question": "q {}", "label": "x"}, {"answer": "label"}),
        ({"question": TEXT, "text": TEXT * 3, "answer": "x", "label": "y"}, {}),
        ({"premise": TEXT, "hypothesis": "h {}", "gold": "x", "text": TEXT}, {"label": "gold"}),
        ({"question": TEXT, "options": ["a", "b"], "answer": 0}, {"choices": "options", "answer_key": "answer"}),
    ],
)
def test_columns_are_known(tmp_path: Path, row: dict[str, Any], found: dict[str, str]) -> None:
    rows = [{k: v.replace("{}", str(n)) if isinstance(v, str) else v for k, v in row.items()} for n in range(5)]
    assert roles(columns_of(write(tmp_path / "a.jsonl", rows)), None, None, never) == found


def test_what_could_be_several_is_asked_and_what_is_named_is_not(tmp_path: Path) -> None:
    rows = [{"one": f"text {n}", "two": f"words {n}", "three": f"more {n}"} for n in range(4)]
    columns = columns_of(write(tmp_path / "a.jsonl", rows))
    asked = []

    def ask(field: str, names: Sequence[str]) -> str:
        asked.append((field, list(names)))
        return names[-1]

    assert roles(columns, None, None, ask) == {"question": "three", "answer": "two"}
    assert asked == [("question", ["one", "two", "three"]), ("answer", ["one", "two"])]
    assert roles(columns, "two", "one", never) == {"question": "two", "answer": "one"}
    assert roles(columns[:2], None, "one", never) == {"question": "two", "answer": "one"}
    with pytest.raises(UnknownNameError, match="Did you mean 'three'"):
        roles(columns, "thre", None, never)


COLUMNS = st.builds(
    Column,
    name=st.sampled_from(
        ["question", "text", "label", "answer", "options", "premise", "hypothesis", "id", "x", "y", "z"]
    ),
    listed=st.booleans(),
    filled=st.integers(0, 9),
    distinct=st.integers(0, 9),
    length=st.floats(0, 99),
)


@given(st.lists(COLUMNS, max_size=6, unique_by=lambda column: column.name))
def test_no_column_is_two_things(columns: list[Column]) -> None:
    def ask(field: str, names: Sequence[str]) -> str:
        return names[0] if names else f"no {field}"

    found = roles(columns, None, None, ask)
    assert len(set(found.values())) == len(found)
    assert set(found.values()) <= {column.name for column in columns} | {"no question", "no answer"}


def test_repeats_contradictions_and_leaks_are_counted(tmp_path: Path) -> None:
    rows = [
        {"text": "How many?", "label": "a", "split": "train"},
        {"text": "how  many?", "label": "b", "split": "test"},
        {"text": "How many!", "label": "a", "split": "test"},
        {"text": "Else 1.5?", "label": "a", "split": "train"},
        {"text": "Else 15?", "label": "a", "split": "test"},
        {"text": "Alone?", "label": "b", "split": "train"},
        {"text": "Alone?", "label": "b", "split": "train"},
    ]
    path = write(tmp_path / "a.jsonl", rows)
    columns = {"question": "text", "answer": "label"}
    assert repeats_of(path, columns) == Repeats(rows=7, repeated=2, contradicting=1, across=1)
    task = load_task(path, columns=columns, answer="label")
    # "how many?" stays in the test, so nothing is left in training that "How many!" could be like.
    assert questions_of(task).near == 0
    path = write(tmp_path / "b.jsonl", [row for row in rows if row["text"] != "how  many?"])
    questions = questions_of(load_task(path, columns=columns, answer="label"))
    assert (questions.near, questions.shortest, questions.longest, questions.unanswered) == (1, 6, 9, 0)


def test_questions_without_letters_are_not_alike(tmp_path: Path) -> None:
    rows = [
        {"question": "😀?", "answer": "a", "split": "train"},
        {"question": "😢?", "answer": "b", "split": "test"},
    ]
    assert questions_of(load_task(write(tmp_path / "a.jsonl", rows), answer="label")).near == 0


@pytest.mark.parametrize(
    ("answer", "count", "labels"),
    [(lambda n: f"Team {n % 12}", 60, 12), (lambda n: f"Team {n}", 60, 0), (lambda n: "w" * 41 + str(n % 3), 60, 0)],
)
def test_many_short_repeated_answers_are_labels(tmp_path: Path, answer: Any, count: int, labels: int) -> None:
    rows = [{"question": f"What is {n}?", "answer": answer(n)} for n in range(count)]
    assert len(labels_of(load_task(write(tmp_path / "a.jsonl", rows), answer="text"))) == labels
