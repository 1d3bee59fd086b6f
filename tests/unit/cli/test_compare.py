"""`compare` as a verb: where the report goes, and what is said of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from planted_runs import planted, recipe

from mindsmirror.cli.main import cli
from mindsmirror.errors import DataError
from mindsmirror.runs.folder import Run
from mindsmirror.runs.predictions import settings_of
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.system.files import read_json, write_json


def command(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two seeds of one arm, by which a vote is better than one rationale."""
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        said = {"cot": {"think": "--++" * 10, "vote": "++++" * 10, "mirror": "++++" * 10}}
        planted(Path("runs"), recipe(f"cot-{seed}", seed, seed, ["cot"]), said)
    return tmp_path / "runs"


def test_runs_are_found_by_name_or_folder_and_the_report_lies_beside_them(runs: Path) -> None:
    ended = command("cot-0", runs / "cot-1")
    assert ended.output.splitlines()[-1] == "report: runs/comparison/report.html", ended.output
    assert "n = 80" in ended.output
    page = (runs / "comparison" / "report.html").read_text(encoding="utf-8")
    assert "<title>cot-0, cot-1 · Minds Mirror</title>" in page


def test_json_is_the_report_and_out_its_folder(runs: Path) -> None:
    said = json.loads(command("cot-0", "cot-1", "--out", "there", "--baseline", "cot", "--json").output)
    assert said == json.loads(Path("there/report.json").read_text(encoding="utf-8"))
    assert [run["seed"] for run in said["runs"]] == ["0", "1"] and said["baseline"] == "cot"
    assert not (runs / "comparison").exists()


def test_what_is_no_run_is_one_clear_error() -> None:
    ended = command("cot-0", "cot-7")
    assert isinstance(ended.exception, DataError) and "cot-7 is not a run" in str(ended.exception)


@pytest.mark.parametrize("words", [("--seeds", "0,x"), ("--seeds", "")])
def test_seeds_are_numbers_with_commas(words: tuple[str, ...]) -> None:
    ended = command("quickstart", *words)
    assert ended.exit_code == 2 and "write 0,1,2" in ended.output


def test_a_grid_is_of_recipes() -> None:
    ended = command("cot-0", "--seeds", "0,1")
    assert ended.exit_code == 2 and "only runs are named" in ended.output


def test_a_dry_run_lists_the_runs_and_makes_none(runs: Path) -> None:
    before = sorted(path.name for path in runs.iterdir())
    said = json.loads(command("quickstart", "--seeds", "0,1,0", "--dry-run", "--json").output)
    assert [(each["run"], each["state"], each["settings"]) for each in said] == [
        ("quickstart-seed0", "new", "seed=0"),
        ("quickstart-seed1", "new", "seed=1"),
    ]
    assert sorted(path.name for path in runs.iterdir()) == before


def test_a_run_is_not_written_over_by_a_comparison(runs: Path) -> None:
    ended = command("cot-0", "cot-1", "--out", runs / "cot-0")
    assert isinstance(ended.exception, DataError) and "this is a run" in str(ended.exception)
    Path("file").write_text("mine")
    ended = command("cot-0", "cot-1", "--out", "file")
    assert isinstance(ended.exception, DataError) and "this is a file" in str(ended.exception)


def test_answers_that_were_made_with_other_settings_are_left_out(runs: Path) -> None:
    """The recipe of a run may have changed since, and nothing was trained with what it says now."""
    made = settings_of(Run(runs / "cot-1").recipe, Run(runs / "cot-1").recipe.arm[0])
    done = runs / "cot-1" / "predictions" / "cot" / "done.json"
    write_json(done, {**json.loads(done.read_text()), "settings": made})
    assert "n = 80" in command("cot-0", "cot-1").output
    changed = make_recipe({**read_json(runs / "cot-1" / "recipe.json"), "training": {"learning_rate": 5}})
    Run(runs / "cot-1").begin(changed)
    ended = command("cot-0", "cot-1")
    assert isinstance(ended.exception, DataError)
    assert "cot is left out: its answers were made with another training.learning_rate" in ended.output
