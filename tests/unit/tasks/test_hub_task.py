import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from mindsmirror.errors import DataError, MissingExtraError
from mindsmirror.tasks import TaskConfig, anli, arc, csqa, gsm8k, hub, load_task, strategyqa, svamp
from mindsmirror.tasks.rows import Row

SOURCE = hub.HubSource("nobody/nothing", None, "cc7b047", "svamp")


@pytest.fixture(autouse=True)
def no_local_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hub.VARIABLE, raising=False)


def test_without_a_folder_the_hub_is_read_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert hub.data_folder(TaskConfig(name="svamp"), SOURCE) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("svamp: reading nobody/nothing@cc7b047 from the hub; MINDSMIRROR_DATA or task.data_dir can")


def test_the_folder_of_the_environment_is_read_if_it_holds_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(hub.VARIABLE, str(tmp_path))
    assert hub.data_folder(TaskConfig(name="svamp"), SOURCE) is None
    assert "has no folder 'svamp'; reading nobody/nothing@cc7b047 from the hub" in capsys.readouterr().err
    (tmp_path / "svamp").mkdir()
    assert hub.data_folder(TaskConfig(name="svamp"), SOURCE) == tmp_path
    assert capsys.readouterr().err == f"svamp: read from {tmp_path} (MINDSMIRROR_DATA)\n"


def test_the_recipes_folder_comes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "svamp").mkdir()
    monkeypatch.setenv(hub.VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"data_dir .*nowhere is not a folder"):
        load_task(TaskConfig(name="svamp", data_dir=tmp_path / "nowhere"))
    assert capsys.readouterr().err == ""


def test_a_variable_that_names_no_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hub.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"MINDSMIRROR_DATA is '.*nowhere', which is not a folder"):
        load_task(TaskConfig(name="svamp"))


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the extra hub-data is not installed")
def test_an_unreachable_hub_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(hub, "_reachable", lambda repository: False)
    with pytest.raises(
        DataError,
        match=r"nobody/nothing@cc7b047 is not in the cache, and the hub cannot be reached .*"
        r"set MINDSMIRROR_DATA to a folder that holds 'none', or data_dir in \[task\]",
    ):
        hub.hub_rows(hub.HubSource("nobody/nothing", None, "cc7b047", "none"), "train")
    assert not constants.HF_HUB_OFFLINE


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"mindsmirror\[hub-data\]"):
        load_task(TaskConfig(name="svamp"))


def test_rows_of_the_hub_become_the_same_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = {"label": ["A", "B"], "text": ["yes it is", "river"]}
    tables: dict[tuple[str, str], list[dict[str, Any]]] = {
        ("tau/commonsense_qa", "train"): [
            {"id": f"t{i}", "question": f"q{i}", "choices": choices, "answerKey": "B"} for i in range(40)
        ],
        ("tau/commonsense_qa", "validation"): [{"id": "v", "question": "v?", "choices": choices, "answerKey": "A"}],
        ("openai/gsm8k", "train"): [{"question": f"q{i}", "answer": "so\n#### 1,234"} for i in range(40)],
        ("openai/gsm8k", "test"): [{"question": "t", "answer": "so\n#### 5"}],
        ("facebook/anli", "train_r1"): [{"uid": "u", "premise": "p", "hypothesis": "h", "label": 2, "reason": ""}],
        ("facebook/anli", "dev_r1"): [{"uid": "d", "premise": "p", "hypothesis": "d", "label": 0, "reason": ""}],
        ("facebook/anli", "test_r1"): [{"uid": "t", "premise": "p", "hypothesis": "t", "label": 1, "reason": ""}],
        ("tasksource/strategy-qa", "train"): [
            {"qid": f"s{i}", "question": f"q{i}?", "answer": i % 2 == 0} for i in range(40)
        ],
        ("allenai/ai2_arc", "train"): [
            {"id": "a", "question": "q", "choices": {"label": ["1", "2"], "text": ["x", "y"]}, "answerKey": "2"}
        ],
        ("allenai/ai2_arc", "validation"): [{"id": "b", "question": "r", "choices": choices, "answerKey": "A"}],
        ("allenai/ai2_arc", "test"): [{"id": "c", "question": "s", "choices": choices, "answerKey": "A"}],
    }
    problem = {"Question": "How many?", "Equation": "( 4.0 - 3.0 )", "Answer": "1.0", "Type": "Subtraction"}
    tables["ChilleD/SVAMP", "train"] = [{"ID": f"chal-{i}", "Body": f"Dan had {i}", **problem} for i in range(1, 701)]
    tables["ChilleD/SVAMP", "test"] = [{"ID": f"chal-{i}", "Body": f"Dan had {i}", **problem} for i in range(701, 1001)]

    def rows(source: hub.HubSource, split: str) -> list[Row]:
        return [Row(f"row {i}", row) for i, row in enumerate(tables[source.repository, split])]

    for module in (svamp, csqa, anli, gsm8k, strategyqa, arc):
        monkeypatch.setattr(module, "hub_rows", rows)
    tasks = {
        name: load_task(TaskConfig(name=name))
        for name in ("svamp", "csqa", "anli_r1", "gsm8k", "strategyqa", "arc_challenge")
    }
    assert [len(split) for split in tasks["svamp"].splits] == [720, 80, 200]
    assert tasks["svamp"].splits.train[0].gold == "4 - 3"
    assert {e.gold for e in tasks["csqa"].splits.train} == {"river"}
    assert [split[0].gold for split in tasks["anli_r1"].splits] == ["contradiction", "entailment", "neutral"]
    assert {e.gold for e in tasks["gsm8k"].splits.train} == {"1234"}
    assert {e.gold for e in tasks["strategyqa"].splits.train} == {"yes", "no"}
    assert tasks["arc_challenge"].splits.train[0].gold == "y"
    assert all(
        hub_source.revision for hub_source in (svamp.HUB, csqa.HUB, anli.HUB, gsm8k.HUB, strategyqa.HUB, arc.HUB)
    )
