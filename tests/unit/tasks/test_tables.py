"""Rows of CSV, TSV and Parquet files are those of the same JSON Lines file, and a broken file is told by its line."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import DataError, RecipeError
from mindsmirror.tasks import load_task
from mindsmirror.tasks.tables import each_own_row, stem, task_label

TICKETS = [
    {"text": f'Ticket {n}: "it, well; is\tbroken"\nsince Monday é', "category": ("bug", "billing", "other")[n % 3]}
    for n in range(60)
]
COLUMNS: dict[str, str | list[str]] = {"question": "text", "answer": "category"}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip() == text)


def as_csv(rows: list[dict[str, Any]], separator: str = ",", quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), delimiter=separator, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def test_every_kind_of_file_gives_the_same_task(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in TICKETS).encode()
    contents = {
        "a.jsonl": lines,
        "a.jsonl.gz": gzip.compress(lines),
        "a.csv": b"\xef\xbb\xbf" + as_csv(TICKETS),
        "b.csv": as_csv(TICKETS, ";"),
        "c.csv": as_csv(TICKETS, "\t", csv.QUOTE_ALL),
        "a.csv.gz": gzip.compress(as_csv(TICKETS)),
        "a.TSV": as_csv(TICKETS, "\t"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    as_parquet(TICKETS, tmp_path / "a.parquet")
    tasks = [load_task(tmp_path / name, columns=COLUMNS) for name in (*contents, "a.parquet")]
    first = tasks[0]
    assert first.own and first.answer_words == "3 labels: billing, bug, other"
    assert sum(map(len, first.splits)) == 60 and len(first.splits.test) >= 9
    for task in tasks[1:]:
        assert [list(part) for part in task.splits] == [list(part) for part in first.splits]
        assert task.answers == first.answers


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b c": st.none() | TEXTS}), min_size=1), st.sampled_from(",;\t"))
def test_what_a_csv_writer_writes_is_read(rows: list[dict[str, Any]], separator: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("rows.tsv" if separator == "\t" else "rows.csv")
        path.write_bytes(as_csv(rows, separator))
        found = list(each_own_row(path, {}))
        assert [dict(row.fields) for row in found] == rows
        renamed = each_own_row(path, {"question": "b c"})
        assert [row.fields for row in renamed] == [{"a": row["a"], "question": row["b c"]} for row in rows]


def test_values_of_parquet_become_those_of_json(tmp_path: Path) -> None:
    from datetime import date
    from decimal import Decimal

    path = tmp_path / "a.parquet"
    as_parquet([{"a": date(2026, 1, 2), "b": Decimal("1.50"), "c": [1, None], "d": {"e": True}, "f": 0.5}], path)
    (row,) = each_own_row(path, {})
    assert row.fields == {"a": "2026-01-02", "b": "1.50", "c": [1, None], "d": {"e": True}, "f": 0.5}
    assert row.where.endswith("a.parquet, row 1")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "contains no rows"),
        ("a.csv", b"question,answer\n\n , \n", "contains no rows"),
        ("a.csv", b"question,question\nx,y\n", r"line 1: the header has the column 'question' twice"),
        ("a.csv", b"question,,\nx,y,z\n", "line 1: the header has columns without a name"),
        ("a.csv", b"question,answer\nx,1\ny,2,3\n", r"line 3: it has 3 cells, but the header names 2 columns"),
        ("a.csv", b'question,answer\nx,1\n"y,2\n', r"line 3: this is not CSV .*quotation mark"),
        ("a.csv", b"question,answer\nx,1\n\xff,2\n", r"line 3: this is not UTF-8 .*CSV UTF-8"),
        ("a.csv", b"text,category\nx,1\n", r"line 2: the row needs .*It has: text, category\..*columns = \{"),
        ("a.csv", b"question,answer\nx,1\ny,\n,2\n", r"line 4: 'question' must be a string, not null"),
        ("a.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
        ("a.csv.gz", b"question", "not a complete gzip file"),
    ],
)
def test_a_broken_file_is_told_by_its_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_task(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        load_task(path)


def test_choices_may_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    rows = [{"q": f"What is {n}?", "A": f"one {n}", "B": f"two {n}", "C": "", "right": "AB"[n % 2]} for n in range(40)]
    path = tmp_path / "quiz.csv"
    path.write_bytes(as_csv(rows))
    task = load_task(path, columns={"question": "q", "choices": ["A", "B", "C"], "answer_key": "right"})
    example = task.splits.train[0]
    number = int(example.text.split()[2].rstrip("?\n"))
    assert example.choices == {"a": f"one {number}", "b": f"two {number}"}
    assert example.gold == example.choices["ab"[number % 2]]


def test_columns_that_are_wrong_are_named(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_bytes(as_csv(TICKETS))
    with pytest.raises(DataError, match=r"line 2: there is no column 'txt', which columns\.question .*text, category"):
        load_task(path, columns={"question": "txt", "answer": "category"})
    with pytest.raises(RecipeError, match=r"there is no field 'query' to name a column for; there are question, "):
        load_task(path, columns={"query": "text"})
    with pytest.raises(RecipeError, match="only choices can stand in several columns"):
        load_task(path, columns={"question": ["text", "category"]})
    with pytest.raises(RecipeError, match=r"task\.columns: svamp is no file of your own"):
        load_task("svamp", columns=COLUMNS)


def test_a_column_takes_the_place_of_one_that_was_called_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(as_csv([{"question": "old", "text": f"new {n}", "answer": str(n)} for n in range(40)]))
    task = load_task(path, columns={"question": "text"})
    assert all(example.text.startswith("new ") and not example.extra for _, example in task.splits.named())


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.tsv", "a.PARQUET", "a"])
def test_a_task_is_called_as_its_file(name: str) -> None:
    assert stem(Path("x.y") / name) == "a"


@pytest.mark.parametrize(
    "text",
    [
        "\n\nquestion,answer\nWhat?,5\n",
        "sep=;\nquestion;answer\nWhat?;5\n",
        '"question";"answer"\nWhat?;5\n',
        '"question, in words";question;answer\nx;What?;5\n',
    ],
)
def test_where_a_header_begins_and_what_separates_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text, encoding="utf-8")
    (row,) = each_own_row(path, {})
    assert (row.fields["question"], row.fields["answer"]) == ("What?", "5")
    assert row.line == text.count("\n")


def test_numbers_bytes_and_maps_of_parquet_are_what_they_stand_for(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "a.parquet"
    columns = {
        "short": pyarrow.array([1.1], pyarrow.float32()),
        "long": pyarrow.array([1.1], pyarrow.float64()),
        "bytes": pyarrow.array(["Où?".encode()], pyarrow.binary()),
        "map": pyarrow.array([[("a", "x"), ("b", "y")]], pyarrow.map_(pyarrow.string(), pyarrow.string())),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    (row,) = each_own_row(path, {})
    assert row.fields == {"short": 1.1, "long": 1.1, "bytes": "Où?", "map": {"a": "x", "b": "y"}}
    pyarrow.parquet.write_table(pyarrow.table({"q": pyarrow.array([b"\xff"], pyarrow.binary())}), path)
    with pytest.raises(DataError, match=r"row 1: the column 'q' holds bytes that are no UTF-8 text"):
        list(each_own_row(path, {}))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("/home/me/questions/pens.jsonl", "pens.jsonl"),
        ("../pens.csv", "pens.csv"),
        ("reasoning_gym:leg_counting", "reasoning_gym:leg_counting"),
        ("svamp", "svamp"),
    ],
)
def test_a_report_names_a_file_without_its_folders(name: str, label: str) -> None:
    assert task_label(name) == label
