"""Killed at any moment and started again, training ends with the very same weights, bit for bit.

Dropout is on, so that also the random state must come back. Six steps of two batches, a checkpoint every two.
"""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import Tensor

from mindsmirror.errors import StorageError
from mindsmirror.records import Stage, Tag
from mindsmirror.students.config import StudentConfig
from mindsmirror.training import callbacks, stages, trainer
from mindsmirror.training.checkpoints import SEAL, last_checkpoint
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.result import StageLog
from mindsmirror.training.stages import ArmPlan, train_arm
from mindsmirror.training.trainer import StageTrainer

Folder = Callable[..., Path]
STAGE = tiny.lesson(
    *((Tag.PREDICT, f"{n}+{n}?", f"{2 * n}") for n in range(9)),
    *((Tag.EXPLAIN, f"{n}+{n}?", f"{n} twice is {2 * n}.") for n in range(9)),
)
AGREEING = STAGE.model_copy(update={"objective": "dynsdpb"})
CONFIG = TrainingConfig(
    learning_rate=5e-3, budget=Budget(steps=6), precision="fp32", checkpoints=3, accumulate=2, batch_tokens=90
)


class KilledError(BaseException):
    """Nothing in the program expects it, as nothing expects a SIGKILL."""


def settings(folder: Path, adapter: str = "none") -> StudentConfig:
    return StudentConfig.model_validate({"model": str(folder), "adapter": adapter, "lora_rank": 4})


def learn(
    student: StudentConfig,
    arm: Path,
    scores: Mapping[int, float] | None = None,
    config: TrainingConfig = CONFIG,
    stage: Stage = STAGE,
) -> Mapping[str, Any]:
    """Train the stage; with scores, they are what the checkpoints after those steps are worth."""
    asked = iter(scores.values()) if scores else iter(())
    [report] = train_arm(
        ArmPlan([stage], student, config, arm, 3, "arm", (lambda *_: tiny.answers(next(asked))) if scores else None)
    ).stages
    return report.model_dump()


def weights(arm: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(arm / "model" / "model.safetensors")
    return found


def assert_same(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [name for name, value in first.items() if not torch.equal(value, second[name])] == []


def test_a_checkpoint_can_be_read_by_others(tiny_folder: Folder, tmp_path: Path) -> None:
    """As far as the user's umask lets them; what safetensors writes is its owner's alone."""
    modes: set[int] = set()

    def look(*_: object) -> list[bool]:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("stages/*/checkpoint-*/*"))
        return [True, False]

    before = os.umask(0o022)
    try:
        train_arm(ArmPlan([AGREEING], settings(tiny_folder("llama")), CONFIG, tmp_path, 3, "arm", look))
    finally:
        os.umask(before)
    assert modes == {0o644}


@pytest.fixture
def die_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[int]]:
    """Raise in the training step after so many batches (never, if None); says at which steps batches were learnt."""

    def arrange(batches: int | None) -> list[int]:
        learnt: list[int] = []

        class Dying(StageTrainer):
            def training_step(self, *arguments: Any, **named: Any) -> Tensor:
                if len(learnt) == batches:
                    raise KilledError
                learnt.append(self.state.global_step)
                loss: Tensor = super().training_step(*arguments, **named)
                return loss

        monkeypatch.setattr(trainer, "StageTrainer", Dying)
        return learnt

    return arrange


