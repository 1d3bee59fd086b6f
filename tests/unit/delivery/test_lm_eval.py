"""The task for lm-evaluation-harness: its files by themselves, and replies scored as a run scores them."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.answers import ENTAILMENT, Number
from mindsmirror.delivery.lm_eval import QUESTION, Asked, LmEvalTask, write_lm_eval
from mindsmirror.errors import DataError
from mindsmirror.records import Example, Mode
from mindsmirror.tasks import Splits, Task, TaskConfig, load_task

PROMPT = f'"Who?" said she: {QUESTION}\n\nexplain'


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads `!function NAME` as the name."""


_Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def numbers(*golds: str | None) -> Task:
    examples = [Example(id=f"q{n}", text=f"Question {n}: 1 + {n}?", gold=gold) for n, gold in enumerate(golds)]
    return Task("numbers", 1, "MIT", Number(), Splits((), (), examples))


def write(task: Task, out: Path, config: TaskConfig | None = None) -> LmEvalTask:
    asked: dict[Mode, Asked] = {"predict": Asked(f"{QUESTION}\n\npredict", 48), "think": Asked(PROMPT, 96)}
    config = config or TaskConfig(name=task.name)
    assert write_lm_eval("run", "arm", task, config, asked, out, chat=True) == ["run_predict", "run_think"]
    return LmEvalTask(out)


def test_a_yaml_file_says_what_is_asked_and_by_what_it_is_scored(tmp_path: Path) -> None:
    task = write(numbers("1", None, "3"), tmp_path / "out")
    said: Any = yaml.load((tmp_path / "out/run_think.yaml").read_text(encoding="utf-8"), _Loader)
    assert (said["task"], said["doc_to_text"], said["process_results"]) == ("run_think", PROMPT, "scoring.think")
    assert said["generation_kwargs"] == {"until": [], "do_sample": False, "max_gen_toks": 96}
    assert [each["metric"] for each in said["metric_list"]] == ["acc", "answered"]
    assert [row["id"] for row in task.docs()["test"]] == ["q0", "q2"], "what has no gold cannot be scored"
    page = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "2 test questions" in page and "--tasks run_predict,run_think --apply_chat_template" in page


def test_the_file_of_functions_is_one(tmp_path: Path) -> None:
    write(numbers("1", "2"), tmp_path / "out")
    spec = importlib.util.spec_from_file_location("scoring", tmp_path / "out/scoring.py")
    assert spec is not None and spec.loader is not None
    scoring = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scoring)
    docs = scoring.docs(version=1)["test"]
    assert scoring.think(docs[1], ["1 + 1 = 2. The answer is 2."]) == {"acc": 1.0, "answered": 1.0}
    assert scoring.think(docs[1], ["2"]) == {"acc": 0.0, "answered": 0.0}, "a rationale ends with the sentence"
    assert scoring.predict(docs[1], ["2"]) == {"acc": 1.0, "answered": 1.0}


def test_a_verifier_scores_where_the_task_has_one(tmp_path: Path) -> None:
    config = TaskConfig(name="reasoning_gym:leg_counting", train=2, valid=1, test=3)
    task = load_task(config)
    ours = write(task, tmp_path / "out", config)
    for example in task.splits.test:
        assert ours.scores("think", example.id, f"The answer is {example.gold}.")["acc"] == 1
        assert ours.scores("think", example.id, f"The answer is {int(str(example.gold)) + 1}.")["acc"] == 0


def test_paths_of_the_recipe_do_not_travel(tmp_path: Path) -> None:
    write(numbers("1"), tmp_path / "out", TaskConfig(name="/home/ann/secret.jsonl", data_dir=Path("/home/ann")))
    assert "ann" not in (tmp_path / "out/config.json").read_text()


@given(st.text(), st.sampled_from(["predict", "think"]))
def test_every_reply_is_scored(tmp_path_factory: pytest.TempPathFactory, reply: str, mode: Mode) -> None:
    folder = tmp_path_factory.getbasetemp() / "every"
    if not folder.exists():
        write(replace(numbers("neutral"), answers=ENTAILMENT), folder)
    found = LmEvalTask(folder).scores(mode, "q0", reply)
    assert found["acc"] <= found["answered"] <= 1


def test_nothing_to_score_and_a_folder_in_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="numbers has no test questions that can be scored"):
        write(numbers(None), tmp_path / "out")
    write(numbers("1"), tmp_path / "out")
    with pytest.raises(DataError, match="already exists and is not empty"):
        write(numbers("1"), tmp_path / "out")
    (tmp_path / "out/config.json").write_text(json.dumps({"name": 1}))
    with pytest.raises(DataError, match="is no task that `mindsmirror export --to lm-eval` wrote"):
        LmEvalTask(tmp_path / "out").docs()
