"""Annotations as a data set on disk: rows in one of three formats, and the card.

jsonl      data/SPLIT.jsonl, which `import jsonl` reads
parquet    data/SPLIT.parquet, which the hub and every table tool read
datasets   a DatasetDict of the `datasets` library, as its load_from_disk reads it

The folder is written beside its place and then moved there, so that it is whole or not there. pyarrow and `datasets`
are asked for only by the formats that need them (extra `hub-data`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mindsmirror.delivery.cards import dataset_card
from mindsmirror.delivery.folder import CARD, require_empty
from mindsmirror.delivery.rows import COLUMNS, Row, rationale_rows
from mindsmirror.errors import DataError, MissingExtraError, RecipeError
from mindsmirror.records import Annotation
from mindsmirror.system.files import storage_guard, whole_folder, write_text
from mindsmirror.tasks.base import Task

FORMATS = ("parquet", "datasets", "jsonl")
HUB_NAMES = {"valid": "validation"}
"""Splits that the hub calls otherwise than we do."""


def write_dataset(name: str, annotations: Sequence[Annotation], task: Task, form: str, out: Path) -> dict[str, int]:
    """Write annotations and their card into the folder `out`; returns the number of rows of each split.

    DataError if there is something in that folder already, or nothing to export; MissingExtraError if the format's
    library is not installed; StorageError if the disk refuses.
    """
    if form not in FORMATS:
        raise RecipeError(f"there is no format {form!r}. The formats are: {', '.join(FORMATS)}.")
    rows = {HUB_NAMES.get(split, split): of_split for split, of_split in rationale_rows(annotations).items()}
    if not rows:
        raise DataError(f"{name} has no rationales to export.")
    require_empty(out)
    with storage_guard(out), whole_folder(out) as part:
        files = _WRITERS[form](rows, part)
        write_text(part / CARD, dataset_card(name, annotations, task, files))
    return {split: len(of_split) for split, of_split in rows.items()}


def _write_jsonl(rows: Mapping[str, Sequence[Row]], folder: Path) -> dict[str, str]:
    files = {split: f"data/{split}.jsonl" for split in rows}
    for split, path in files.items():
        write_text(folder / path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows[split]))
    return files


def _write_parquet(rows: Mapping[str, Sequence[Row]], folder: Path) -> dict[str, str]:
    try:
        from pyarrow import Table, parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "hub-data") from error
    files = {split: f"data/{split}.parquet" for split in rows}
    (folder / "data").mkdir()
    for split, path in files.items():
        parquet.write_table(Table.from_pylist(list(rows[split]), schema=_schema()), folder / path)
    return files


def _write_datasets(rows: Mapping[str, Sequence[Row]], folder: Path) -> dict[str, str]:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "hub-data") from error
    features = datasets.Features.from_arrow_schema(_schema())
    datasets.disable_progress_bars()
    parts = {split: datasets.Dataset.from_list(list(of), features=features) for split, of in rows.items()}
    datasets.DatasetDict(parts).save_to_disk(str(folder))
    return {}


_WRITERS: Mapping[str, Callable[[Mapping[str, Sequence[Row]], Path], dict[str, str]]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "datasets": _write_datasets,
}


def _schema() -> Any:
    """The columns' types, said rather than guessed: a split without evaluations has the same ones."""
    import pyarrow as pa

    text = pa.string()
    evaluation = dict.fromkeys(("teacher", "verdict", "source", "critique", "parse", "reason"), text)
    shares = dict.fromkeys(("likelihood", "p_correct"), pa.float64())
    dual = dict.fromkeys(("kind", "sample", "teacher", "rationale", "reasoning", "answer", "parse", "reason"), text)
    types = {
        "choices": pa.list_(pa.struct({"letter": text, "text": text})),
        "sample": pa.int64(),
        "right": pa.bool_(),
        "evaluations": pa.list_(pa.struct({"sample": pa.int64(), **evaluation, **shares, "calibration": text})),
        "duals": pa.list_(pa.struct({**dual, "sample": pa.int64(), "right": pa.bool_()})),
    }
    return pa.schema({column: types.get(column, text) for column in COLUMNS})
