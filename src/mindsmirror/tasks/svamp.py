"""SVAMP: word problems answered by an equation (Patel et al., NAACL 2021), split as in the Mind's Mirror paper.

    Each pack of dvds costs 76 dollars. If there is a discount of 25 dollars on each pack
    How much do you have to pay to buy each pack?            ->  76 - 25

The paper's 800/200 are numpy's RandomState(0) permutation of the 1000 problems in the order of the source;
80 of the 800 validate. The source's `chal-680` is wrong: its equation gives 5, its answer says 1.
"""

import re

from mindsmirror.answers.equation import Equation
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_ids, read_rows
from mindsmirror.tasks.splits import make_splits

HUB = HubSource("ChilleD/SVAMP", None, "5e0bf1e5e7c0e9c4bc39180d224f41f3f801b7ef", "svamp")
SPLIT_FILE = "svamp/splits/paper_720_80_200.json"
ROWS = 1000


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`svamp/all.jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is not None:
        path = local(data_dir, "svamp/all.jsonl", "svamp/all.jsonl.gz")
        examples = {row.text("id"): _example(row) for row in read_rows(path)}
        sources = {f"svamp/{path.name}": file_hash(path)}
        split_file = data_dir / SPLIT_FILE
        ids = read_ids(split_file) if split_file.is_file() else paper_split()
    else:
        rows = [_renamed(row) for split in ("train", "test") for row in hub_rows(HUB, split)]
        examples = {row.text("id"): _example(row) for row in rows}
        sources = {HUB.repository: HUB.revision}
        ids = paper_split()
    absent = [i for part in ids.values() for i in part if i not in examples]
    if absent:
        raise DataError(f"SVAMP is missing {len(absent)} problems of the paper's split, such as {absent[0]!r}.")
    train, valid, test = ([examples[i] for i in ids.get(split, [])] for split in ("train", "valid", "test"))
    splits, dropped = make_splits(config, train, valid, test)
    return Task("svamp", 1, "MIT", Equation(), splits, sources={**sources, "repeats dropped": str(dropped)})


def paper_split() -> dict[str, list[str]]:
    """The ids of the paper's 720/80/200, computed; equal to the stored file id by id."""
    import numpy as np

    order = [f"chal-{index + 1}" for index in np.random.RandomState(0).permutation(ROWS)]
    shuffled = [order[index] for index in np.random.default_rng(0).permutation(800)]
    return {"train": shuffled[80:], "valid": shuffled[:80], "test": order[800:]}


def _renamed(row: Row) -> Row:
    names = {"ID": "id", "Body": "body", "Question": "question", "Equation": "equation"}
    names |= {"Answer": "answer", "Type": "type"}
    return Row(row.where, {names.get(key, key): value for key, value in row.fields.items()})


def _example(row: Row) -> Example:
    gold = Equation().read(row.text("equation"), {})
    if gold is None:
        raise DataError(f"{row.where}: the equation {row.text('equation')!r} cannot be read.")
    body, question = row.text("body").strip(), row.text("question").strip()
    identity = row.text("id")
    if not re.fullmatch(r"chal-\d+", identity):
        raise DataError(f"{row.where}: {identity!r} is not an id of SVAMP.")
    return Example(
        id=identity,
        text=f"{body}\n{question}",
        gold=gold.text,
        extra=row.others("id", "body", "question"),
    )
