"""`mindsmirror annotate RECIPE`: the teacher's part of a run."""

from pathlib import Path

import click

from mindsmirror.cli.options import dry_run, dry_samples, recipe_verb, show


@click.command("annotate")
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
    """Ask the teachers for k rationales of every question and m self-evaluations of every rationale."""
    from mindsmirror.runs.pipeline import Pipeline
    from mindsmirror.runs.recipe import read_recipe
    from mindsmirror.system.terminal import quantity

    read = read_recipe(recipe, settings, key_variables)
    if dry_run:
        from mindsmirror.cli.estimate import rehearse

        rehearse(read, runs, dry_samples, json_output)
        return
    pipeline = Pipeline(read, runs)
    with pipeline.run.locked():
        pipeline.begin(trains=False)
        result = pipeline.annotate()
    pipeline.require_whole(result)
    path = pipeline.run.folder / "annotation" / "annotations.jsonl"
    asked = f"{quantity(result.asked, 'sample')} requested"
    if result.found:
        asked = f"{quantity(result.found, 'sample')} found in the store, {result.asked} requested"
    lines = [
        f"{quantity(result.questions, 'question')} annotated, {asked}, {result.failed} failed",
        f"annotations: {path}",
    ]
    show({**result.model_dump(mode="json"), "annotations": str(path)}, lines, json_output)
