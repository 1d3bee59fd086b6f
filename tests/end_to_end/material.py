"""Questions, recipes and folders for whole runs, small enough to be carried through in seconds."""

import gzip
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RECIPE = """
name = "tiny"

[task]
name = "{data}"

[[teacher]]
model = "teacher"
engine = "scripted"

[annotation]
rationales = 3

[student]
model = "{student}"

[training]
learning_rate = 1e-3
budget = {{ steps = 13 }}
batch_tokens = 512
precision = "fp32"

[[arm]]
name = "labels"
method = "standard"
labels = "teacher"

[[arm]]
name = "mirror"
method = "minds_mirror"
labels = "teacher"
schedule = "sequential"

[evaluation]
samples = 2
max_tokens = 60
judge_baselines = true
"""

MODES = {
    "untrained": ("predict", "think"),
    "labels": ("predict",),
    "mirror": ("predict", "think", "vote", "mirror"),
}
"""What each arm of the recipe can be asked."""

TRAIN, VALID, TEST = 8, 2, 6


def word_problem(number: int, split: str) -> dict[str, Any]:
    """A question that the scripted teacher answers rightly more often than not."""
    ours, theirs = 3 + number % 5, 50 + 7 * number
    text = f"Ann has {ours} pens and Bo has {theirs} pens. How many pens has Ann?"
    return {"id": f"w{number}", "question": text, "answer": ours, "split": split, "made": "by this test"}


def word_problems() -> list[dict[str, Any]]:
    """Training, validation and test questions, in this order."""
    splits = ["train"] * TRAIN + ["valid"] * VALID + ["test"] * TEST
    return [word_problem(number, split) for number, split in enumerate(splits)]


def easy_questions(folder: Path) -> Path:
    """Questions that name their answer and no other number.

    The scripted teacher picks one of the question's numbers, so elsewhere it has nothing right to learn from.
    """
    splits = ["train"] * 6 + ["valid"] * 2 + ["test"] * 3
    rows = [
        {"question": f"What is the larger one of {n} and {n}?", "answer": str(n), "split": split}
        for n, split in enumerate(splits, start=3)
    ]
    return write_rows(folder / "easy.jsonl", rows)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write JSON Lines, compressed if the name says so."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def write_recipe(folder: Path, student: Path, data: str = "words.jsonl") -> Path:
    """Write `tiny.toml` for a data file beside it."""
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(data=data, student=student), encoding="utf-8")
    return path


def workplace(folder: Path, student: Path) -> Path:
    """A folder with the word problems and their recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "words.jsonl", word_problems())
    write_recipe(folder, student)
    return folder


def document(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def served(log: Path) -> list[str]:
    """Keys of the samples that the scripted teacher was asked for, in their order; repeated if asked again."""
    return log.read_text().split() if log.exists() else []


def stored(store: Path) -> dict[str, tuple[str, str]]:
    """Key to purpose and text of the last message of every stored sample."""
    if not store.exists():
        return {}
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT key, purpose, messages FROM completions").fetchall()
    finally:
        database.close()
    return {key: (purpose, json.loads(messages)[-1][1]) for key, purpose, messages in rows}


def state(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file with its time and content: two states are equal if nothing was written in between."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock" and not path.name.startswith("store.sqlite-")
    }


def weights(run: Path) -> dict[str, bytes]:
    """The bytes of every model of a run."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("model.safetensors"))}
