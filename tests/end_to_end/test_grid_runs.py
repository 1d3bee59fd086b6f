"""A grid carried out: runs of their own beside one that is there, asked once, resumed, one that fails, one report."""

import json
from pathlib import Path

import pytest
from end_to_end import console, material
from end_to_end.conftest import Finished

from mindsmirror.engines.scripted import LOG_VARIABLE


@pytest.mark.slow
def test_a_grid_asks_once_goes_on_where_a_run_fails_and_is_resumed(copied: Finished, llama: Path) -> None:
    place, log = copied.folder, copied.folder / "log"
    words = ("compare", "tiny", "tiny.toml", "--seeds", "1", "--set", f"student.model={llama},nowhere", "--json")
    first = console.real(*words, cwd=place, environment={LOG_VARIABLE: str(log)})
    assert first.code == 11 and "1 of 2 runs failed" in first.err, first.err
    assert material.served(log) == [], "a second seed asks the teacher nothing that the first has asked"

    report = json.loads(first.out)
    [there, made] = [run["run"] for run in report["runs"]]
    assert there == "tiny" and [run["seed"] for run in report["runs"]] == ["0", "1"]
    assert ["nowhere" in why for why in report["failed"].values()] == [True]
    assert [row["arm"] for row in report["arms"] if row["main"]] == ["untrained", "labels", "mirror"]
    assert all(list(row["by_seed"]) == ["0", "1"] and row["n"] == 2 * material.TEST for row in report["arms"])
    assert all(row["questions"] == material.TEST for row in report["arms"]), "both were asked the same"
    modes = [(each["mode_a"], each["mode_b"]) for each in report["comparisons"]]
    assert modes == [("mirror", "vote"), ("mirror", "think"), ("think", "predict")]
    assert (place / "runs" / made / "report.html").is_file(), "it is an ordinary run"

    before = material.state(place / "runs" / made)
    again = console.real(*words, cwd=place)
    assert again.code == 11 and f"{made} is complete" in again.err
    assert material.state(place / "runs" / made) == before
    assert json.loads(again.out)["comparisons"] == report["comparisons"]


def test_where_every_run_fails_there_is_no_report(workplace: Path) -> None:
    ended = console.real("compare", "tiny.toml", "--set", "student.model=nowhere", "--json", cwd=workplace)
    assert ended.code == 11 and "none of 1 runs came to its end: " in json.loads(ended.out)["error"]
    assert not (workplace / "runs" / "comparison").exists()
