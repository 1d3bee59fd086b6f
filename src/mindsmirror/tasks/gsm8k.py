"""GSM8K: grade-school word problems with a numeric answer (Cobbe et al., 2021, arXiv 2110.14168). MIT.

    Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. …   ->  72

The test set is the public one (a part of it is in data_dir's `test_rest.jsonl`). A tenth of the training questions,
chosen by the hash of the question, is the validation set.
"""

from mindsmirror.answers.number import Number
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_rows
from mindsmirror.tasks.shown import row_id
from mindsmirror.tasks.splits import cut, make_splits

HUB = HubSource("openai/gsm8k", "main", "cc7b047b6e5bb11b4f1af84efc572db110a51b3c", "gsm8k")


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`gsm8k/train.jsonl(.gz)`, `gsm8k/test(_rest).jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is None:
        rows, tests = ([_from_hub(row) for row in hub_rows(HUB, split)] for split in ("train", "test"))
        sources = {HUB.repository: HUB.revision}
    else:
        train_path = local(data_dir, "gsm8k/train.jsonl.gz", "gsm8k/train.jsonl")
        test_path = local(data_dir, "gsm8k/test.jsonl", "gsm8k/test.jsonl.gz", "gsm8k/test_rest.jsonl")
        rows, tests = read_rows(train_path), read_rows(test_path)
        sources = {f"gsm8k/{path.name}": file_hash(path) for path in (train_path, test_path)}
    train, valid = cut([_example(row) for row in rows], 0.1)
    splits, dropped = make_splits(config, train, valid, [_example(row) for row in tests])
    return Task("gsm8k", 1, "MIT", Number(), splits, sources={**sources, "repeats dropped": str(dropped)})


def _from_hub(row: Row) -> Row:
    """The hub's `answer` is the worked solution, and the number follows its "####"."""
    solution = row.text("answer")
    return Row(row.where, {**row.fields, "solution": solution, "answer": solution.rpartition("####")[2].strip()})


def _example(row: Row) -> Example:
    question = row.text("question").strip()
    gold = Number().read(row.scalar("answer") or "", {})
    if gold is None:
        raise DataError(f"{row.where}: the answer {row.value('answer')!r} is not a number.")
    return Example(
        id=row_id(row, question), text=question, gold=gold.text, extra=row.others("id", "question", "answer")
    )
