"""`mindsmirror report RUN`: HTML and JSON again from what is on disk."""

from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("report")
@click.argument("run", type=RunPath(), help=RUN_HELP, nargs=-1, required=True)
@runs_folder
@as_json
def command(run: tuple[Path, ...], runs: Path, json_output: bool) -> None:
    """Write report.json and report.html of each RUN again. Nothing is asked or trained."""
    from mindsmirror.runs.pipeline import Pipeline

    reports = []
    lines = []
    for name in run:
        folder = run_folder(name, runs)
        pipeline = Pipeline.of(folder)
        with pipeline.run.locked():
            report = pipeline.report()
        reports.append(report.model_dump(mode="json", by_alias=True))
        lines += [*report.findings, f"report: {folder / 'report.html'}"]
    show(reports, lines, json_output)
