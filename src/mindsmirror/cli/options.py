"""What several verbs share: their options, and how a result is shown."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from mindsmirror.cli.completion import RecipePath
from mindsmirror.errors import DataError
from mindsmirror.system.terminal import CONTROL, plain

RUN_HELP = "A run: its folder, or its name in the folder of --runs."
MODES = ("predict", "think", "vote", "mirror")

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON document on stdout.")
runs_folder = click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the runs and the store.",
)
overrides = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Replace a key of the recipe, such as training.learning_rate=3e-4.",
)

dry_run = click.option("--dry-run", is_flag=True, help="Estimate tokens, price and time of the annotation, and stop.")
dry_samples = click.option(
    "--dry-samples",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Questions that --dry-run asks for real. They are paid for, and the replies are kept.",
)


key_variables = click.option(
    "--key-variable",
    "key_variables",
    multiple=True,
    metavar="NAME",
    help="Allow this environment variable as api_key_env, whatever it is called.",
)


def recipe_verb(function: Callable[..., None]) -> Callable[..., None]:
    """The argument and options of a verb that works on a recipe."""
    argument = click.argument(
        "recipe", type=RecipePath(), help="The TOML file of the recipe, or the name of a shipped one."
    )
    return argument(overrides(key_variables(runs_folder(as_json(function)))))


def show(document: Any, lines: Iterable[str], json_output: bool) -> None:
    """Print the document as JSON, or else the lines."""
    if json_output:
        click.echo(as_text(document, indent=2))
    else:
        for line in lines:
            click.echo(plain(line))


def as_text(document: Any, indent: int | None = None) -> str:
    """The document as JSON, with control characters escaped."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


STUDENT_HELP = "A run (its folder, or its name in the folder of --runs), or the folder of a student alone."


def student_folder(name: Path, runs: Path) -> Path:
    """The folder of a run, or of a student alone. DataError lists the runs that exist."""
    return name if (name / "mindsmirror.json").is_file() else run_folder(name, runs)


def run_folder(name: Path, runs: Path) -> Path:
    """The folder of a run, given as a path or by name. DataError lists the runs that exist."""
    for folder in (name, runs / name):
        if (folder / "recipe.json").exists():
            return folder
    names = sorted(path.parent.name for path in runs.glob("*/recipe.json"))
    known = f"The runs in {runs} are: {', '.join(names)}." if names else f"There is no run in {runs} yet."
    raise DataError(f"{name} is not a run. {known}")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
