"""`mindsmirror list WHAT`: what a recipe can name, the shipped recipes, and the runs in a folder."""

from collections.abc import Callable
from pathlib import Path

import click

from mindsmirror.cli.options import as_json, runs_folder, show, table
from mindsmirror.errors import RecipeError
from mindsmirror.runs.shipped import purpose, shipped_recipes

WHAT = ("tasks", "methods", "teachers", "students", "engines", "recipes", "runs")


@click.command("list")
@click.argument("what", type=click.Choice(WHAT), help="What to list.")
@runs_folder
@as_json
def command(what: str, runs: Path, json_output: bool) -> None:
    """List tasks, methods and what they need, models of the catalogue, engines, shipped recipes, or runs."""
    rows = _rows(what, runs)
    document = [{"name": name, "description": description} for name, description in rows]
    show(document, table(rows) if rows else [f"there are no {what} here"], json_output)


def _rows(what: str, runs: Path) -> list[tuple[str, str]]:
    if what == "tasks":
        from mindsmirror.tasks import task_descriptions

        return list(task_descriptions().items())
    if what == "methods":
        return _methods()
    if what in ("teachers", "students"):
        from mindsmirror.models import catalogue

        role = what[:-1]
        return [
            (entry.name, f"{entry.role}; {entry.bytes / 1e6:.0f} MB, {entry.licence}")
            for entry in catalogue.entries().values()
            if role in entry.role
        ]
    if what == "engines":
        return _engines()
    if what == "recipes":
        return [(name, purpose(path)) for name, path in shipped_recipes().items()]
    return [(str(path.parent), "") for path in sorted(runs.glob("*/recipe.json"))]


def _engines() -> list[tuple[str, str]]:
    from mindsmirror.engines import engine_class, engine_names

    return [(name, _or_fault(name, lambda name: engine_class(name).description())) for name in engine_names()]


def _methods() -> list[tuple[str, str]]:
    from mindsmirror.methods import method_named, method_names

    def description(name: str) -> str:
        method = method_named(name)
        return f"{(type(method).__doc__ or '').splitlines()[0]} (needs {method.needs.words})"

    return [(name, _or_fault(name, description)) for name in method_names()]


def _or_fault(name: str, description: Callable[[str], str]) -> str:
    """What describes it; where it comes from another package and cannot be used, why."""
    try:
        return description(name)
    except RecipeError as error:
        return str(error)
