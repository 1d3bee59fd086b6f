"""The run folder: steps are done once for their inputs, cut short ones go on, and nobody else works on it."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pydantic import BaseModel

from mindsmirror.errors import DataError, EngineError, RunLockedError, StorageError
from mindsmirror.runs.folder import Run, digest
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.system.files import _replacing, read_json, write_json

RECIPE = {
    "name": "plain",
    "task": {"name": "svamp"},
    "teacher": [{"model": "teacher", "engine": "scripted"}],
    "student": {"model": "smollm2-135m-instruct"},
    "arm": [{"name": "labels", "method": "standard"}],
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run")


class Result(BaseModel):
    """What a step leaves: a number, and how much of it failed."""

    answer: int = 42
    failed: int = 0


class Action:
    """Counts how often it is done, and what it finds in its folder."""

    def __init__(self, result: Result | None = None) -> None:
        self.result, self.done = result or Result(), 0
        self.found: list[set[str]] = []

    def __call__(self, folder: Path) -> Result:
        self.found.append({path.name for path in folder.iterdir()})
        self.done += 1
        (folder / "product").write_text(str(self.done))
        return self.result


def test_a_step_is_done_once_for_its_inputs(run: Run) -> None:
    action = Action()
    for place in (run, run, Run(run.folder)):
        assert place.step("train", {"alpha": 0.5}, action, Result) == Result()
    assert action.done == 1
    assert run.result("train", Result) == Result() and run.result("annotation", Result) is None


def test_what_was_done_before_may_be_given_otherwise(run: Run) -> None:
    action = Action()
    for answer in (42, 0, 0):
        again: Callable[[Result], Result] = lambda result: result.model_copy(update={"answer": 0})  # noqa: E731
        assert run.step("train", {}, action, Result, again=again).answer == answer
    done = read_json(run.folder / "train" / "done.json")
    assert action.done == 1 and done is not None and done["result"] == {"answer": 42, "failed": 0}


def test_other_inputs_begin_it_anew_in_an_empty_folder(run: Run) -> None:
    action = Action()
    run.step("train", {"alpha": 0.5}, action, Result)
    run.step("train", {"alpha": 0.6}, action, Result)
    assert action.done == 2
    assert action.found == [{"inputs.json"}, {"inputs.json"}]


def test_a_step_that_was_cut_short_goes_on_with_what_it_left(run: Run) -> None:
    def dies(folder: Path) -> Result:
        (folder / "half").write_text("kept")
        raise EngineError("down")

    with pytest.raises(EngineError):
        run.step("train", {"alpha": 0.5}, dies, Result)
    action = Action()
    assert run.step("train", {"alpha": 0.5}, action, Result) == Result()
    assert action.found == [{"inputs.json", "half"}]


def test_a_result_that_is_not_final_is_used_and_done_again(run: Run) -> None:
    final: Callable[[Result], bool] = lambda result: result.failed == 0  # noqa: E731
    action = Action(Result(failed=1))
    assert run.step("annotation", {}, action, Result, final).failed == 1
    assert run.step("annotation", {}, action, Result, final).failed == 1
    action.result = Result()
    assert run.step("annotation", {}, action, Result, final).failed == 0
    assert run.step("annotation", {}, action, Result, final).failed == 0
    assert action.done == 3
    assert action.found[1] == {"inputs.json", "done.json", "product"}


@pytest.mark.parametrize("name", ["done.json", "inputs.json"])
@pytest.mark.parametrize("torn", ["", "{", '{"result": ', "[]", '{"result": {"answer": "many"}}', '{"seconds": 1}'])
def test_a_mark_that_is_torn_or_something_else_does_the_step_again(run: Run, name: str, torn: str) -> None:
    action = Action()
    run.step("train", {}, action, Result)
    (run.folder / "train" / name).write_text(torn)
    if name == "done.json":
        assert run.result("train", Result) is None
    assert run.step("train", {}, action, Result) == Result()
    assert action.done == 2


def test_a_kill_while_the_old_is_cleared_away_does_not_pass_for_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new is done by then, and what is left of the old does not come back."""
    action = Action()
    run.step("train", {"alpha": 0.5}, action, Result)

    def killed(folder: Path, **_: Any) -> None:
        (folder / "product").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            run.step("train", {"alpha": 0.6}, action, Result)
    run.step("train", {"alpha": 0.6}, action, Result)
    assert action.done == 2
    run.step("train", {"alpha": 0.5}, action, Result)
    assert action.done == 3 and (run.folder / "train" / "product").exists()


