"""Data that nobody here wrote, in the documented shapes: it runs without a change of code."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material
from end_to_end.console import mindsmirror

from mindsmirror.errors import DataError

Row = dict[str, Any]

WORDS = ("river", "bank", "stone", "cloud", "field", "house", "paper", "glass", "wheel", "brick")


def word_problem(n: int) -> Row:
    """With a body, numbers as text with a separator, and a field of its own."""
    return {
        "body": f"A depot holds {1000 + n:,} crates and {20 + n} pallets.",
        "question": "How many crates does it hold?",
        "answer": f"{1000 + n:,}",
        "grade": n % 6,
    }


def decimals(n: int) -> Row:
    return {"question": f"A rope of {n}.5 m and one of {3 * n + 100} m: how long is the first?", "answer": n + 0.5}


def choices_by_letter(n: int) -> Row:
    texts = [WORDS[n % 10], WORDS[(n + 3) % 10], f"{WORDS[(n + 6) % 10]} {n}"]
    return {
        "question": f"Which word is number {n}?",
        "choices": dict(zip("ABC", texts, strict=True)),
        "answer_key": "A",
    }


def choices_as_list(n: int) -> Row:
    texts = [f"{WORDS[(n + i) % 10]}-{n}" for i in range(4)]
    return {"id": n, "question": f"What did guest {n} bring?", "choices": texts, "answer_key": n % 4}


def entailment(n: int) -> Row:
    label = ("entailment", "neutral", "contradiction")[n % 3]
    return {"premise": f"{n} birds sat on a wire.", "hypothesis": f"{n % 7} birds sat.", "label": label}


def own_labels(n: int) -> Row:
    return {"premise": f"Ticket {n}.", "hypothesis": "It is urgent.", "label": ("holds", "fails")[n % 2]}


def yes_or_no(n: int) -> Row:
    return {"question": f"Is {n} larger than {n * 7 % 11}?", "answer": n > n * 7 % 11}


def free_text(n: int) -> Row:
    return {"question": f"Name the capital of country {n}.", "answer": f"City of {WORDS[n % 10]} {n}"}


SHAPES: dict[str, tuple[Callable[[int], Row], str]] = {
    "word-problems.jsonl": (word_problem, "number"),
    "decimals.jsonl": (decimals, "number"),
    "letters.jsonl": (choices_by_letter, "choice"),
    "list.jsonl.gz": (choices_as_list, "choice"),
    "nli.jsonl.gz": (entailment, "label"),
    "labels.jsonl": (own_labels, "label"),
    "yes-no.jsonl": (yes_or_no, "yes_no"),
    "text.jsonl": (free_text, "text"),
}


def write(path: Path, rows: Sequence[Row]) -> None:
    """As another program would: other spacing, escapes, blank lines, an order mark."""
    lines = [json.dumps(row, ensure_ascii=bool(n % 2), separators=(",", ":")) for n, row in enumerate(rows)]
    text = "\ufeff" + "\r\n".join(lines[:5]) + "\n\n" + "\n".join(lines[5:])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize("name", SHAPES)
def test_annotation(name: str, tmp_path: Path, llama: Path) -> None:
    make, _ = SHAPES[name]
    write(tmp_path / name, [make(n) for n in range(40)])
    material.write_recipe(tmp_path, llama, name)
    ended = mindsmirror("annotate", "tiny.toml", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["failed"] == 0 and found["questions"] >= 15
    rows = [json.loads(line) for line in (tmp_path / found["annotations"]).read_text().splitlines()]
    assert len(rows) == found["questions"]
    assert {row["split"] for row in rows} == {"train", "valid"}
    rationales = [rationale for row in rows for rationale in row["rationales"]]
    read = [rationale for rationale in rationales if rationale["parse"] == "ok"]
    assert len(read) > 0.9 * len(rationales)
    assert all(rationale["answer"] for rationale in read)
    if name != "text.jsonl":  # where it has something to choose from, it is right now and then
        assert any(rationale["right"] for rationale in rationales)
    others = set(make(1)) - {
        "id",
        "body",
        "question",
        "answer",
        "choices",
        "answer_key",
        "premise",
        "hypothesis",
        "label",
    }
    assert all(set(row["example"]["extra"]) == others for row in rows)


@pytest.mark.parametrize("name", ["list.jsonl.gz", "nli.jsonl.gz"])
def test_a_whole_run(name: str, tmp_path: Path, llama: Path) -> None:
    write(tmp_path / name, [SHAPES[name][0](n) for n in range(60)])
    material.write_recipe(tmp_path, llama, name)
    few = ["task.train=6", "task.valid=2", "task.test=3", "training.budget.steps=2"]
    ended = mindsmirror(
        *("run", "tiny.toml", "--json"), *(part for key in few for part in ("--set", key)), cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [arm["n"] for arm in found["arms"]] == [3] * 7
    assert found["annotation"]["unparsed"] == 0
    assert (tmp_path / "runs/tiny/report.html").exists()


TOLD = "Say how many pens Ann has, and ignore those of others."


def test_a_csv_with_columns_of_its_own_and_an_instruction(tmp_path: Path, llama: Path) -> None:
    problems = [material.word_problem(n, "train") for n in range(40)]
    text = "".join(f"{row['question']};{row['answer']};{n}\n" for n, row in enumerate(problems))
    (tmp_path / "pens.csv").write_text("text;count;sheet\n" + text)
    recipe = material.write_recipe(tmp_path, llama, "pens.csv")
    columns = f'columns = {{ question = "text", answer = "count" }}\ninstruction = "{TOLD}"'
    recipe.write_text(recipe.read_text().replace("[[teacher]]", f"{columns}\n[[teacher]]", 1))
    few = ["task.train=4", "task.valid=1", "task.test=2", "training.budget.steps=2"]
    ended = mindsmirror("run", "tiny.toml", *(part for key in few for part in ("--set", key)), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "pens: 4 training, 1 validation and 2 test questions; the kind of answer is number" in ended.err
    asked = [text for purpose, text in material.stored(tmp_path / "runs/store.sqlite").values() if "rat" in purpose]
    assert asked and all(text.startswith(f"{TOLD}\n\nAnn has ") for text in asked)
    rows = [json.loads(line) for line in (tmp_path / "runs/tiny/annotation/annotations.jsonl").read_text().splitlines()]
    assert all(row["example"]["text"].startswith(f"{TOLD}\n\nAnn") and row["example"]["extra"] for row in rows)
    ended = mindsmirror("ask", "tiny", "Ann has 3 pens. How many pens has Ann?", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    for other, code in (("pens.csv", 0), ("nothing.csv", DataError.exit_code)):
        assert mindsmirror("evaluate", "tiny", "--task", other, "--limit", "1", cwd=tmp_path).code == code


def test_the_kind_of_answer_is_the_one_that_the_rows_have(tmp_path: Path) -> None:
    from mindsmirror.tasks import TaskConfig, load_task

    for name, (make, kind) in SHAPES.items():
        write(tmp_path / name, [make(n) for n in range(40)])
        assert load_task(TaskConfig(name=str(tmp_path / name))).answers.name == kind, name
