"""CommonsenseQA 1.11: five-way multiple choice (Talmor et al., NAACL 2019), split as in the Mind's Mirror paper.

    Sammy wanted to go to where the people were.  Where might he go?
    Answer choices:
    (a) race track
    (b) populated areas   …                                   ->  populated areas

The public dev set (1221) is the test set, since the official test set has no answers. With the split file the
validation set is the paper's 975 of 9741. The hub's order differs; there a tenth validates, chosen by the hash of the
question. Answers are scored by text, because some rows repeat a choice.
"""

from mindsmirror.answers.choice import Choice
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_ids, read_rows
from mindsmirror.tasks.shown import choice_example
from mindsmirror.tasks.splits import cut, make_splits

HUB = HubSource("tau/commonsense_qa", None, "94630fe30dad47192a8546eb75f094926d47e155", "cqa")
SPLIT_FILE = "cqa/splits/paper_8766_975_1221.json"
LICENCE = "MIT (as the hub's card says; the source repository has no licence file)"


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`cqa/train.jsonl`, `cqa/dev.jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is None:
        train = [_example(_from_hub(row)) for row in hub_rows(HUB, "train")]
        test = [_example(_from_hub(row)) for row in hub_rows(HUB, "validation")]
        sources = {HUB.repository: HUB.revision}
        kept, valid = cut(train, 0.1)
    else:
        paths = [local(data_dir, f"cqa/{part}.jsonl", f"cqa/{part}.jsonl.gz") for part in ("train", "dev")]
        train, test = ([_example(row) for row in read_rows(path)] for path in paths)
        sources = {f"cqa/{path.name}": file_hash(path) for path in paths}
        split_file = data_dir / SPLIT_FILE
        if split_file.is_file():
            kept, valid, test = _by_id([*train, *test], read_ids(split_file))
        else:
            kept, valid = cut(train, 0.1)
    splits, dropped = make_splits(config, kept, valid, test)
    return Task("csqa", 1, LICENCE, Choice(), splits, sources={**sources, "repeats dropped": str(dropped)})


def _by_id(examples: list[Example], ids: dict[str, list[str]]) -> list[list[Example]]:
    found = {example.id: example for example in examples}
    absent = [i for part in ids.values() for i in part if i not in found]
    if absent:
        raise DataError(f"CommonsenseQA is missing {len(absent)} questions of {SPLIT_FILE}, such as {absent[0]!r}.")
    return [[found[i] for i in ids.get(split, [])] for split in ("train", "valid", "test")]


def _example(row: Row) -> Example:
    return choice_example(row, row.others("id", "question", "choices", "answer_key"))


def _from_hub(row: Row) -> Row:
    """The hub's {"label": [...], "text": [...]} as letters to texts."""
    given = row.value("choices")
    choices = {label.lower(): text for label, text in zip(given["label"], given["text"], strict=True)}
    fields = {**row.others("choices", "answerKey"), "choices": choices}
    return Row(row.where, {**fields, "answer_key": row.text("answerKey").lower()})
