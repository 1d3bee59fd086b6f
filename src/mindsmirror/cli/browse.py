"""`mindsmirror browse RUN`: a run's annotations as one HTML page."""

from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("browse")
@click.argument("run", type=RunPath(), help=RUN_HELP)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write; by default annotations.html in the run's folder."
)
@runs_folder
@as_json
def command(run: Path, out: Path | None, runs: Path, json_output: bool) -> None:
    """Write the annotations of RUN as one HTML page with search and filters. The page needs no network.

    It shows each question with its gold answer, its rationales side by side, and the self-evaluations of each. What
    students wrote in rounds of reflection follows what the teachers did.
    Press ? on the page to see its keys.
    """
    from mindsmirror.reporting.browse import write_browse_page
    from mindsmirror.runs.pipeline import Pipeline

    pipeline = Pipeline.of(run_folder(run, runs))
    annotations = [*pipeline.annotations(), *pipeline.own_annotations()]
    page = out or pipeline.run.folder / "annotations.html"
    size = write_browse_page(pipeline.recipe.name, annotations, page)
    document = {"page": str(page), "questions": len(annotations), "bytes": size}
    show(document, [f"{len(annotations)} questions, {size / 1e6:.1f} MB", f"page: {page}"], json_output)
