"""ARC-Challenge: grade-school science, three to five choices (Clark et al., 2018, arXiv 1803.05457). CC BY-SA 4.0.

    George wants to warm his hands quickly by rubbing them. Which skin surface will produce the most heat?
    Answer choices:
    (a) dry palms   …                                         ->  dry palms

The test set is the public one. From the hub, the validation set is the official one. From a data_dir it is
`validation.jsonl`, or else a tenth of the training questions, chosen by hash.
"""

from mindsmirror.answers.choice import Choice
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_rows
from mindsmirror.tasks.shown import choice_example
from mindsmirror.tasks.splits import cut, make_splits

HUB = HubSource("allenai/ai2_arc", "ARC-Challenge", "210d026faf9955653af8916fad021475a3f00453", "arc_challenge")
LICENCE = "CC BY-SA 4.0"


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`arc_challenge/{train,test}.jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is None:
        parts = ([_example(_from_hub(row)) for row in hub_rows(HUB, name)] for name in ("train", "validation", "test"))
        train, valid, test = parts
        sources = {HUB.repository: HUB.revision}
    else:
        folder = "arc_challenge"
        paths = [local(data_dir, f"{folder}/{n}.jsonl", f"{folder}/{n}.jsonl.gz") for n in ("train", "test")]
        train, test = ([_example(row) for row in read_rows(path)] for path in paths)
        train, valid = cut(train, 0.1)
        sources = {f"{folder}/{path.name}": file_hash(path) for path in paths}
    splits, dropped = make_splits(config, train, valid, test)
    sources["repeats dropped"] = str(dropped)
    return Task("arc_challenge", 1, LICENCE, Choice(), splits, sources=sources)


def _from_hub(row: Row) -> Row:
    """The hub's {"label": [...], "text": [...]}; a few rows are labelled 1 to 4."""
    given = row.value("choices")
    choices = {label.lower(): text for label, text in zip(given["label"], given["text"], strict=True)}
    fields = {**row.others("choices", "answerKey"), "choices": choices}
    return Row(row.where, {**fields, "answer_key": row.text("answerKey").lower()})


def _example(row: Row) -> Example:
    return choice_example(row, row.others("id", "question", "choices", "answer_key"))
