"""Files of your own: three shapes of row; the kind of answer is guessed, then checked on every row.

    {"question": "…", "answer": "42"}                               also with "body", shown before the question
    {"question": "…", "choices": {"a": "…", "b": "…"}, "answer_key": "b"}   choices also as a list of texts
    {"premise": "…", "hypothesis": "…", "label": "neutral"}

So are the columns of a CSV or Parquet file; `columns` in [task] says where they are called otherwise.
Other fields are kept in `extra`. `id` is optional. An answer of null is allowed in training rows only.
If every row has a field `split` (train, valid, test), it decides. Otherwise the hash of a row's id does (80 % train,
10 % valid, 10 % test; small files give more to the test), so that new rows do not reshuffle the old ones.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mindsmirror.answers import ENTAILMENT, YES_NO, Choice, Label, kind_named
from mindsmirror.answers.base import AnswerKind
from mindsmirror.answers.number import Number, looks_numeric
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.records import Example
from mindsmirror.system.files import expanded, there
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.packed import Packed
from mindsmirror.tasks.rows import SHAPES, Row, file_hash
from mindsmirror.tasks.shown import NLI_QUESTION, choice_example, premise_and_hypothesis, row_id
from mindsmirror.tasks.splits import TEST_SHARE, VALID_SHARE, bucket, make_splits, shares
from mindsmirror.tasks.tables import Columns, each_own_row, stem

MAX_LABELS = 8
SPLIT_NAMES = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}
KINDS = ("number", "equation", "choice", "label", "text", "yes_no")


def load(config: TaskConfig) -> Task:
    """The task of the file that the recipe names. Its path is taken as given, or under data_dir."""
    path = expanded(config.name)
    if config.data_dir is not None and not path.is_absolute() and not there(path):
        path = config.data_dir / path
    # Twice, so that a million rows are never all in memory: what the file holds, then its examples.
    found = _survey(path, config.columns)
    kind = _kind(config, found.shape, found.golds)
    parts = {split: Packed() for split in ("train", "valid", "test")}
    # A recipe that names sizes keeps what it has always got: the first of the splits that a large file has.
    sized = any(size is not None for size in (config.train, config.valid, config.test))
    test, valid = (TEST_SHARE, VALID_SHARE) if sized else shares(len(found.golds))
    for row, example in _distinct(path, found, config.columns):
        checked = _checked(row, example, kind)
        parts[_split(row, checked) if found.splits_given else _bucket_split(checked, test, valid)].append(checked)
    other = "" if found.splits_given else "Or name no sizes, or give every row a field 'split' (train, valid, test)."
    splits, dropped = make_splits(config, parts["train"], parts["valid"], parts["test"], Packed, other)
    for name, part in (("train", splits.train), ("test", splits.test)):
        if not part:
            raise DataError(
                f"{path}: none of its {found.rows} rows is in the split {name}. "
                "Add rows, or give every row a field 'split'."
            )
    sources = {str(path): file_hash(path), "repeats dropped": str(dropped), "kind of answer": kind.name}
    return Task(stem(path), 1, "unknown", kind, splits, sources=sources, own=True)


class _Survey(NamedTuple):
    """What all rows of a file have in common."""

    rows: int
    shape: tuple[str, ...]
    golds: list[str]
    """The answers that there are, in order."""
    question: str
    """What is asked of a premise and a hypothesis."""
    splits_given: bool
    """Whether every row names its split."""


def _survey(path: Path, columns: Columns) -> _Survey:
    """Read the file once. DataError names the first row that has another shape than the first, or none."""
    shape: tuple[str, ...] = ()
    rows, splits_given = 0, True
    golds: list[str] = []
    labels: set[str] = set()
    for row in each_own_row(path, columns):
        rows += 1
        shape = shape or _shape_of(row)
        if _shape_of(row) != shape:
            raise DataError(f"{row.where}: its fields differ from the first row's ({', '.join(shape)}).")
        splits_given = splits_given and row.fields.get("split") is not None
        gold = choice_example(row, {}).gold if "choices" in shape else row.scalar(shape[-1])
        if gold is not None:
            golds.append(gold)
        if "premise" in shape and (label := row.scalar("label")):
            labels.add(label.strip())
    return _Survey(rows, shape, golds, _nli_question(sorted(labels)) if "premise" in shape else "", splits_given)


def _shape_of(row: Row) -> tuple[str, ...]:
    for shape in SHAPES:
        if all(key in row.fields for key in shape):
            return shape
    wanted = " or ".join(" + ".join(shape) for shape in SHAPES)
    raise DataError(
        f"{row.where}: the row needs {wanted}. It has: {row.names()}. If it calls them otherwise, say so in [task], "
        "such as columns = { question = 'text', answer = 'category' }."
    )


def _nli_question(labels: Sequence[str]) -> str:
    """The question about a premise and a hypothesis; it names the labels, so that they are a closed set."""
    if {label.casefold() for label in labels} <= set(ENTAILMENT.labels):
        return NLI_QUESTION
    return f"Which label fits: {', '.join(labels[:-1])} or {labels[-1]}?" if len(labels) > 1 else ""


def _example(row: Row, shape: tuple[str, ...], nli_question: str) -> Example:
    extra = row.others("id", "body", *shape)
    if "choices" in shape:
        return choice_example(row, extra)
    if "premise" in shape:
        text = premise_and_hypothesis(row.text("premise"), row.text("hypothesis"), nli_question)
        return Example(id=row_id(row, text), text=text, gold=row.scalar("label"), extra=extra)
    text = row.text("question").strip()
    if row.fields.get("body"):
        text = f"{row.text('body').strip()}\n{text}"
    return Example(id=row_id(row, text), text=text, gold=row.scalar("answer"), extra=extra)


def _distinct(path: Path, found: _Survey, columns: Columns) -> Iterator[tuple[Row, Example]]:
    """Every row with its example.

    DataError if two rows give the same id; rows without one may repeat, and are dropped as repeats later.
    """
    first: dict[str, int] = {}
    for row in each_own_row(path, columns):
        example = _example(row, found.shape, found.question)
        given = row.fields.get("id") is not None
        # Lines whose id was made of their content are counted below zero.
        line = first.setdefault(example.id, row.line if given else -row.line)
        if abs(line) != row.line and (given or line > 0):
            raise DataError(f"{row.where}: the id {example.id!r} is used twice, here and in {path}, line {abs(line)}.")
        yield row, example


def _kind(config: TaskConfig, shape: tuple[str, ...], golds: Sequence[str]) -> AnswerKind:
    if config.answer is not None and config.answer not in KINDS:
        raise RecipeError(f"task.answer is {config.answer!r}; it must be one of {', '.join(KINDS)}.")
    if not golds:
        raise DataError(f"{config.name}: no row has an answer, so nothing can be evaluated.")
    if "choices" in shape:
        if config.answer not in (None, "choice"):
            raise RecipeError(f"task.answer is {config.answer!r}, but the rows of {config.name} have choices.")
        return Choice()
    if config.answer == "choice":
        raise RecipeError(f"task.answer is 'choice', but the rows of {config.name} have no choices.")
    if config.answer not in (None, "label"):
        return kind_named(str(config.answer))
    return _guess(golds, config.answer == "label" or "label" in shape)


def _guess(golds: Sequence[str], labelled: bool) -> AnswerKind:
    """number if all answers are numerals, yes_no if all are yes or no, labels if few and short, else text."""
    if not labelled and all(looks_numeric(gold) and Number().read(gold, {}) for gold in golds):
        return Number()
    values = {gold.strip().casefold() for gold in golds}
    if values <= {"yes", "no", "true", "false"}:
        return YES_NO
    if values <= set(ENTAILMENT.labels):
        return ENTAILMENT
    few = len(values) <= MAX_LABELS and len(golds) >= 3 * len(values) and all(len(v) <= 40 for v in values)
    if labelled or few:
        spelt = {gold.strip().casefold(): gold.strip() for gold in reversed(golds)}
        return Label("label", tuple(spelt[value] for value in sorted(values)))
    return kind_named("text")


def _checked(row: Row, example: Example, kind: AnswerKind) -> Example:
    """The example with its gold in canonical form. DataError if it is no answer of the kind."""
    if example.gold is None:
        return example
    answer = kind.read(example.gold, example.choices)
    if answer is None:
        raise DataError(
            f"{row.where}: the answer {example.gold!r} is not of the kind {kind.name}. "
            "Correct the row, or set answer in [task] to another kind."
        )
    return example.model_copy(update={"gold": answer.text})


def _split(row: Row, example: Example) -> str:
    """The split that the row names. DataError if there is no such split, or one that needs an answer lacks it."""
    name = row.fields["split"]
    if not isinstance(name, str) or name not in SPLIT_NAMES:
        raise DataError(f"{row.where}: 'split' is {name!r:.80}; it must be train, valid or test.")
    if example.gold is None and name != "train":
        raise DataError(f"{row.where}: a row of the split {name} needs an answer.")
    return SPLIT_NAMES[name]


def _bucket_split(example: Example, test: float, valid: float) -> str:
    """The split by the id's hash and the shares of test and validation; rows without an answer go to train."""
    place = bucket(example.id)
    return "train" if example.gold is None or place >= test + valid else "test" if place < test else "valid"