@pytest.fixture(scope="module")
def whole(tiny_folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The arm of an uninterrupted run."""
    made: dict[tuple[str, str], Path] = {}

    def arm(kind: str, adapter: str = "none") -> Path:
        if (kind, adapter) not in made:
            made[kind, adapter] = tmp_path_factory.mktemp("whole")
            learn(settings(tiny_folder(kind, dropout=0.2), adapter), made[kind, adapter])
        return made[kind, adapter]

    return arm


def test_dropout_is_on_and_two_runs_are_alike(tiny_folder: Folder, tmp_path: Path, whole: Folder) -> None:
    torch.manual_seed(99)
    learn(settings(tiny_folder("llama", dropout=0.2)), tmp_path / "again")
    assert_same(tmp_path / "again", whole("llama"))
    learn(settings(tiny_folder("llama", dropout=0.0)), tmp_path / "none")
    without = weights(tmp_path / "none")
    assert any(not torch.equal(value, without[name]) for name, value in weights(whole("llama")).items())


@pytest.mark.parametrize(
    ("kind", "adapter", "batches", "resumed"),
    [
        ("llama", "none", 3, 0),
        ("llama", "none", 7, 2),
        ("t5", "none", 11, 4),
        ("llama", "lora", 8, 4),
        ("t5", "lora", 6, 2),
    ],
)
def test_a_stage_that_was_cut_short_goes_on_from_its_last_checkpoint(
    kind: str,
    adapter: str,
    batches: int,
    resumed: int,
    tiny_folder: Folder,
    tmp_path: Path,
    whole: Folder,
    die_after: Callable[[int | None], list[int]],
) -> None:
    student = settings(tiny_folder(kind, dropout=0.2), adapter)
    die_after(batches)
    with pytest.raises(KilledError):
        learn(student, tmp_path)
    learnt = die_after(None)
    torch.manual_seed(1234)
    report = learn(student, tmp_path)
    assert learnt == [step for step in range(resumed, 6) for _ in range(2)]
    assert report["steps"] == 6
    assert_same(tmp_path, whole(kind, adapter))


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_killed_in_the_middle_of_an_epoch_and_of_a_step(
    kind: str, tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]]
) -> None:
    """Passes over the data end in the middle of steps; every kill falls into another pass, before a step's end."""
    student = settings(tiny_folder(kind, dropout=0.2))
    config = CONFIG.model_copy(update={"budget": Budget(epochs=3.5), "accumulate": 4, "checkpoints": 5})
    learnt = die_after(None)
    expected = learn(student, tmp_path / "whole", config=config)
    batches, steps = len(learnt), expected["steps"]
    a_pass = round(batches / 3.5)
    assert steps == -(-batches // 4) > 4
    assert a_pass % 4, "a pass is no whole number of steps"
    for number in range(1, 4):
        done = 0 if number == 1 else last_step(tmp_path / "killed") * 4
        place = a_pass * number - 2
        while place % 4 == 0:
            place += 1
        die_after(place - done)
        with pytest.raises(KilledError):
            learn(student, tmp_path / "killed", config=config)
    die_after(None)
    report = learn(student, tmp_path / "killed", config=config)
    same = ("steps", "losses", "task_losses", "tokens", "target_tokens", "flops")
    assert {key: report[key] for key in same} == {key: expected[key] for key in same}
    assert_same(tmp_path / "killed", tmp_path / "whole")


def last_step(arm: Path) -> int:
    """The optimizer step of the last checkpoint, 0 if there is none."""
    found = last_checkpoint(arm / "stages" / "1-thinking")
    return int(found.name.rpartition("-")[2]) if found else 0


def test_killed_again_and_again(
    tiny_folder: Folder, tmp_path: Path, whole: Folder, die_after: Callable[[int | None], list[int]]
) -> None:
    student = settings(tiny_folder("llama", dropout=0.2))
    for batches in (5, 2, 5, 0):
        die_after(batches)
        with pytest.raises(KilledError):
            learn(student, tmp_path)
    die_after(None)
    learn(student, tmp_path)
    assert_same(tmp_path, whole("llama"))


def test_killed_after_the_last_step(
    tiny_folder: Folder, tmp_path: Path, whole: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is learnt but the model is not yet saved: nothing is learnt again, nothing is lost."""
    student = settings(tiny_folder("t5", dropout=0.2))

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(stages, "save_student", killed)
        with pytest.raises(KilledError):
            learn(student, tmp_path)
    assert learn(student, tmp_path)["steps"] == 6
    assert_same(tmp_path, whole("t5"))


def test_the_newest_whole_checkpoint_by_its_step(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step in (9, 10, 100, 11):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


@pytest.mark.parametrize("state", [None, "", '{"epoch": 0.5', "[]", '{"global_step": "x"}', "{}"])
def test_a_torn_checkpoint_is_removed(state: str | None, tmp_path: Path) -> None:
    """The state is written last: without a whole one, weights or optimizer may be cut short."""
    for step in (4, 8):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "model.safetensors").write_bytes(b"half")
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text('{"global_step": 4}')
    if state is not None:
        (tmp_path / "checkpoint-8" / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-4"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


@pytest.mark.parametrize("scores", [{2: 0.9, 4: 0.1, 6: 0.2}, {2: 0.1, 4: 0.9, 6: 0.9}])
def test_what_validation_chose_before_the_kill_still_counts(
    scores: dict[int, float], tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]]
) -> None:
    student = settings(tiny_folder("llama", dropout=0.2))
    expected = learn(student, tmp_path / "whole", scores)
    die_after(10)
    with pytest.raises(KilledError):
        learn(student, tmp_path / "killed", scores)
    learnt = die_after(None)
    report = learn(student, tmp_path / "killed", {step: score for step, score in scores.items() if step > 4})
    assert learnt[0] == 4
    same = ("selected_step", "selected_score", "validation", "losses", "steps")
    assert {key: report[key] for key in same} == {key: expected[key] for key in same}
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize(("kind", "adapter"), [("llama", "none"), ("t5", "lora")])
def test_what_was_said_of_the_last_batch_comes_back(
    kind: str, adapter: str, tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]]
) -> None:
    """The next batch is held to it: without it, the first step after the checkpoint would be another one."""
    student = settings(tiny_folder(kind, dropout=0.2), adapter)
    expected = learn(student, tmp_path / "whole", stage=AGREEING)
    assert expected["task_losses"]["agree_explain"][-1] > 0
    for name in ("remembered", "forgotten"):
        die_after(9)
        with pytest.raises(KilledError):
            learn(student, tmp_path / name, stage=AGREEING)
        [remembered] = (tmp_path / name).rglob("checkpoint-4/objective-*.safetensors")
        assert len(load_file(remembered)) == CONFIG.accumulate
        if name == "forgotten":
            remembered.unlink()
            (remembered.parent / SEAL).unlink()
        learnt = die_after(None)
        torch.manual_seed(1234)
        report = learn(student, tmp_path / name, stage=AGREEING)
        assert learnt[0] == 4
        assert (report["losses"] == expected["losses"]) is (name == "remembered")
    assert_same(tmp_path / "remembered", tmp_path / "whole")


def test_killed_between_two_logs_the_log_says_what_it_would_have_said(
    tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """44 steps are logged every second one and saved every eleventh, so that checkpoints fall between two logs."""
    student = settings(tiny_folder("llama", dropout=0.2))
    config = CONFIG.model_copy(update={"budget": Budget(steps=44), "accumulate": 1, "checkpoints": 4})
    histories: dict[str, list[dict[str, Any]]] = {}

    def logged(name: str) -> Mapping[str, Any]:
        found = callbacks.stage_log

        def stage_log(state: Any, planned: int, terms: Sequence[str], pace: float | None) -> StageLog:
            # The last entry says how long it took.
            histories[name] = [entry for entry in state.log_history if "train_runtime" not in entry]
            return found(state, planned, terms, pace)

        with monkeypatch.context() as patch:
            patch.setattr("mindsmirror.training.trainer.stage_log", stage_log)
            return learn(student, tmp_path / name, config=config)

    expected = logged("whole")
    for batches in (13, 6):
        die_after(batches)
        with pytest.raises(KilledError):
            learn(student, tmp_path / "killed", config=config)
    assert last_step(tmp_path / "killed") == 11
    learnt = die_after(None)
    report = logged("killed")
    assert learnt[0] == 11
    assert len(histories["whole"]) == 22
    assert histories["killed"] == histories["whole"]
    assert {key: report[key] for key in ("losses", "task_losses")} == {
        key: expected[key] for key in ("losses", "task_losses")
    }
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"])
@pytest.mark.parametrize("damage", ["cut", "turned", "gone"])
def test_a_damaged_checkpoint_beside_a_good_state_is_left_out(
    file: str,
    damage: str,
    tiny_folder: Folder,
    tmp_path: Path,
    whole: Folder,
    die_after: Callable[[int | None], list[int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    student = settings(tiny_folder("llama", dropout=0.2))
    die_after(9)
    with pytest.raises(KilledError):
        learn(student, tmp_path)
    [path] = tmp_path.rglob(f"checkpoint-4/{file}")
    _damage(path, damage)
    learnt = die_after(None)
    learn(student, tmp_path)
    said = capsys.readouterr().err
    assert "checkpoint-4 is damaged and was removed" in said and file in said
    assert learnt[0] == 0
    assert_same(tmp_path, whole("llama"))


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "log-0.safetensors", "rng_state.pth"])
def test_a_damaged_checkpoint_without_a_seal_is_one_clear_error(
    file: str, tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]]
) -> None:
    """A kill just before the seal, or an earlier version, leaves none; nothing else tells of the damage."""
    student = settings(tiny_folder("llama", dropout=0.2))
    die_after(9)
    with pytest.raises(KilledError):
        learn(student, tmp_path)
    [path] = tmp_path.rglob(f"checkpoint-4/{file}")
    (path.parent / SEAL).unlink()
    _damage(path, "cut")
    die_after(None)
    with pytest.raises(StorageError, match=r"the checkpoint .*checkpoint-4 is damaged: .*Remove this folder"):
        learn(student, tmp_path)


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        middle = len(content) // 2
        turned = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes(content[:middle] if how == "cut" else turned)


def test_a_checkpoint_whose_best_is_lost_is_no_place_to_go_on_from(tmp_path: Path) -> None:
    """The stage would end as its last model and say that it ended as its best."""
    for step, best in ((2, 2), (4, 4), (6, 4)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(
            json.dumps({"global_step": step, "best_global_step": best})
        )
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-6"
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text("{")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


class Evil:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_a_pickle_in_a_checkpoint_is_not_executed(
    tiny_folder: Folder, tmp_path: Path, die_after: Callable[[int | None], list[int]]
) -> None:
    student = settings(tiny_folder("llama", dropout=0.2))
    die_after(9)
    with pytest.raises(KilledError):
        learn(student, tmp_path / "arm")
    [path] = tmp_path.rglob("checkpoint-4/optimizer.pt")
    (path.parent / SEAL).unlink()
    torch.save(Evil(tmp_path / "written"), path)
    die_after(None)
    with pytest.raises(StorageError, match="is damaged"):
        learn(student, tmp_path / "arm")
    assert not (tmp_path / "written").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from test_resume import learn, settings
from mindsmirror.training import trainer

class Dying(trainer.StageTrainer):
    def _save_optimizer_and_scheduler(self, folder):
        if self.state.global_step == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._save_optimizer_and_scheduler(folder)

trainer.StageTrainer = Dying
learn(settings(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_sigkill_in_the_middle_of_a_checkpoint(
    tiny_folder: Folder, tmp_path: Path, whole: Folder, die_after: Callable[[int | None], list[int]]
) -> None:
    folder = tiny_folder("llama", dropout=0.2)
    here = Path(__file__).parent
    paths = [here, here.parents[1], here.parents[2] / "src"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    arguments = [sys.executable, "-c", KILLED, str(folder), str(tmp_path)]
    process = subprocess.run(arguments, check=False, env=environment, capture_output=True, text=True, timeout=200)
    assert process.returncode == -signal.SIGKILL, process.stderr
    torn = tmp_path / "stages" / "1-thinking" / "checkpoint-4"
    assert (torn / "model.safetensors").exists()
    assert not (torn / "trainer_state.json").exists()
    learnt = die_after(None)
    learn(settings(folder), tmp_path)
    assert learnt[0] == 2
    assert_same(tmp_path, whole("llama"))
