"""A task that is kept in a folder comes back as it was, and needs neither file nor generator to be looked at."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindsmirror.answers import ENTAILMENT, Choice, Number
from mindsmirror.answers.base import Answer, AnswerKind
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks import Splits, Task, TaskConfig, load_task
from mindsmirror.tasks.stored import ABOUT, store_task, stored_task

LEGS = TaskConfig(name="reasoning_gym:leg_counting", train=5, valid=2, test=3)
ANY = TaskConfig(name="gone.jsonl")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)
EXAMPLES = st.lists(
    st.builds(
        Example,
        id=st.text(),
        text=st.text(),
        choices=st.dictionaries(st.text(), st.text(), max_size=3),
        gold=st.none() | st.text(),
        extra=st.dictionaries(st.text(), JSON, max_size=2),
    ),
    max_size=5,
)
KINDS: list[AnswerKind] = [Number(), Choice(), ENTAILMENT]


def kept(task: Task, folder: Path, config: TaskConfig = ANY) -> Task:
    store_task(task, folder)
    found = stored_task(folder, config)
    assert found is not None
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.tuples(EXAMPLES, EXAMPLES, EXAMPLES), st.sampled_from(KINDS))
def test_any_task_comes_back(tmp_path: Path, parts: tuple[list[Example], ...], kind: AnswerKind) -> None:
    task = Task("mine", 3, "MIT", kind, Splits(*parts), sources={"a.jsonl": "12ab"}, own=True, instruction="Add.")
    found = kept(task, tmp_path / "task")
    assert [list(part) for part in found.splits] == [list(part) for part in parts]
    assert [len(part) for part in found.splits] == [len(part) for part in parts]
    assert dataclasses.replace(found, splits=task.splits) == task


def example(number: int, **fields: Any) -> Example:
    return Example(id=str(number), text=f"What is {number} + 0?", gold=str(number), **fields)


def test_the_same_task_is_not_written_again_and_another_is(tmp_path: Path) -> None:
    folder, few = tmp_path / "task", tuple(map(example, range(4)))
    task = Task("mine", 1, "unknown", Number(), Splits(few[:2], few[2:3], few[3:]))
    store_task(task, folder)
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}
    store_task(task, folder)
    assert {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()} == before
    moved = dataclasses.replace(task, splits=Splits(few[:1], few[1:3], few[3:]))
    assert [len(part) for part in kept(moved, folder).splits] == [1, 2, 1]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_split_is_read_when_it_is_looked_at(tmp_path: Path) -> None:
    task = Task("mine", 1, "unknown", Number(), Splits((example(1),), (), (example(2), example(3))))
    found = kept(task, tmp_path / "task")
    (tmp_path / "task" / "train.jsonl.gz").unlink()
    assert list(found.splits.test) == [example(2), example(3)] and found.splits.test[1:][0] == example(3)
    with pytest.raises(DataError, match=r"train\.jsonl\.gz cannot be read"):
        list(found.splits.train)


@pytest.mark.parametrize("damage", [b"", b"no gzip", None])
def test_a_damaged_file_is_said(tmp_path: Path, damage: bytes | None) -> None:
    found = kept(Task("mine", 1, "unknown", Number(), Splits((), (), (example(1),))), tmp_path / "task")
    file = tmp_path / "task" / "test.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-9] if damage is None else damage)
    with pytest.raises(DataError, match=r"test\.jsonl\.gz"):
        list(found.splits.test)


def test_a_folder_without_a_task_has_none(tmp_path: Path) -> None:
    assert stored_task(tmp_path, ANY) is None
    (tmp_path / ABOUT).write_text('{"name": "torn')
    assert stored_task(tmp_path, ANY) is None


def test_a_verifier_is_made_again_only_to_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task(LEGS)
    loaded: list[object] = []

    def load(config: TaskConfig) -> Task:
        loaded.append(config)
        return load_task(config)

    monkeypatch.setattr("mindsmirror.tasks.stored.load_task", load)
    found = kept(task, tmp_path / "task", LEGS)
    asked = found.splits.test[0]
    assert [list(part) for part in found.splits] == [list(part) for part in task.splits] and loaded == []
    assert asked.gold is not None and found.right(asked, Answer(asked.gold, asked.gold)) is True
    assert found.right(asked, Answer("-1", "-1")) is False and found.right(asked, None) is False
    assert loaded == [LEGS]
