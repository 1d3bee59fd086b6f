"""`mindsmirror distill RECIPE`: the student's part of a run."""

from pathlib import Path

import click

from mindsmirror.cli.options import recipe_verb, show, table


@click.command("distill")
@recipe_verb
def command(
    recipe: Path, settings: tuple[str, ...], key_variables: tuple[str, ...], runs: Path, json_output: bool
) -> None:
    """Train every arm of RECIPE on the annotations of its run."""
    from mindsmirror.runs.pipeline import Pipeline
    from mindsmirror.runs.recipe import read_recipe
    from mindsmirror.system.distributed import leads

    read = read_recipe(recipe, settings, key_variables)
    pipeline = Pipeline(read, runs)
    if not leads():
        pipeline.distill()
        return
    with pipeline.run.locked():
        pipeline.begin(annotates=False)
        reports = pipeline.distill()
    rows: list[tuple[str, ...]] = [("arm", "stage", "steps", "tokens", "seconds")]
    for arm, stages in reports.items():
        for stage in stages:
            rows.append((arm, *(str(stage[key]) for key in ("stage", "steps", "tokens", "seconds"))))
    show(reports, table(rows), json_output)
