"""Files of questions that are not JSON Lines: what is needed instead, and the command that converts them."""

import csv
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from mindsmirror.errors import DataError
from mindsmirror.tasks.rows import SHAPES

LONGEST_HEADER = 8


class _Kind(NamedTuple):
    name: str
    rows: str
    """Python that gives the rows of `open(path)` as dictionaries; {path} is the file's name, as Python writes it."""
    imports: str = "json"
    note: str = ""


_CSV = 'csv.DictReader(open({path}, encoding="utf-8-sig", newline=""){more})'
_KINDS: Mapping[str, _Kind] = {
    ".csv": _Kind("CSV", _CSV.replace("{more}", ""), "csv, json"),
    ".tsv": _Kind("TSV", _CSV.replace("{more}", r', delimiter="\t"'), "csv, json"),
    ".json": _Kind("JSON", 'json.load(open({path}, encoding="utf-8"))', note=" (if it holds a list of such objects)"),
    ".txt": _Kind(
        "text",
        r'(dict(zip(("question", "answer"), line.rstrip().split("\t"))) for line in open({path}, encoding="utf-8"))',
        note=" (if a line is a question, a tab and its answer)",
    ),
    ".parquet": _Kind(
        "Parquet",
        "pyarrow.parquet.read_table({path}).to_pylist()",
        "json, pyarrow.parquet",
        " (needs pip install pyarrow)",
    ),
    ".xlsx": _Kind(
        "Excel",
        'pandas.read_excel({path}).to_dict("records")',
        "json, pandas",
        " (needs pip install pandas openpyxl)",
    ),
}
ENDINGS = tuple(_KINDS)


def refuse_other_file(name: str) -> None:
    """DataError, with what is needed and how to make it, if the name is that of a file of another kind."""
    path = Path(name).expanduser()
    kind = _KINDS.get(path.suffix.lower())
    if kind is not None:
        _refuse(path, kind)
    if path.is_file():
        raise DataError(f"{path} is not a .jsonl or .jsonl.gz file. {_needed()} If it is one, rename it.")


def _refuse(path: Path, kind: _Kind) -> NoReturn:
    article = "an" if kind.name[0] in "AEIO" else "a"
    # A name in double quotes, because the shell's quotes around the command are single ones.
    rows = kind.rows.format(path=json.dumps(str(path), ensure_ascii=False))
    script = f"import {kind.imports}; [print(json.dumps(row)) for row in {rows}]"
    made = path.with_suffix(".jsonl").name
    raise DataError(
        f"{path} is {article} {kind.name} file{_columns(path)}. {_needed()} Convert it{kind.note}: "
        f"python -c {shlex.quote(script)} > {shlex.quote(made)}"
    )


def _needed() -> str:
    keys = ", or ".join(" and ".join(f"'{key}'" for key in shape) for shape in reversed(SHAPES))
    return (
        f"A task of your own is a JSON Lines file: one object a line with the keys {keys}, "
        'such as {"question": "How many legs have 2 cats?", "answer": "8"}.'
    )


def _columns(path: Path) -> str:
    """The header of a CSV file, if it can be read: columns with other names must be renamed."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return ""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return ""
    if not header or any(set(shape) <= set(header) for shape in SHAPES):
        return ""
    shown = ", ".join(header[:LONGEST_HEADER]) + (", …" if len(header) > LONGEST_HEADER else "")
    return f" with the columns {shown}, which you need to rename"
