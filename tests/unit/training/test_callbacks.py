"""What is told of a stage while it trains, and when it ends early."""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain import row_nll
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from mindsmirror.errors import MissingExtraError
from mindsmirror.records import Tag
from mindsmirror.students.config import StudentConfig
from mindsmirror.system import progress
from mindsmirror.system.hardware import device, peak_memory
from mindsmirror.training import callbacks, trainer
from mindsmirror.training import config as settings
from mindsmirror.training.callbacks import ProgressCallback, stopped_at, surely_better
from mindsmirror.training.config import Budget, TrainingConfig, check_trackers
from mindsmirror.training.encoding import encode
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.plan import StagePlan
from mindsmirror.training.stages import ArmPlan, train_arm
from mindsmirror.training.trainer import StageTrainer, train_stage

Folder = Callable[..., Path]
STAGE = tiny.lesson(
    *((Tag.PREDICT, f"{n}+{n}?", f"{2 * n}") for n in range(6)),
    *((Tag.EXPLAIN, f"{n}+{n}?", f"{n} twice is {2 * n}.") for n in range(6)),
)
CONFIG = TrainingConfig(
    learning_rate=5e-3, budget=Budget(steps=12), precision="fp32", checkpoints=6, early_stopping=2, batch_tokens=90
)


def history(scores: Sequence[float]) -> list[dict[str, float]]:
    """A log as the Trainer writes it, a validation every two steps."""
    log: list[dict[str, float]] = []
    for number, score in enumerate(scores, start=1):
        step = 2 * number
        log += [{"loss": 1.0, "step": step}, {"eval_score": score, "step": step}]
    return log


@pytest.mark.parametrize(
    ("scores", "patience", "step"),
    [
        ([0.1, 0.2, 0.3, 0.4], 1, None),
        ([0.3, 0.2], 1, 4),
        ([0.3, 0.3], 1, 4),
        ([0.3, 0.2, 0.4, 0.1, 0.1, 0.9], 2, 10),
        ([0.0, 0.0, 0.0], 2, 6),
        ([0.5, 0.4, 0.5, 0.6], 3, None),
        ([], 1, None),
    ],
)
def test_when_a_stage_ends(scores: list[float], patience: int, step: int | None) -> None:
    assert stopped_at(history(scores), patience) == step


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 4))
def test_it_ends_at_the_first_validation_that_is_late_enough(scores: list[int], patience: int) -> None:
    """Against the definition: none of the last `patience` scores is above the best before them."""
    shares = [score / 5 for score in scores]
    late = [
        end
        for end in range(patience + 1, len(scores) + 1)
        if max(scores[end - patience : end]) <= max(scores[: end - patience])
    ]
    assert stopped_at(history(shares), patience) == (2 * late[0] if late else None)


@pytest.mark.parametrize(
    ("score", "last", "questions", "better"),
    [
        # 2 · sqrt(2 · 0.625 · 0.375 / 12) = 0.395, and of 40 questions 0.217
        (9 / 12, 6 / 12, 12, False),
        (10 / 12, 5 / 12, 12, True),
        (0.75, 0.5, 40, True),
        (0.5, 0.5, 10**6, False),
        (0.0, 0.0, 12, False),
        (1.0, 1.0, 12, False),
        (1.0, 0.0, 1, False),
        (1.0, 0.0, 0, False),
    ],
)
def test_what_is_surely_better(score: float, last: float, questions: int, better: bool) -> None:
    assert surely_better(score, last, questions) is better


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(0, n)] * 3)))
def test_the_best_of_several_decides_for_all(shown: tuple[int, int, int, int]) -> None:
    """If any earlier checkpoint is surely better than the last, the best of them is."""
    questions, last, *counts = shown
    found = [surely_better(count / questions, last / questions, questions) for count in sorted(counts)]
    assert found == sorted(found)


class KilledError(BaseException):
    """As a SIGKILL: nothing expects it."""


def learn(
    student: StudentConfig, arm: Path, scores: Sequence[float], config: TrainingConfig = CONFIG, questions: int = 1000
) -> Any:
    asked = iter(scores)
    [report] = train_arm(
        ArmPlan([STAGE], student, config, arm, 3, "arm", lambda *_: tiny.answers(next(asked), questions))
    ).stages
    return report.model_dump()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = tiny.load(folder).model.state_dict()
    return state


