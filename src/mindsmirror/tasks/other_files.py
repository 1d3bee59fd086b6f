"""Files of questions of a kind that cannot be read: what is needed instead, and the command that converts them."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from mindsmirror.errors import DataError
from mindsmirror.tasks.rows import SHAPES
from mindsmirror.tasks.tables import FILES


class _Kind(NamedTuple):
    name: str
    rows: str
    """Python that gives the rows of `open(path)` as dictionaries; {path} is the file's name, as Python writes it."""
    imports: str = "json"
    note: str = ""


_KINDS: Mapping[str, _Kind] = {
    ".json": _Kind("JSON", 'json.load(open({path}, encoding="utf-8"))', note=" (if it holds a list of such objects)"),
    ".txt": _Kind(
        "text",
        r'(dict(zip(("question", "answer"), line.rstrip().split("\t"))) for line in open({path}, encoding="utf-8"))',
        note=" (if a line is a question, a tab and its answer)",
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
        raise DataError(f"{path} is called like none of {', '.join(FILES)}. {_needed()} If it is one, rename it.")


def _refuse(path: Path, kind: _Kind) -> NoReturn:
    article = "an" if kind.name[0] in "AEIO" else "a"
    # A name in double quotes, because the shell's quotes around the command are single ones.
    rows = kind.rows.format(path=json.dumps(str(path), ensure_ascii=False))
    script = f"import {kind.imports}; [print(json.dumps(row)) for row in {rows}]"
    made = path.with_suffix(".jsonl").name
    raise DataError(
        f"{path} is {article} {kind.name} file. {_needed()} Convert it{kind.note}: "
        f"python -c {shlex.quote(script)} > {shlex.quote(made)}"
    )


def _needed() -> str:
    keys = ", or ".join(" and ".join(f"'{key}'" for key in shape) for shape in reversed(SHAPES))
    return (
        f"A task of your own is a JSON Lines, CSV or Parquet file: each row has {keys}, "
        'such as, in JSON Lines, {"question": "How many legs have 2 cats?", "answer": "8"}.'
    )
