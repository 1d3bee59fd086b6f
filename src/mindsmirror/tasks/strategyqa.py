"""StrategyQA: yes/no questions that need implicit steps (Geva et al., TACL 2021). MIT.

    Are more people today related to Genghis Khan than Julius Caesar?   ->  yes

Only the labelled training questions are public, so they are split by the hash of their id: 80 % train,
10 % validation, 10 % test. From the hub, its Parquet conversion is read. That is a
moving branch: no commit of it could be verified.
"""

from mindsmirror.answers.label import YES_NO
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_rows
from mindsmirror.tasks.shown import row_id
from mindsmirror.tasks.splits import bucket, make_splits

HUB = HubSource("tasksource/strategy-qa", "default", "refs/convert/parquet", "strategyqa")


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`strategyqa/train.jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is None:
        rows = [_from_hub(row) for row in hub_rows(HUB, "train")]
        sources = {HUB.repository: HUB.revision}
    else:
        path = local(data_dir, "strategyqa/train.jsonl", "strategyqa/train.jsonl.gz")
        rows, sources = read_rows(path), {f"strategyqa/{path.name}": file_hash(path)}
    examples = [_example(row) for row in rows]
    test = [example for example in examples if bucket(example.id) < 0.1]
    valid = [example for example in examples if 0.1 <= bucket(example.id) < 0.2]
    train = [example for example in examples if bucket(example.id) >= 0.2]
    splits, dropped = make_splits(config, train, valid, test)
    return Task("strategyqa", 1, "MIT", YES_NO, splits, sources={**sources, "repeats dropped": str(dropped)})


def _from_hub(row: Row) -> Row:
    return Row(row.where, {**row.others("qid"), "id": row.text("qid")})


def _example(row: Row) -> Example:
    question = row.text("question").strip()
    if not isinstance(row.value("answer"), bool):
        raise DataError(f"{row.where}: 'answer' must be true or false.")
    return Example(
        id=row_id(row, question),
        text=question,
        gold=row.scalar("answer"),
        extra=row.others("id", "question", "answer"),
    )