NEVER = {"early_stopping": None}


def test_an_early_end_keeps_the_best_and_counts_what_was_learnt(tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")))
    report = learn(student, tmp_path / "early", (0.1, 0.6, 0.5, 0.4))
    assert (report["steps"], report["planned_steps"], report["selected_step"]) == (8, 12, 4)
    whole = learn(student, tmp_path / "whole", (0.1, 0.9, 0.5, 0.6, 0.1, 0.1), CONFIG.model_copy(update=NEVER))
    assert (whole["steps"], whole["selected_step"]) == (12, 4)
    first, second = weights(tmp_path / "early" / "model"), weights(tmp_path / "whole" / "model")
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert 0 < report["computed_tokens"] < whole["computed_tokens"]
    assert report["rows"] < whole["rows"]


@pytest.mark.parametrize(("scores", "questions"), [((0.1, 0.6, 0.5, 0.6), 1000), ((0.1, 0.6, 0.5, 0.5), 12)])
def test_killed_after_the_early_end_it_learns_no_more(
    scores: tuple[float, ...], questions: int, tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Trainer forgets that it was told to stop; the log of the checkpoint knows."""
    student = StudentConfig(model=str(tiny_folder("llama")))

    def killed(*_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("mindsmirror.training.stages.save_student", killed)
        with pytest.raises(KilledError):
            learn(student, tmp_path / "killed", scores, questions=questions)
    learnt: list[int] = []

    class Counting(StageTrainer):
        def training_step(self, *arguments: Any, **named: Any) -> torch.Tensor:
            learnt.append(self.state.global_step)
            loss: torch.Tensor = super().training_step(*arguments, **named)
            return loss

    monkeypatch.setattr(trainer, "StageTrainer", Counting)
    report = learn(student, tmp_path / "killed", (), questions=questions)
    assert learnt == []
    expected = learn(student, tmp_path / "whole", scores, questions=questions)
    assert report["selected_step"] == 8
    same = ("steps", "planned_steps", "selected_step", "selected_score", "validation", "losses", "task_losses", "flops")
    assert {key: report[key] for key in same} == {key: expected[key] for key in same}
    first, second = weights(tmp_path / "killed" / "model"), weights(tmp_path / "whole" / "model")
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_where_nothing_is_validated_nothing_ends_early(tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")))
    [report] = train_arm(ArmPlan([STAGE], student, CONFIG, tmp_path, 3, "arm", None)).stages
    assert report.steps == report.planned_steps == 12


@pytest.mark.parametrize(("checkpoints", "patience"), [(3, 2), (2, 1), (1, 1)])
def test_a_patience_that_could_never_end_is_refused(checkpoints: int, patience: int) -> None:
    with pytest.raises(ValueError, match=rf"early_stopping = {patience} could never.*{patience + 2} or more"):
        TrainingConfig(checkpoints=checkpoints, early_stopping=patience)
    TrainingConfig(checkpoints=patience + 2, early_stopping=patience)


def test_the_loss_of_each_task_is_its_mean_over_tokens(tiny_folder: Folder, tmp_path: Path) -> None:
    """Nats per token before the task's weight, over all batches since the last line of the log."""
    student, other = tiny.load(tiny_folder("llama")), tiny.load(tiny_folder("llama"))
    stage = STAGE.model_copy(update={"task_weights": {Tag.PREDICT: 0.2, Tag.EXPLAIN: 0.8}})
    families = encode(stage, Likelihood(student), max_target=256).families
    config = TrainingConfig(learning_rate=1e-9, accumulate=2, precision="fp32", checkpoints=1)
    plan = ((families[0],), (families[1], families[2]))
    report = train_stage(
        StagePlan(Likelihood(student), student.model, plan, stage.task_weights, config, tmp_path, 0, "tiny")
    )
    weighted = 0.0
    for tag in (Tag.PREDICT, Tag.EXPLAIN):
        rows = [row for family in families[:3] for row in family if row.tag is tag]
        nll = torch.cat([row_nll(other.model.eval(), row) for row in rows])
        assert list(report.task_losses[tag.value]) == [pytest.approx(nll.mean().item(), rel=1e-5)]
        weighted += stage.task_weights[tag] * nll.mean().item()
    assert set(report.task_losses) == {"predict", "explain"}
    assert list(report.losses) == [pytest.approx(weighted, rel=1e-5)]


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_pace_and_losses_stand_on_the_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, out = Clock(), io.StringIO()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(callbacks, "time", clock)
    monkeypatch.setattr(sys, "stderr", out)
    watch = ProgressCallback("arm", [1000, 3000, 2000, 500])
    watch.on_train_begin(None, None, None)
    for step, wait in ((1, 10), (2, 30)):
        clock.now += wait
        watch.on_step_end(None, SimpleNamespace(global_step=step), None)
        watch.on_log(None, None, None, logs={"loss": 1.25, "loss_predict": 0.5, "loss_explain": 2.0, "epoch": 1.0})
    clock.now += 500
    watch.on_evaluate(None, None, None)
    clock.now += 100
    watch.on_save(None, None, None)
    clock.now += 20
    watch.on_step_end(None, SimpleNamespace(global_step=3), None)
    assert watch.tokens_per_second == 6000 / 60
    line = out.getvalue().splitlines()[-1]
    assert line.startswith("arm: 3/4 steps, ")
    assert " left, 100 tokens/s, loss 1.250 (predict 0.500, explain 2.000)" in line


def test_pace_and_memory_are_reported(tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder("t5")))
    report = learn(student, tmp_path, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert report["tokens_per_second"] > 0
    # torch alone is more than this; the system counts each processor's last few pages late.
    assert 2**26 < report["peak_memory"] == pytest.approx(peak_memory(), rel=0.02)
    assert (report["peak_device_memory"] is None) == (device() != "cuda")


def test_a_tracker_that_is_not_installed_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"^wandb is not installed\. Install it with: pip install wandb$"):
        check_trackers(TrainingConfig(trackers=("wandb",)))
    check_trackers(TrainingConfig())
    monkeypatch.setattr(settings, "find_spec", lambda name: name == "tensorboardX" or None)
    check_trackers(TrainingConfig(trackers=("tensorboard",)))
    with pytest.raises(ValueError, match="trackers"):
        TrainingConfig.model_validate({"trackers": ["telegraph"]})


def test_a_tracker_is_told_of_losses_and_validations(
    tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []

    class Board(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            told.append({**logs, "run": args.run_name})

    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "tensorboard", Board)
    student = StudentConfig(model=str(tiny_folder("llama")))
    learn(student, tmp_path / "none", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert told == []
    config = CONFIG.model_copy(update={"trackers": ("tensorboard",)})
    learn(student, tmp_path / "told", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), config)
    assert {entry["run"] for entry in told} == {"arm 1/1 thinking"}
    assert sum("eval_score" in entry for entry in told) == 6
    assert all({"loss_predict", "loss_explain"} <= entry.keys() for entry in told if "loss" in entry)
    first, second = (weights(tmp_path / name / "model") for name in ("none", "told"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_tensorboard_really_runs(tiny_folder: Folder, tmp_path: Path) -> None:
    """Two steps, and the event file read back: losses of all and of each task, validations, the rate."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed (extra `tensorboard`)")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    student = StudentConfig(model=str(tiny_folder("llama")))
    settings = {"trackers": ("tensorboard",), "budget": Budget(steps=2), "checkpoints": 2, "early_stopping": None}
    report = learn(student, tmp_path, (0.25, 0.75), CONFIG.model_copy(update=settings))
    [events] = tmp_path.rglob("events.out.tfevents.*")
    board = EventAccumulator(str(events)).Reload()
    read = {name: [(event.step, event.value) for event in board.Scalars(name)] for name in board.Tags()["scalars"]}
    assert read["train/loss"] == [(step, pytest.approx(loss)) for step, loss in enumerate(report["losses"], start=1)]
    for task, losses in report["task_losses"].items():
        assert [value for _, value in read[f"train/loss_{task}"]] == pytest.approx(losses)
    assert read["eval/score"] == [(1, pytest.approx(0.25)), (2, pytest.approx(0.75))]
    assert "train/learning_rate" in read
