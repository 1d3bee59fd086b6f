"""`mindsmirror compare RECIPE_OR_RUN…`: a grid of runs, and one report over all of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mindsmirror.cli.completion import RecipeOrRunPath
from mindsmirror.cli.options import as_json, key_variables, run_folder, runs_folder, show, table
from mindsmirror.errors import DataError
from mindsmirror.system.progress import say

if TYPE_CHECKING:
    from mindsmirror.runs.grid import Cell


class Seeds(click.ParamType[tuple[int, ...]]):
    """Whole numbers with commas between them."""

    name = "seeds"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The seeds, each once; a usage error for anything else."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(dict.fromkeys(int(part) for part in value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is no list of seeds; write 0,1,2", param, ctx)


@click.command("compare")
@click.argument(
    "given",
    metavar="RECIPE_OR_RUN...",
    type=RecipeOrRunPath(),
    nargs=-1,
    required=True,
    help="Recipes, which are run, and runs that are there: files, folders or names.",
)
@click.option("--seeds", type=Seeds(), default=(), help="Seeds that every recipe is run with.", metavar="0,1,2")
@click.option("--new-questions", is_flag=True, help="Give task.seed the seeds, too; for generated tasks.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=A,B", help="Run every recipe with each of these values of a key."
)
@key_variables
@click.option(
    "--baseline",
    help="The arm that others are compared with; by default those that recipes name (against), else the first.",
    metavar="ARM",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the report; by default comparison in the folder of --runs.",
)
@click.option("--dry-run", is_flag=True, help="List the runs of the grid, in their order, and stop.")
@runs_folder
@as_json
def command(
    given: tuple[Path, ...],
    seeds: tuple[int, ...],
    new_questions: bool,
    settings: tuple[str, ...],
    key_variables: tuple[str, ...],
    baseline: str | None,
    out: Path | None,
    dry_run: bool,
    runs: Path,
    json_output: bool,
) -> None:
    """Run recipes with all seeds and settings, cheap ones first, and compare the arms of all runs in one report.

    Run the same command again to resume: runs that are complete are not run again. If one fails, the others go on; the
    report says which are missing, and the exit code is not 0.

    Runs that differ in their seeds only are seeds of the same arms. Which comparisons are tested is fixed beforehand:
    within an arm mirror against vote and think, and each arm against those that its recipe names (`against`) or against
    the baseline, thinking and by mirror, at an equal budget.
    """
    from mindsmirror.runs.comparison import compare_runs
    from mindsmirror.runs.grid import carry_out_all, cells, check_baseline

    recipes, folders = _sorted_out(given, runs, bool(seeds or settings or new_questions))
    grid = cells(recipes, runs, seeds, settings, new_questions, key_variables)
    folder = out or runs / "comparison"
    if (folder / "recipe.json").exists() or folder.is_file():
        raise DataError(
            f"--out {folder}: {'this is a run' if folder.is_dir() else 'this is a file'}. Name another folder."
        )
    if baseline is not None and not folders:
        check_baseline(grid, baseline)
    if dry_run:
        show([_row(cell) for cell in grid], table([list(_row(cell).values()) for cell in grid]), json_output)
        return
    failed = carry_out_all(grid, key_variables)
    made = [cell.folder for cell in grid if cell.recipe.name not in failed]
    if not made and not folders:
        raise DataError(f"none of {len(grid)} runs came to its end: {next(iter(failed.values()))}")
    report = compare_runs([*folders, *made], folder, baseline, failed)
    lines = [*report.findings, f"report: {folder / 'report.html'}"]
    show(report.model_dump(mode="json", by_alias=True), lines, json_output)
    if failed:
        say(f"error: {len(failed)} of {len(grid)} runs failed: {', '.join(failed)}. The same command resumes them.")
        raise SystemExit(DataError.exit_code)


def _sorted_out(given: tuple[Path, ...], runs: Path, grid: bool) -> tuple[list[Path], list[Path]]:
    """Files of recipes, and folders of runs. What could be either is a recipe if a grid is asked for, else a run."""
    from mindsmirror.runs.shipped import recipe_file, shipped_recipes

    recipes, folders = [], []
    for name in given:
        written = name.suffix == ".toml" or name.is_file()
        shipped = str(name) in shipped_recipes()
        there = any((folder / "recipe.json").is_file() for folder in (name, runs / name))
        if written or (shipped and (grid or not there)):
            recipes.append(recipe_file(name))
        else:
            folders.append(run_folder(name, runs))
    if grid and not recipes:
        raise click.UsageError("--seeds, --set and --new-questions are for recipes, and only runs are named.")
    return recipes, folders


def _row(cell: "Cell") -> dict[str, str]:
    settings = [override for override in cell.overrides if not override.startswith("name=")]
    return {"run": cell.recipe.name, "state": cell.state, "recipe": str(cell.file), "settings": " ".join(settings)}
