"""A data set of the Hugging Face hub as a file of one's own, which `init` writes once: a recipe then needs no hub.

Named labels stand for their numbers. Splits stay as they are if there are train and test; ids are left out, because
splits may count alike.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mindsmirror.errors import DataError
from mindsmirror.system.files import storage_guard, temporary_beside, there
from mindsmirror.system.progress import say
from mindsmirror.tasks.hub import load_from_hub
from mindsmirror.tasks.own_file import SPLIT_NAMES
from mindsmirror.tasks.splits import VALID_SHARE, bucket
from mindsmirror.tasks.tables import from_32_bits

PREFIX = "hf:"
LEFT_OUT = ("id", "split")
AS_JSON: dict[str, Any] = {"ensure_ascii": False, "default": str}


def is_on_hub(name: str) -> bool:
    """Whether a name is `hf:owner/name`, with `:configuration` after it if there are several."""
    return name.startswith(PREFIX)


def copy_path(name: str, folder: Path) -> Path:
    """The file in `folder` that a data set of the hub is copied to, called like it."""
    repository, _, configuration = name.removeprefix(PREFIX).partition(":")
    own = Path(repository).name
    return folder / (f"{own}-{configuration}.jsonl" if configuration else f"{own}.jsonl")


def copy_from_hub(name: str, path: Path) -> None:
    """Write the rows of a data set as JSON Lines to `path`, and say which splits it took.

    After the prefix there may be a local folder in the hub's layout, too. DataError if it cannot be read, has no rows,
    or `path` is there already; MissingExtraError without the `datasets` package.
    """
    if there(path):
        raise DataError(f"{path} is there already. Run `mindsmirror init {path}`, or remove it to copy {name} again.")
    tables = {split: table for split, table in _tables(name).items() if not _unanswered(name, split, table)}
    if not any(len(table) for table in tables.values()):
        raise DataError(f"The data set {name} has no rows with answers.")
    kept = {split: SPLIT_NAMES[split] for split in tables if split in SPLIT_NAMES}
    if not {"train", "test"} <= set(kept.values()):
        kept = {}
        say(f"{name}: rows of {', '.join(tables)} together; `init` splits them, as there are not both train and test")
    elif len(kept) < len(tables):
        say(f"{name}: takes {', '.join(kept)}, and leaves out {', '.join(sorted(set(tables) - set(kept)))}")
    carved = bool(kept) and "valid" not in kept.values()
    if carved:
        say(f"{name}: has no validation split, so a tenth of the training rows is for it")
    with storage_guard(path), temporary_beside(path) as part:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for split in kept or tables:
                for row in _rows(tables[split]):
                    file.write(json.dumps(row | _named(row, kept.get(split), carved), **AS_JSON) + "\n")
        part.replace(path)


def _named(row: dict[str, Any], split: str | None, carved: bool) -> dict[str, str]:
    """The field `split` of a row; none if all are split later. By its content a training row may be for validation."""
    if split is None:
        return {}
    valid = carved and split == "train" and bucket(json.dumps(row, **AS_JSON)) < VALID_SHARE
    return {"split": "valid" if valid else split}


def _tables(name: str) -> Mapping[str, Any]:
    """The splits of the data set, each a `datasets.Dataset`."""
    repository, _, configuration = name.removeprefix(PREFIX).partition(":")

    def refused(error: Exception, answers: bool) -> str:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        state = "cannot be read" if answers else "is not in the cache, and the hub does not answer for it"
        return (
            f"The data set {name} {state} ({cause}). It is hf:owner/name, or hf:owner/name:configuration. A file of "
            "your own (.jsonl, .csv, .tsv or .parquet) needs no hub."
        )

    tables: Mapping[str, Any] = load_from_hub(
        repository, configuration or None, refused, is_folder=Path(repository).is_dir()
    )
    return tables


def _unanswered(name: str, split: str, table: Any) -> bool:
    """Whether a label is hidden in all rows, as in the tests of competitions: the hub writes -1."""
    import datasets

    for column, feature in table.features.items():
        if isinstance(feature, datasets.ClassLabel) and all(label in (None, -1) for label in table.unique(column)):
            say(f"{name}: leaves out {split}, which has no {column}")
            return True
    return False


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    """The rows without ids, pictures and sounds, with named labels in place of their numbers."""
    import datasets

    labels = {name: each.names for name, each in table.features.items() if isinstance(each, datasets.ClassLabel)}
    media = [name for name, each in table.features.items() if isinstance(each, datasets.Image | datasets.Audio)]
    plain = table.remove_columns([name for name in table.column_names if name in (*LEFT_OUT, *media)])
    short = [name for name, each in plain.features.items() if getattr(each, "dtype", None) == "float32"]
    for row in plain:
        for column, names in labels.items():
            if column in row:
                row[column] = names[row[column]] if row[column] is not None and row[column] >= 0 else None
        for column in short:
            if row[column] is not None:
                row[column] = from_32_bits(row[column])
        yield row
