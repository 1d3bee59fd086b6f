"""What the verbs share: tables, documents, and runs found by name or path."""

import json
from pathlib import Path

import pytest

from mindsmirror.cli.options import run_folder, show, table
from mindsmirror.errors import DataError


def make_run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}")
    return folder


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([("arm", "n"), ("minds_mirror", "100"), ("", "7")]) == [
        "arm           n",
        "minds_mirror  100",
        "              7",
    ]
    assert table([]) == []


def test_lines_for_a_person_or_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    show({"ä": 1}, ["one", "two"], json_output=False)
    assert capsys.readouterr().out == "one\ntwo\n"
    show({"ä": [None]}, ["one"], json_output=True)
    said = capsys.readouterr().out
    assert json.loads(said) == {"ä": [None]} and "ä" in said


def test_no_text_of_a_result_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b[2J\x9b31m\u202eb\ud800\tc"
    show({}, [hostile], json_output=False)
    assert capsys.readouterr().out == "a[2J31mb\tc\n"
    show({hostile: hostile}, [], json_output=True)
    said = capsys.readouterr().out
    assert json.loads(said) == {hostile: hostile} and said.replace("\n", "").isprintable()


def test_a_run_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    made = make_run(tmp_path / "runs" / "mine")
    assert run_folder(made, tmp_path / "elsewhere") == made
    assert run_folder(Path("mine"), tmp_path / "runs") == made


def test_no_run_of_that_name_lists_those_there_are(tmp_path: Path) -> None:
    for name in ("second", "first"):
        make_run(tmp_path / "runs" / name)
    (tmp_path / "runs" / "torn").mkdir()
    with pytest.raises(DataError, match=r"mine is not a run. The runs in .*runs are: first, second."):
        run_folder(Path("mine"), tmp_path / "runs")
    with pytest.raises(DataError, match=r"There is no run in .*nowhere yet"):
        run_folder(Path("mine"), tmp_path / "nowhere")
