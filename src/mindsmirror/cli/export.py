"""`mindsmirror export RUN`: a run's annotations as a data set for others."""

from pathlib import Path

import click

from mindsmirror.cli.options import RUN_HELP, as_json, run_folder, runs_folder, show


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path), help=RUN_HELP)
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "datasets", "jsonl"]),
    default="parquet",
    show_default=True,
    help="Format of the rows; parquet and datasets need the extra hub-data.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; it must not exist yet.")
@runs_folder
@as_json
def command(run: Path, form: str, out: Path, runs: Path, json_output: bool) -> None:
    """Write the annotations of RUN as a data set with a card. Each row is a rationale with its self-evaluations.

    The card names the teacher, the judge, the prompts, the task and its licence. It says how many replies were
    usable and how good the verdicts are.
    """
    from mindsmirror.runs.export import export_annotations

    rows = export_annotations(run_folder(run, runs), out, form)
    lines = [f"{number} rows in {split}" for split, number in rows.items()]
    show({"out": str(out), "format": form, "rows": rows}, [*lines, f"card: {out / 'README.md'}"], json_output)
