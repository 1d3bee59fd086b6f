"""`mindsmirror evaluate RUN`: score students, on the run's own test questions or elsewhere."""

from pathlib import Path

import click

from mindsmirror.cli.completion import RunPath
from mindsmirror.cli.options import MODES, RUN_HELP, as_json, run_folder, runs_folder, show, table


@click.command("evaluate")
@click.argument("run", type=RunPath(), help=RUN_HELP, nargs=-1, required=True)
@click.option("--task", help="Another task: its name, or the path of a file.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder with local files of that task.")
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Which questions of the task are asked.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Ask only the first N questions.", metavar="N")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(MODES),
    help="How students answer; by default in all their modes.",
)
@runs_folder
@as_json
def command(
    run: tuple[Path, ...],
    task: str | None,
    data_dir: Path | None,
    split: str,
    limit: int | None,
    modes: tuple[str, ...],
    runs: Path,
    json_output: bool,
) -> None:
    """Score the students of each RUN.

    Without options it evaluates what is missing of the run's own test, and writes the run's report again.
    """
    from mindsmirror.runs.pipeline import Pipeline
    from mindsmirror.runs.use import evaluate_elsewhere

    documents = []
    rows = [("run", "arm", "mode", "n", "accuracy", "95 % interval")]
    own = task is None and data_dir is None and split == "test" and limit is None and not modes
    for name in run:
        folder = run_folder(name, runs)
        if own:
            pipeline = Pipeline.of(folder)
            with pipeline.run.locked():
                pipeline.evaluate()
                results = list(pipeline.report().arms)
        else:
            results = evaluate_elsewhere(folder, task, data_dir, split, limit, modes)
        for arm in results:
            shown = "-" if arm.accuracy is None or arm.ci95 is None else f"{arm.accuracy:.3f}"
            interval = "-" if arm.ci95 is None else f"{arm.ci95[0]:.3f} to {arm.ci95[1]:.3f}"
            rows.append((folder.name, arm.name, arm.mode, str(arm.n), shown, interval))
        documents.append({"run": str(folder), "arms": [arm.model_dump(mode="json") for arm in results]})
    show(documents, table(rows), json_output)
