"""What several verbs share: their options, and how a result is shown."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from mindsmirror.errors import DataError
from mindsmirror.system.terminal import CONTROL, plain

as_json = click.option("--json", "json_output", is_flag=True, help="One JSON document on stdout.")
runs_folder = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs and of the store.",
)
overrides = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key, such as training.learning_rate=3e-4."
)


dry_run = click.option(
    "--dry-run", is_flag=True, help="Estimate tokens, cost and time of the annotation, and stop; see --dry-samples."
)
dry_samples = click.option(
    "--dry-samples",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Questions that --dry-run asks for real; they are paid for and kept.",
)


key_variables = click.option(
    "--key-variable",
    "key_variables",
    multiple=True,
    metavar="NAME",
    help="Let api_key_env name this variable, which does not end in _API_KEY or _TOKEN.",
)


def recipe_verb(function: Callable[..., None]) -> Callable[..., None]:
    """The argument and options of a verb that works on a recipe."""
    argument = click.argument("recipe", type=click.Path(path_type=Path))
    return argument(overrides(key_variables(runs_folder(as_json(function)))))


def show(document: Any, lines: Iterable[str], json_output: bool) -> None:
    """Print the document as JSON, or the lines for a person."""
    if json_output:
        click.echo(as_text(document, indent=2))
    else:
        for line in lines:
            click.echo(plain(line))


def as_text(document: Any, indent: int | None = None) -> str:
    """The document as JSON; control characters in its texts stand as JSON's own escapes."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def run_folder(name: Path, runs: Path) -> Path:
    """The folder of a run, given as a path or by its name; DataError says which runs there are."""
    for folder in (name, runs / name):
        if (folder / "recipe.json").exists():
            return folder
    there = sorted(path.parent.name for path in runs.glob("*/recipe.json"))
    known = f"In {runs} there are: {', '.join(there)}." if there else f"There is no run in {runs} yet."
    raise DataError(f"{name} is no run. {known}")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
