"""`mindsmirror compare RUN…`: arms over several runs and seeds, in one report."""

from pathlib import Path

import click

from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("compare")
@click.argument("run", type=click.Path(path_type=Path), help=RUN_HELP, nargs=-1, required=True)
@click.option("--baseline", help="The arm that others are compared with; by default the first.", metavar="ARM")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the report; by default comparison in the folder of --runs.",
)
@runs_folder
@as_json
def command(run: tuple[Path, ...], baseline: str | None, out: Path | None, runs: Path, json_output: bool) -> None:
    """Compare the arms of all RUNs, each with all its seeds, and write one report.

    Runs that differ in their seeds only are seeds of the same arms. Which comparisons are tested is fixed beforehand:
    within an arm mirror against vote and think, and each arm against the baseline at an equal budget.
    """
    from mindsmirror.runs.comparison import compare_runs

    folder = out or runs / "comparison"
    report = compare_runs([run_folder(name, runs) for name in run], folder, baseline)
    show(
        report.model_dump(mode="json", by_alias=True),
        [*report.findings, f"report: {folder / 'report.html'}"],
        json_output,
    )
