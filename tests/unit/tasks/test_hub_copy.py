"""A data set of the hub as a file of one's own, from a local folder in the hub's layout."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from mindsmirror.cli.init import command
from mindsmirror.errors import DataError
from mindsmirror.runs.recipe import read_recipe
from mindsmirror.tasks import load_task

datasets = pytest.importorskip("datasets", reason="the extra hub-data is not installed")

TEAMS = ("bug", "billing")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def on_hub(folder: str, **splits: list[int]) -> None:
    """Tickets with the named labels of each split, -1 where it is hidden, as `push_to_hub` lays them out."""
    columns = {"id": datasets.Value("int64"), "ticket": datasets.Value("string")}
    features = datasets.Features(columns | {"team": datasets.ClassLabel(names=list(TEAMS))})
    for split, labels in splits.items():
        words = {"id": list(range(len(labels))), "ticket": [f"{split} ticket {n} is open" for n in range(len(labels))]}
        table = datasets.Dataset.from_dict({**words, "team": labels}, features=features)
        path = Path(folder, "data", f"{split}-00000-of-00001.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)


def rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def init(named: str, *options: str) -> Result:
    return CliRunner().invoke(command, [named, "--question", "ticket", "--answer-column", "team", *options])


def test_the_splits_of_the_hub_stay_as_they_are() -> None:
    on_hub("you/tickets", train=[0, 1] * 20, validation=[1, 0] * 4, test=[0, 1, 1] * 5)
    ended = init("hf:you/tickets")
    assert ended.exit_code == 0, ended.exception
    written = rows("tickets.jsonl")
    assert written[0] == {"ticket": "train ticket 0 is open", "team": "bug", "split": "train"}
    assert [row["team"] for row in written if row["split"] == "test"] == ["bug", "billing", "billing"] * 5
    task = load_task(read_recipe("tickets.toml").task)
    assert [len(split) for split in task.splits] == [40, 8, 15]
    assert task.answers.name == "label"


def test_numbers_of_32_bits_are_the_decimals_that_they_stand_for() -> None:
    features = datasets.Features({"ticket": datasets.Value("string"), "team": datasets.Value("float32")})
    words = {"ticket": [f"How long is {n}?" for n in range(20)], "team": [None, *[n + 0.1 for n in range(1, 20)]]}
    path = Path("you/lengths/data/train-00000-of-00001.parquet")
    path.parent.mkdir(parents=True)
    datasets.Dataset.from_dict(words, features=features).to_parquet(path)
    assert init("hf:you/lengths").exit_code == 0
    assert [row["team"] for row in rows("lengths.jsonl")] == [None, *[round(n + 0.1, 1) for n in range(1, 20)]]


def test_validation_questions_come_from_training_if_there_are_none() -> None:
    on_hub("tickets", train=[0, 1] * 100, test=[0, 1] * 15)
    assert init("hf:./tickets").exit_code == 0
    train, valid, test = load_task(read_recipe("tickets.toml").task).splits
    assert len(test) == 30 and len(train) + len(valid) == 200 and 5 <= len(valid) <= 40


def test_a_hidden_test_is_left_out_and_the_rest_is_split() -> None:
    on_hub("tickets", train=[0, 1] * 30, validation=[1, 0] * 5, test=[-1] * 9)
    ended = init("hf:./tickets", "--out", "new/first.toml")
    assert ended.exit_code == 0, ended.exception
    assert "leaves out test, which has no team" in ended.stderr
    written = rows("new/tickets.jsonl")
    assert len(written) == 70 and all(set(row) == {"ticket", "team"} for row in written)
    assert all(load_task(read_recipe("new/first.toml").task).splits)


def test_a_file_that_is_there_is_not_replaced() -> None:
    on_hub("tickets", train=[0, 1] * 30)
    Path("tickets.jsonl").write_text("mine")
    ended = init("hf:./tickets")
    assert isinstance(ended.exception, DataError) and "mindsmirror init tickets.jsonl" in str(ended.exception)
    assert Path("tickets.jsonl").read_text() == "mine"


def test_a_set_without_answers_or_out_of_reach_is_one_error() -> None:
    on_hub("hidden", test=[-1] * 9)
    ended = init("hf:./hidden")
    assert isinstance(ended.exception, DataError) and "no rows with answers" in str(ended.exception)
    ended = init("hf:nobody/nothing")
    assert isinstance(ended.exception, DataError) and "the hub does not answer for it" in str(ended.exception)
    assert not list(Path().glob("*.jsonl")) and not list(Path().glob("*.toml"))


def test_a_configuration_is_named_after_a_colon() -> None:
    on_hub("two/one", train=[0, 1] * 30)
    on_hub("two/other", train=[1, 0] * 40)
    names = [f"- config_name: {name}\n  data_files: {name}/data/*.parquet\n" for name in ("one", "other")]
    Path("two/README.md").write_text("---\nconfigs:\n" + "".join(names) + "---\n")
    assert "one" in str(init("hf:./two").exception) and "other" in str(init("hf:./two").exception)
    assert init("hf:./two:other").exit_code == 0
    assert len(rows("two-other.jsonl")) == 80
