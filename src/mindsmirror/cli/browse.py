"""`mindsmirror browse RUN`: a run's annotations, or its predictions, as one HTML page."""

from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("browse")
@click.argument("run", type=RunPath(), help=RUN_HELP)
@click.option(
    "--predictions", is_flag=True, help="What the students said of the test questions, instead of the annotations."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write; by default annotations.html, or predictions.html, in the run's folder.",
)
@runs_folder
@as_json
def command(run: Path, predictions: bool, out: Path | None, runs: Path, json_output: bool) -> None:
    """Write the annotations or the predictions of RUN as one HTML page with search and filters that works offline.

    Annotations: each question with its gold answer, its rationales side by side, and the self-evaluations of each. What
    students wrote in rounds of reflection follows what the teachers did. Predictions: each test question with the
    answers of every arm in every mode, their confidence, and the samples with the student's own verdicts.
    Press ? on the page to see its keys.
    """
    from mindsmirror.reporting.browse import write_browse_page
    from mindsmirror.reporting.browse_predictions import write_predictions_page
    from mindsmirror.runs.pipeline import Pipeline
    from mindsmirror.runs.results import predicted_arms

    pipeline = Pipeline.of(run_folder(run, runs))
    name = pipeline.recipe.name
    page = out or pipeline.run.folder / ("predictions.html" if predictions else "annotations.html")
    if predictions:
        asked = pipeline.task.splits.test
        count = len(asked)
        size = write_predictions_page(name, predicted_arms(pipeline.run, pipeline.recipe), asked, page)
    else:
        annotations = [*pipeline.annotations(), *pipeline.own_annotations()]
        count = len(annotations)
        size = write_browse_page(name, annotations, page)
    document = {"page": str(page), "questions": count, "bytes": size}
    show(document, [f"{count} questions, {size / 1e6:.1f} MB", f"page: {page}"], json_output)