def test_seconds_are_those_of_a_step_that_is_done(run: Run) -> None:
    assert run.seconds("train") == 0.0
    run.step("train", {}, Action(), Result)
    write_json(run.folder / "train" / "done.json", {"result": None, "seconds": 2.5})
    assert run.seconds("train") == 2.5


def test_inputs_are_told_apart_by_value_and_not_by_order() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert (
        len({digest({"a": 1}), digest({"a": 2}), digest({"b": 1}), digest({"a": [1, 2]}), digest({"a": [2, 1]})}) == 5
    )


def test_what_the_disk_refuses_is_a_storage_error_that_names_the_step(run: Run) -> None:
    def full(folder: Path) -> Result:
        raise OSError(28, os.strerror(28))

    with pytest.raises(StorageError, match=r"train: the disk is full: No space left on device"):
        run.step("train", {}, full, Result)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        Exception("No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 149504 vs 149396"),
        RuntimeError("[enforce fail at inline_container.cc:863] . PytorchStreamWriter failed writing file data/0"),
    ],
    ids=["safetensors", "tokenizers", "torch, at its end", "torch, inside"],
)
def test_what_the_disk_refuses_is_known_in_the_words_of_every_library(run: Run, error: Exception) -> None:
    def full(folder: Path) -> Result:
        raise error

    with pytest.raises(StorageError, match=r"cannot write .*train"):
        run.step("train", {}, full, Result)


def test_other_failures_pass_through_a_step_as_they_are(run: Run) -> None:
    for error in (RuntimeError("a bug"), OSError("transformers says so"), DataError("no (os error 2)"), KeyError("x")):

        def fails(folder: Path, error: Exception = error) -> Result:
            raise error

        with pytest.raises(type(error)) as caught:
            run.step("train", {}, fails, Result)
        assert caught.value is error


def test_the_recipe_is_written_down_and_read_back(run: Run) -> None:
    recipe = make_recipe(RECIPE)
    run.begin(recipe)
    assert run.recipe == recipe
    manifest = read_json(run.folder / "manifest.json")
    assert manifest["recipe"] == recipe.hash and manifest["seed"] == 0
    assert {"torch", "transformers", "mindsmirror"} <= manifest["packages"].keys()
    assert "cores" in manifest["machine"]


def test_a_folder_without_a_recipe_is_no_run(run: Run) -> None:
    with pytest.raises(DataError, match=r"is not a run: recipe.json cannot be read"):
        _ = run.recipe
    run.folder.mkdir()
    (run.folder / "recipe.json").write_text("{")
    with pytest.raises(DataError, match=r"is not a run"):
        _ = run.recipe


def test_a_run_is_worked_on_by_one_process_at_a_time(run: Run) -> None:
    with (
        run.locked(),
        pytest.raises(RunLockedError, match=r"another process is working on .*run"),
        Run(run.folder).locked(),
    ):
        raise AssertionError("both hold it")
    with Run(run.folder).locked():
        pass


def test_a_lock_is_given_back_whatever_happens(run: Run) -> None:
    with pytest.raises(KeyError), run.locked():
        raise KeyError
    with FileLock(run.folder / "lock", timeout=0):
        pass


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match=r"runs"), Run(tmp_path / "runs" / "x").locked():
        pass
    with pytest.raises(StorageError, match=r"runs"):
        Run(tmp_path / "runs" / "x").begin(make_recipe(RECIPE))


def test_a_lock_that_cannot_be_taken_is_a_storage_error(run: Run) -> None:
    (run.folder / "lock").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"run"), run.locked():
        pass


