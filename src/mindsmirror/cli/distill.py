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
        results = pipeline.distill()
    rows: list[tuple[str, ...]] = [("arm", "stage", "steps", "tokens", "seconds")]
    for arm, result in results.items():
        for stage in result.stages:
            rows.append((arm, stage.stage, str(stage.steps), str(stage.tokens), str(stage.seconds)))
    document = {arm: result.model_dump(mode="json")["stages"] for arm, result in results.items()}
    show(document, table(rows), json_output)
