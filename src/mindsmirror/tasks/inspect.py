"""A look at a file of one's own before there is a recipe: which column is what, and what its questions repeat.

Columns are guessed by their names, then by what is in them. Where several could be meant, the caller is asked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from mindsmirror.errors import UnknownNameError
from mindsmirror.tasks.base import Task
from mindsmirror.tasks.own_file import SPLIT_NAMES
from mindsmirror.tasks.splits import content_id, question_key
from mindsmirror.tasks.tables import each_own_row

SAMPLED = 10_000
"""Rows by which columns are known; all rows are read when the task is loaded."""
MOST_LABELS = 100
"""Distinct answers that may still be the labels of one task."""
LONGEST_LABEL = 40

QUESTION = ("question", "text", "prompt", "input", "problem", "query", "message", "sentence", "utterance", "content")
ANSWER = (
    "answer",
    "label",
    "category",
    "class",
    "target",
    "output",
    "response",
    "intent",
    "topic",
    "sentiment",
    "gold",
)
KEY = ("answer_key", "answerkey", "answer", "label", "correct", "gold")
CHOICES = ("choices", "options")
KEPT = ("id", "split", "body")
"""Columns that mean something by these names, and are neither question nor answer."""

Ask = Callable[[str, Sequence[str]], str]
"""Is given what a column should hold and the names of those that could; gives one of them, or raises."""


class Column(NamedTuple):
    """What the rows hold under one name."""

    name: str
    listed: bool
    """Whether its values are lists or tables, as choices are."""
    filled: int
    distinct: int
    length: float
    """Mean number of characters of a value."""


class Repeats(NamedTuple):
    """How often a file says the same."""

    rows: int
    repeated: int
    """Rows whose question stands in an earlier row, case and spacing aside."""
    contradicting: int
    """Questions that have several answers."""
    across: int
    """Questions that stand in several of the splits that the rows name."""


class Questions(NamedTuple):
    """The questions of a loaded task."""

    shortest: int
    middle: int
    longest: int
    """Characters of the shortest, the median and the longest one."""
    near: int
    """Test questions that a training or validation question equals but for punctuation and spacing."""
    unanswered: int
    """Training questions without a gold answer."""


def columns_of(path: Path) -> list[Column]:
    """The columns of the first rows, in the order in which they appear. DataError as `each_own_row` has it."""
    values: dict[str, list[str]] = {}
    listed: set[str] = set()
    for row in islice(each_own_row(path, {}), SAMPLED):
        for name, value in row.fields.items():
            column = values.setdefault(name, [])
            if value is not None and str(value).strip():
                column.append(str(value))
            if isinstance(value, list | dict):
                listed.add(name)
    return [
        Column(name, name in listed, len(texts), len(set(texts)), sum(map(len, texts)) / max(1, len(texts)))
        for name, texts in values.items()
    ]


def roles(columns: Sequence[Column], question: str | None, answer: str | None, ask: Ask) -> dict[str, str]:
    """Our names of the fields to the file's names of the columns, as far as they differ.

    `question` and `answer` are columns that the user named; UnknownNameError lists what there is instead. `ask`
    decides where neither names nor contents do.
    """
    names = [column.name for column in columns]
    for given in (question, answer):
        if given is not None and given not in names:
            raise UnknownNameError("column", given, names)
    pair = {"premise", "hypothesis"} <= set(names) and question is None
    choices = next((c.name for c in columns if c.listed and c.name.casefold() in CHOICES), None) if not pair else None
    taken = {"premise", "hypothesis"} if pair else set()
    found: dict[str, str] = {}
    if choices is not None:
        found["choices"] = choices
    if not pair:
        free = [c for c in columns if not c.listed and c.name != answer and c.name not in KEPT]
        found["question"] = question or _called(free, QUESTION) or _longest(free) or ask("question", _names(free))
    taken |= set(found.values())
    free = [c for c in columns if not c.listed and c.name not in taken and c.name not in KEPT]
    ours = "label" if pair else "answer_key" if choices else "answer"
    known = KEY if choices else ANSWER
    only = free[0].name if len(free) == 1 else None
    found[ours] = answer or _called(free, known) or only or ask("answer", _names(free))
    return {ours: theirs for ours, theirs in found.items() if ours != theirs}


def unused(columns: Sequence[Column], chosen: Mapping[str, str]) -> list[str]:
    """The columns that nobody will be shown, given what `roles` came to."""
    ours = ("question", "answer", "answer_key", "choices", "premise", "hypothesis", "label")
    used = {chosen.get(name, name) for name in ours} | set(KEPT)
    return [column.name for column in columns if column.name not in used]


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _called(columns: Sequence[Column], known: Sequence[str]) -> str | None:
    """The one column that is called as such columns are; our own name for it goes before all others."""
    named = [column.name for column in columns if column.name.casefold() in known]
    exact = [name for name in named if name == known[0]]
    return (exact or named)[0] if exact or len(named) == 1 else None


def _longest(columns: Sequence[Column]) -> str | None:
    """The column whose texts are twice as long as those of any other and mostly differ; None if there is none."""
    by_length = sorted(columns, key=lambda column: column.length, reverse=True)
    if not by_length or 2 * by_length[0].distinct < by_length[0].filled:
        return None
    second = by_length[1].length if len(by_length) > 1 else 0.0
    return by_length[0].name if by_length[0].length >= 2 * second else None


def labels_of(task: Task) -> list[str]:
    """The distinct answers, if they are few, short and often repeated; else none."""
    golds = [example.gold.strip() for _, example in task.splits.named() if example.gold is not None]
    distinct = sorted({gold.casefold(): gold for gold in golds}.values())
    few = len(distinct) <= MOST_LABELS and len(golds) >= 3 * len(distinct)
    return distinct if few and all(len(text) <= LONGEST_LABEL for text in distinct) else []


def repeats_of(path: Path, columns: Mapping[str, str]) -> Repeats:
    """Count the questions of a file that stand in several rows, before a task drops them."""
    first: dict[str, tuple[object, object]] = {}
    contradicting: set[str] = set()
    across: set[str] = set()
    rows = 0
    for row in each_own_row(path, columns):
        rows += 1
        asked = [row.fields.get(name) for name in ("body", "question", "choices", "premise", "hypothesis")]
        key = content_id(question_key(" ".join(str(part) for part in asked if part is not None)))
        gold = next(
            (str(row.fields[n]) for n in ("answer_key", "label", "answer") if row.fields.get(n) is not None), ""
        )
        named = row.fields.get("split")
        here = (gold.strip().casefold(), SPLIT_NAMES.get(named) if isinstance(named, str) else None)
        before = first.setdefault(key, here)
        if before[0] != here[0]:
            contradicting.add(key)
        if before[1] != here[1]:
            across.add(key)
    return Repeats(rows, rows - len(first), len(contradicting), len(across))


def questions_of(task: Task) -> Questions:
    """Lengths of a task's questions, and what its test shares with what is trained on."""
    lengths = [len(example.text) for _, example in task.splits.named()]
    seen = {_letters(example.text) for _, example in task.splits.annotated()} - {""}
    near = sum(_letters(example.text) in seen for example in task.splits.test)
    unanswered = sum(example.gold is None for example in task.splits.train)
    return Questions(min(lengths), round(median(lengths)), max(lengths), near, unanswered)


def _letters(text: str) -> str:
    """Only what is read of a text: signs that change a number stay."""
    return re.sub(r"[^\w.+*/<>=%-]|[.](?!\d)", "", text.casefold())
