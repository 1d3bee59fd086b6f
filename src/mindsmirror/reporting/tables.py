"""A report's tables as files: CSV for programs, Markdown and LaTeX for papers, in a folder `tables/` beside the page.

CSV holds numbers as they are in `report.json`: shares in [0, 1], an interval as two columns, nothing where nothing was
measured. Markdown and LaTeX hold them as the page shows them.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mindsmirror.reporting import formatting
from mindsmirror.system.files import storage_guard, whole_folder, write_text

FOLDER = "tables"
NOTHING = "–"
"""What stands where nothing was measured; in CSV nothing does."""
Write = Callable[[Any], str]


class Column(NamedTuple):
    """A column of a table."""

    title: str
    write: Write | None = None
    """A value as it is read; None for words, which stand at the left."""
    interval: bool = False
    unit: str = ""
    """In which it is read; CSV has shares."""

    @property
    def heading(self) -> str:
        """What stands above it."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


class Table(NamedTuple):
    """Rows of words, numbers and intervals, None where there is nothing."""

    name: str
    """That of its files."""
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]

    def csv(self) -> str:
        """Comma-separated values, with a line of titles; lines end with LF."""
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n")
        titles = [[f"{c.title} low", f"{c.title} high"] if c.interval else [c.title] for c in self.columns]
        write.writerow([title for pair in titles for title in pair])
        for row in self.rows:
            pairs = [
                (value or (None, None)) if c.interval else (value,) for c, value in zip(self.columns, row, strict=True)
            ]
            write.writerow(["" if value is None else value for pair in pairs for value in pair])
        return text.getvalue()

    def markdown(self) -> str:
        """A pipe table, numbers at the right."""
        rule = ["---:" if column.write else "---" for column in self.columns]
        rows = [[column.heading for column in self.columns], rule, *self._written()]
        return "".join(f"| {' | '.join(map(_markdown, row))} |\n" for row in rows)

    def latex(self) -> str:
        r"""A `table` with its caption, as the package booktabs sets it: put `\usepackage{booktabs}` before it."""
        places = "".join("r" if column.write else "l" for column in self.columns)
        titles = _line([column.heading for column in self.columns])
        body = "\n".join(_line(row) for row in self._written())
        return (
            f"\\begin{{table}}\n\\caption{{{_latex(self.caption)}}}\n\\begin{{tabular}}{{{places}}}\n"
            f"\\toprule\n{titles}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
        )

    def _written(self) -> list[list[str]]:
        return [[_shown(column, value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]


def write_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write every table that has rows as NAME.csv, NAME.md and NAME.tex into `tables/` below the folder.

    The files replace those that were there, all together. StorageError where one cannot be written.
    """
    with storage_guard(folder / FOLDER), whole_folder(folder / FOLDER) as part:
        for table in tables:
            if table.rows:
                for ending, text in (("csv", table.csv()), ("md", table.markdown()), ("tex", table.latex())):
                    write_text(part / f"{table.name}.{ending}", text)


def share(title: str) -> Column:
    """A column of shares, in per cent."""
    return Column(title, formatting.points, unit="%")


def points(title: str) -> Column:
    """A column of differences, in points."""
    return Column(title, formatting.points)


def interval(title: str, write: Write = formatting.points) -> Column:
    """A column of intervals."""
    return Column(title, write, interval=True)


def score(title: str) -> Column:
    """A column of AUROC and its like."""
    return Column(title, formatting.score)


def number(title: str) -> Column:
    """A column of counts."""
    return Column(title, formatting.count)


def p_value(title: str) -> Column:
    """A column of p values."""
    return Column(title, lambda p: formatting.p_value(p).removeprefix("p = ").removeprefix("p "))


def several(title: str, write: Write) -> Column:
    """A column of several values in each cell, which CSV parts by spaces."""
    return Column(title, lambda values: ", ".join(NOTHING if v == "" else write(float(v)) for v in values.split(" ")))


def together(values: Iterable[float | None]) -> str:
    """Several values as a cell of such a column holds them."""
    return " ".join("" if value is None else str(value) for value in values)


def _shown(column: Column, value: Any) -> str:
    if value is None:
        return NOTHING
    if column.write is None:
        return str(value)
    return f"{column.write(value[0])} to {column.write(value[1])}" if column.interval else column.write(value)


def _markdown(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return " ".join(escaped.split()) or " "


_SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "–": "--",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{NO-BREAK SPACE}": "~",
}


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in re.sub(r"[\r\n\t]+", " ", text))


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"