def test_documents_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "document.json"
    write_json(path, {"ä": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"ä": [1, None]}

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space"):
        write_json(path, {"new": 1})
    assert read_json(path) == {"ä": [1, None]}
    assert [found.name for found in path.parent.iterdir()] == ["document.json"]


def test_there_is_no_document_where_none_can_be_read(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "file").touch()
    assert read_json(tmp_path / "file" / "none.json") is None
    assert read_json(tmp_path / "file") is None


def test_a_lock_that_is_about_to_be_free_is_waited_for(run: Run) -> None:
    run.folder.mkdir()
    held = FileLock(run.folder / "lock", thread_local=False)
    held.acquire()
    threading.Timer(0.3, held.release).start()
    with run.locked():
        pass


def test_what_a_killed_process_was_writing_is_cleared_away_and_nothing_else(run: Run) -> None:
    dead = os.fork()
    if dead == 0:
        os._exit(0)
    os.waitpid(dead, 0)
    (run.folder / "arms" / "labels").mkdir(parents=True)
    gone = [run.folder / f".recipe.json-{dead}-abcd_123", run.folder / "arms/labels" / f".done.json-{dead}-abcd_123"]
    kept = [
        run.folder / f".recipe.json-{os.getpid()}-abcd_123",
        run.folder / f".notes-{dead}",
        run.folder / f"recipe.json-{dead}-abcd_123",
    ]
    for path in (*gone, *kept):
        path.write_text("half")
    folder = run.folder / "arms" / f".model-{dead}-abcd_123"
    folder.mkdir()
    (folder / "weights").write_text("half")
    with run.locked():
        assert not folder.exists() and not any(path.exists() for path in gone)
        assert all(path.exists() for path in kept)


def test_a_write_that_is_killed_leaves_what_the_next_start_clears_away(run: Run) -> None:
    run.folder.mkdir()
    child = os.fork()
    if child == 0:
        with _replacing(run.folder / "recipe.json"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(run.folder.glob(".recipe.json-*"))) == 1
    with run.locked():
        assert [path.name for path in run.folder.iterdir()] == ["lock"]


def test_what_is_replaced_is_kept_until_the_new_is_done_and_comes_back_with_its_inputs(run: Run) -> None:
    """A trained student is not lost because somebody tried another setting and thought better of it."""
    first = Action(Result(answer=1))
    run.step("arms/a", {"rate": 1}, first, Result)
    kept = run.folder / "replaced/arms/a"

    def interrupted(folder: Path) -> Result:
        (folder / "part").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.step("arms/a", {"rate": 2}, interrupted, Result)
    assert run.result("arms/a", Result) is None and (kept / "product").is_file()
    assert run.step("arms/a", {"rate": 1}, first, Result) == Result(answer=1)
    assert first.done == 1 and not kept.exists()
    run.step("arms/a", {"rate": 2}, Action(), Result)
    assert not kept.exists() and run.result("arms/a", Result) == Result()


def test_a_step_that_fails_before_it_made_anything_leaves_what_was_there(run: Run) -> None:
    run.step("predictions/a", {"n": 1}, Action(Result(answer=1)), Result)

    def fails(folder: Path) -> Result:
        raise EngineError("no weights")

    with pytest.raises(EngineError):
        run.step("predictions/a", {"n": 2}, fails, Result)
    assert run.result("predictions/a", Result) == Result(answer=1)


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_step_of_which_a_file_is_gone_or_cut_short_is_done_again(run: Run, harm: str) -> None:
    made = 0

    def writes(folder: Path) -> Result:
        nonlocal made
        made += 1
        (folder / "think.jsonl").write_text("{}\n{}\n")
        return Result()

    run.step("predictions/a", {}, writes, Result)
    file = run.folder / "predictions/a/think.jsonl"
    file.unlink() if harm == "gone" else file.write_text("{}\n")
    run.step("predictions/a", {}, writes, Result)
    assert made == 2 and file.read_text() == "{}\n{}\n"
    run.step("predictions/a", {}, writes, Result)
    assert made == 2


@pytest.mark.parametrize("text", ["null", "[1]", "3"])
def test_a_recipe_that_is_none_is_no_run(run: Run, text: str) -> None:
    run.folder.mkdir()
    (run.folder / "recipe.json").write_text(text)
    with pytest.raises(DataError, match="is not a run"):
        _ = run.recipe
