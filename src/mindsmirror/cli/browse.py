"""`mindsmirror browse RUN`: a run's annotations as one HTML page."""

from pathlib import Path

import click

from mindsmirror.cli.options import as_json, run_folder, runs_folder, show


@click.command("browse")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="The page; annotations.html in the run's folder if absent."
)
@runs_folder
@as_json
def command(run: Path, out: Path | None, runs: Path, json_output: bool) -> None:
    """Write the annotations of RUN as one HTML page, with search and filters, that needs no network.

    It shows each question with gold, its rationales side by side, and what was judged of each. Press ? on the page.
    """
    from mindsmirror.reporting.browse import write_browse_page
    from mindsmirror.runs.pipeline import Pipeline

    pipeline = Pipeline.of(run_folder(run, runs))
    annotations = pipeline.annotations()
    page = out or pipeline.run.folder / "annotations.html"
    size = write_browse_page(pipeline.recipe.name, annotations, page)
    document = {"page": str(page), "questions": len(annotations), "bytes": size}
    show(document, [f"{len(annotations)} questions, {size / 1e6:.1f} MB", f"page: {page}"], json_output)
