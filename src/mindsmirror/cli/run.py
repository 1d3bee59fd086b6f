"""`mindsmirror run RECIPE`: everything, in order."""

from pathlib import Path

import click

from mindsmirror.cli.options import recipe_verb, show


@click.command("run")
@recipe_verb
def command(recipe: Path, settings: tuple[str, ...], runs: Path, json_output: bool) -> None:
    """Annotate, train, evaluate and report; run again, it goes on where it stopped."""
    from mindsmirror.pipeline import run
    from mindsmirror.recipe import read_recipe

    read = read_recipe(recipe, settings)
    report = run(read, runs)
    lines = [*report.findings, f"report: {runs / read.name / 'report.html'}"]
    show(report.model_dump(mode="json", by_alias=True), lines, json_output)
