"""`mindsmirror run RECIPE`: everything, in order."""

from pathlib import Path

import click

from mindsmirror.cli.options import dry_run, dry_samples, recipe_verb, show


@click.command("run")
@recipe_verb
@dry_run
@dry_samples
def command(
    recipe: Path,
    settings: tuple[str, ...],
    key_variables: tuple[str, ...],
    runs: Path,
    json_output: bool,
    dry_run: bool,
    dry_samples: int,
) -> None:
    """Annotate, train, evaluate and report. Run the same command again to resume."""
    from mindsmirror.runs.pipeline import run
    from mindsmirror.runs.recipe import read_recipe

    read = read_recipe(recipe, settings, key_variables)
    if dry_run:
        from mindsmirror.cli.estimate import rehearse

        rehearse(read, runs, dry_samples, json_output)
        return
    report = run(read, runs)
    lines = [*report.findings, f"report: {runs / read.name / 'report.html'}"]
    show(report.model_dump(mode="json", by_alias=True), lines, json_output)
