"""`browse` as a verb: where the page goes, and what is said of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from planted_runs import planted, recipe
from unit.reporting.annotated_questions import THREE

from mindsmirror.cli.main import cli
from mindsmirror.errors import DataError
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.system.files import write_records

RECIPE = {
    "name": "seen",
    "task": {"name": "absent.jsonl"},
    "teacher": [{"model": "t", "engine": "scripted"}],
    "student": {"model": "smollm2-135m-instruct"},
    "arm": [{"name": "labels", "method": "standard", "labels": "gold"}],
}


def command(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["browse", *map(str, arguments)])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was annotated, and whose task's file is there no more."""
    monkeypatch.chdir(tmp_path)
    Run(Path("runs/seen")).begin(make_recipe(RECIPE))
    write_records(Path("runs/seen/annotation/annotations.jsonl"), THREE)
    return tmp_path / "runs" / "seen"


def test_the_page_lies_in_the_run_or_where_it_is_wanted(run: Path) -> None:
    said = command("seen").output.splitlines()
    assert said[0].startswith("3 questions, 0.0 MB") and said[1] == "page: runs/seen/annotations.html"
    page = (run / "annotations.html").read_text()
    assert "How many cats has Bo?" in page and "<title>seen · Minds Mirror</title>" in page
    document = json.loads(command(run, "--out", "there/page.html", "--json").output)
    assert document == {"page": "there/page.html", "questions": 3, "bytes": len(page.encode())}
    assert Path("there/page.html").read_text() == page


def test_what_is_not_annotated_cannot_be_browsed(run: Path) -> None:
    path = run / "annotation" / "annotations.jsonl"
    path.write_text("")
    ended = command("seen")
    assert isinstance(ended.exception, DataError) and "no annotated question" in str(ended.exception)
    path.unlink()
    assert isinstance(command("seen").exception, DataError)
    assert isinstance(command("unseen").exception, DataError)
    assert not (run / "annotations.html").exists()


def test_predictions_have_a_page_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    planted(Path("runs"), recipe("made", arms=["cot"]), {"cot": {"think": "+-", "mirror": "++"}}, samples=2)
    said = command("made", "--predictions").output.splitlines()
    assert said[0].startswith("2 questions") and said[1] == "page: runs/made/predictions.html"
    assert "Question 1 of 0?" in Path("runs/made/predictions.html").read_text()
    (tmp_path / "runs/made/predictions/cot/done.json").unlink()
    ended = command("made", "--predictions")
    assert isinstance(ended.exception, DataError) and "has no predictions to show" in str(ended.exception)
