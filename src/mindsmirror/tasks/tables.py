"""Files of your own as rows: JSON Lines, CSV, TSV and Parquet, read one by one, with columns called as you call them.

A CSV file has a header. Its values are separated by commas, by semicolons or tabs where its header holds no comma. An
empty cell is no value, as null is in JSON.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from mindsmirror import limits
from mindsmirror.errors import DataError, MissingExtraError
from mindsmirror.system.documents import text_of
from mindsmirror.tasks.rows import Row, each_line, each_row

LINES = (".jsonl", ".jsonl.gz")
TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
PARQUET = ".parquet"
FILES = (*LINES, *TABLES, PARQUET)
"""How the names of files of one's own end."""

_SEPARATOR = re.compile(r"sep=([,;\t|])", re.I)
_QUOTED = re.compile(r'"(?:[^"]|"")*"')

Columns = Mapping[str, str | Sequence[str]]
"""Our name of a field to the file's name of its column; for `choices` also to the names of several columns."""


def is_own_file(name: str) -> bool:
    """Whether a task is a file of one's own, by its name."""
    return name.lower().endswith(FILES)


def task_label(name: str) -> str:
    """A task as reports call it: a file of one's own without its folders, which say nothing to others."""
    return Path(name).name if is_own_file(name) else name


def stem(path: Path) -> str:
    """The file's name without what says its kind."""
    ending = next((ending for ending in sorted(FILES, key=len, reverse=True) if path.name.lower().endswith(ending)), "")
    return path.name[: len(path.name) - len(ending)]


def each_own_row(path: Path, columns: Columns) -> Iterator[Row]:
    """The rows of a file of any of these kinds, with our names for the columns that are named.

    DataError names file and line, or row: what `each_row` refuses, a CSV file without a header or with a row of more
    cells than that, no Parquet file, or a column that is named and not there. MissingExtraError without pyarrow.
    """
    name = path.name.lower()
    rows = _parquet(path) if name.endswith(PARQUET) else _csv(path) if name.endswith(TABLES) else each_row(path)
    for row in rows:
        yield renamed(row, columns) if columns else row


def renamed(row: Row, columns: Columns) -> Row:
    """The row with our names for some of its columns; a field that was called so before is gone."""
    wanted = {ours: [theirs] if isinstance(theirs, str) else theirs for ours, theirs in columns.items()}
    for ours, names in wanted.items():
        for name in names:
            if name not in row.fields:
                raise DataError(
                    f"{row.where}: there is no column {name!r}, which columns.{ours} in [task] names. "
                    f"The row has: {row.names()}."
                )
    taken = {name for names in wanted.values() for name in names}
    fields = {name: value for name, value in row.fields.items() if name not in taken and name not in wanted}
    for ours, theirs in columns.items():
        fields[ours] = row.fields[theirs] if isinstance(theirs, str) else _choices(row, theirs)
    return Row(row.where, fields, row.line)


def _choices(row: Row, names: Sequence[str]) -> list[Any]:
    """The texts in several columns; those that are empty are no choices."""
    return [row.fields[name] for name in names if row.fields[name] is not None]


def _csv(path: Path) -> Iterator[Row]:
    lines = _decoded(path)
    skipped = 0
    first = next(lines, "")
    while first and not first.strip():
        first, skipped = next(lines, ""), skipped + 1
    named = _SEPARATOR.fullmatch(first.strip())
    if named:
        # The line by which Excel is told the separator.
        first, skipped = next(lines, ""), skipped + 1
    csv.field_size_limit(limits.ROW_BYTES)
    tabs = path.name.lower().endswith((".tsv", ".tsv.gz"))
    separator = "\t" if tabs else named[1] if named else _separator(first)
    reader = csv.reader(_again(first, lines), delimiter=separator, strict=True)
    header: list[str] = []
    found, line = 0, 1 + skipped
    try:
        for cells in reader:
            where, line = f"{path}, line {line}", skipped + reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(where, cells)
                continue
            if len(cells) > len(header):
                raise DataError(f"{where}: it has {len(cells)} cells, but the header names {len(header)} columns.")
            values = [cell if cell.strip() else None for cell in cells] + [None] * (len(header) - len(cells))
            found += 1
            yield Row(where, dict(zip(header, values, strict=True)), skipped + reader.line_num)
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: this is not CSV ({error}). Is a quotation mark left open?") from error
    if not found:
        raise DataError(f"{path} contains no rows.")


def _separator(header: str) -> str:
    """What separates the names of a header: commas, else tabs, else semicolons; those within quotes are text."""
    bare = _QUOTED.sub("", header)
    return "," if "," in bare else "\t" if "\t" in bare else ";"


def _header(where: str, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        what = f"the column {repeated!r} twice" if repeated else "columns without a name"
        raise DataError(f"{where}: the header has {what}. The first line of a CSV file names each column.")
    return names


def _decoded(path: Path) -> Iterator[str]:
    for number, line in enumerate(each_line(path), start=1):
        try:
            yield text_of(line, number)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: this is not UTF-8 ({error.reason} at byte {error.start}). "
                "Save the file as CSV UTF-8."
            ) from error


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "hub-data") from error
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                short = {field.name for field in batch.schema if pyarrow.types.is_float32(field.type)}
                for fields in batch.to_pylist():
                    number += 1
                    where = f"{path}, row {number}"
                    values = {name: _plain(value, where, name, name in short) for name, value in fields.items()}
                    yield Row(where, values, number)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist. Check the path, or data_dir in [task].") from error
    except (OSError, pyarrow.ArrowException) as error:
        cause = str(error).splitlines()[0][:200]
        raise DataError(f"{path} cannot be read as Parquet: {cause}.") from error
    if not number:
        raise DataError(f"{path} contains no rows.")


def from_32_bits(value: float) -> float:
    """The decimal that a number of 32 bits stands for: 1.1 for 1.100000023841858."""
    return float(f"{value:.7g}") if isfinite(value) else value


def _plain(value: Any, where: str, column: str, short: bool = False) -> Any:
    """The value as JSON has it: dates and decimals as text, bytes as the text that they hold, a map as a mapping.

    `short` says that a number was stored in 32 bits. DataError for bytes that are no text.
    """
    if isinstance(value, dict):
        return {str(key): _plain(item, where, column) for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
        return {str(key): _plain(item, where, column) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, where, column) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: the column {column!r} holds bytes that are no UTF-8 text.") from error
    if short and isinstance(value, float):
        return from_32_bits(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
