"""Adversarial NLI, round 1 (Nie et al., ACL 2020): entailment, neutral or contradiction. CC BY-NC 4.0.

    Premise: … The system presently comprises four urban routes.
    Hypothesis: The trolleybus system has over 2 urban routes
    Is the hypothesis an entailment …                         ->  entailment

Official splits: 16,946 train, 1000 dev (validation), 1000 test. If a data_dir has no `anli_r1/train.jsonl` with
labels, the task reads the recovered training questions. Their gold is None, so students can learn only a teacher's
labels of them; `extra["palm_label"]` is what PaLM-540B said, not gold.
"""

from pathlib import Path

from mindsmirror.answers.label import ENTAILMENT
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.base import Task, TaskConfig
from mindsmirror.tasks.hub import HubSource, data_folder, hub_rows, local
from mindsmirror.tasks.rows import Row, file_hash, read_rows
from mindsmirror.tasks.shown import premise_and_hypothesis, row_id
from mindsmirror.tasks.splits import make_splits

HUB = HubSource("facebook/anli", "plain_text", "8e4813d81f46d313dac7892e1c28076917cfcdf9", "anli_r1")
LICENCE = "CC BY-NC 4.0 (non-commercial use only)"
TRAIN_FILES = ("anli_r1/train.jsonl", "anli_r1/train.jsonl.gz", "anli_r1/train_recovered_nogold.jsonl.gz")


def load(config: TaskConfig) -> Task:
    """The task, from data_dir (`anli_r1/{train,dev,test}.jsonl`) or the hub."""
    data_dir = data_folder(config, HUB)
    if data_dir is None:
        parts = [[_from_hub(row) for row in hub_rows(HUB, f"{part}_r1")] for part in ("train", "dev", "test")]
        sources = {HUB.repository: HUB.revision}
    else:
        paths = _paths(data_dir)
        parts = [read_rows(path) for path in paths]
        sources = {f"anli_r1/{path.name}": file_hash(path) for path in paths}
    train, valid, test = ([_example(row) for row in rows] for rows in parts)
    splits, dropped = make_splits(config, train, valid, test)
    sources["repeats dropped"] = str(dropped)
    return Task("anli_r1", 1, LICENCE, ENTAILMENT, splits, sources=sources)


def _paths(data_dir: Path) -> tuple[Path, Path, Path]:
    return (
        local(data_dir, *TRAIN_FILES),
        local(data_dir, "anli_r1/dev.jsonl", "anli_r1/dev.jsonl.gz"),
        local(data_dir, "anli_r1/test.jsonl", "anli_r1/test.jsonl.gz"),
    )


def _from_hub(row: Row) -> Row:
    label = row.value("label")
    if label not in (0, 1, 2):
        raise DataError(f"{row.where}: the label {label!r} must be 0, 1 or 2.")
    return Row(row.where, {**row.others("uid"), "id": row.text("uid"), "label": ENTAILMENT.labels[label]})


def _example(row: Row) -> Example:
    text = premise_and_hypothesis(row.text("premise"), row.text("hypothesis"))
    label = row.scalar("label")
    if label is not None and label not in ENTAILMENT.labels:
        raise DataError(f"{row.where}: the label {label!r} must be one of {', '.join(ENTAILMENT.labels)}.")
    extra = row.others("id", "premise", "hypothesis", "label")
    return Example(id=row_id(row, text), text=text, gold=label, extra=extra)
