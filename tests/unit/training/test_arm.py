"""An arm's stages: their order, what passes from one to the next, adapters, and what is reported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.config import StudentConfig
from mindsmirror.training import stages
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.plan import StagePlan
from mindsmirror.training.result import StageLog, StageResult
from mindsmirror.training.stages import ArmPlan, train_arm
from mindsmirror.training.trainer import train_stage

Folder = Callable[..., Path]
Weights = dict[str, Tensor]
THINKING = tiny.lesson((Tag.PREDICT, "2+3?", "5"), (Tag.EXPLAIN, "2+3?", "3 and 2 is 5."), share=0.5)
JUDGING = Stage(
    name="self_evaluation",
    targets=(
        Target(tag=Tag.VERDICT, example="2+3?", question="2+3?", rationale="It is 6.", text="wrong"),
        Target(tag=Tag.CRITIQUE, example="2+3?", question="2+3?", rationale="It is 6.", text="3 and 2 is 5, not 6."),
    ),
    task_weights={Tag.VERDICT: 0.5, Tag.CRITIQUE: 0.5},
    share=0.25,
    dropped={"evaluation: no verdict": 2},
)
CONFIG = TrainingConfig(learning_rate=1e-2, budget=Budget(steps=12), precision="fp32", checkpoints=2)


def weights(model: Any) -> Weights:
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


LOG = StageLog(steps=0, planned_steps=1, losses=(), task_losses={}, validation={}, selected_step=1, selected_score=None)
"""What the log says of a stage that was not trained."""


class Trained:
    """Stands before train_stage and keeps what goes in and what comes out."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, plan: StagePlan) -> StageLog:
        before = weights(plan.model)
        report = train_stage(plan)
        call = {"before": before, "after": weights(plan.model), "tasks": set(plan.task_weights)}
        self.calls.append(call | {"steps": len(plan.batches), "seed": plan.seed, "validate": plan.validate})
        return report


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    watch = Trained()
    monkeypatch.setattr(stages, "train_stage", watch)
    return watch


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_thinking_starts_from_what_judging_ended_with(
    kind: str, tiny_folder: Folder, tmp_path: Path, trained: Trained
) -> None:
    student = StudentConfig(model=str(tiny_folder(kind)))
    reports = train_arm(ArmPlan([JUDGING, THINKING], student, CONFIG, tmp_path, 7, "arm", lambda *_: [True])).stages
    judging, thinking = trained.calls
    assert judging["tasks"] == {Tag.VERDICT, Tag.CRITIQUE}
    assert Tag.EXPLAIN in thinking["tasks"]
    assert equal(judging["before"], weights(tiny.load(tiny_folder(kind)).model))
    assert not equal(judging["after"], judging["before"])
    assert equal(thinking["before"], judging["after"])
    assert not equal(thinking["after"], thinking["before"])
    assert equal(weights(tiny.load(tmp_path / "stages" / "1-self_evaluation" / "model").model), judging["after"])
    assert equal(weights(tiny.load(tmp_path / "model").model), thinking["after"])
    assert [judging["steps"], thinking["steps"]] == [4, 8]
    assert [report.stage for report in reports] == ["self_evaluation", "thinking"]


def test_only_the_last_stage_is_validated_and_every_stage_has_a_seed(
    tiny_folder: Folder, tmp_path: Path, trained: Trained
) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")))
    asked = []

    def validate(reader: Any, model: Any) -> list[bool]:
        asked.append((reader.target("5"), type(model).__name__))
        return [True, False]

    train_arm(ArmPlan([JUDGING, THINKING], student, CONFIG, tmp_path, 7, "arm", validate))
    assert [call["seed"] for call in trained.calls] == [8, 9]
    assert [call["validate"] is None for call in trained.calls] == [True, False]
    assert len(asked) == 2
    assert asked[0][1] == "LlamaForCausalLM"


def test_what_is_reported(tiny_folder: Folder, tmp_path: Path) -> None:
    """Tokens of the rows, shared or not: source and target of both rows, three passes each."""
    student = tiny.load(tiny_folder("llama"), max_target=4)
    stage = THINKING.model_copy(update={"dropped": {"rationale: truncated": 3}})
    config = CONFIG.model_copy(update={"budget": Budget(epochs=3)})
    settings = StudentConfig(model=str(tiny_folder("llama")), max_target=4)
    [report] = train_arm(ArmPlan([stage], settings, config, tmp_path, 0, "arm", None)).stages
    row = len(student.source(Tag.PREDICT, "2+3?", None)) + 2
    assert report.targets == 2
    assert report.dropped == {"rationale: truncated": 3, "target: too long": 1}
    assert (report.tokens, report.target_tokens, report.steps) == (3 * row, 3 * 2, 3)
    # The other row is too long, so nothing is shared; the last token is predicted but never read.
    assert (report.rows, report.computed_tokens) == (3, 3 * (row - 1))
    spent = report.flops / report.computed_tokens
    matrices = 6 * sum(v.numel() for n, v in student.model.named_parameters() if v.dim() == 2 and "embed" not in n)
    assert matrices < spent < 2 * matrices
    assert report.seconds >= 0
    assert not list(tmp_path.glob("stages/*/checkpoint-*"))


@pytest.mark.parametrize("unit", ["tokens", "target_tokens", "flops"])
def test_arms_are_given_the_same_in_the_unit_of_the_budget(
    unit: str, tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judge and a thinker, two stages and one: equal in what was given, unequal in the rest."""
    monkeypatch.setattr(stages, "train_stage", lambda plan: LOG.model_copy(update={"steps": len(plan.batches)}))
    student = StudentConfig(model=str(tiny_folder("llama")))
    much = {"tokens": 9_000, "target_tokens": 3_000, "flops": 1e9}
    config = CONFIG.model_copy(update={"budget": Budget.model_validate({unit: much[unit]}), "batch_tokens": 128})
    found = []
    for name, arm in (("mirror", [JUDGING, THINKING]), ("standard", [tiny.lesson((Tag.PREDICT, "2+3?", "5"))])):
        reports = train_arm(ArmPlan(arm, student, config, tmp_path / name, 0, name, None)).stages
        found.append({key: sum(getattr(report, key) for report in reports) for key in much})
    for spent in found:
        assert spent[unit] == pytest.approx(much[unit], rel=0.05)
    other = "tokens" if unit == "target_tokens" else "target_tokens"
    assert found[0][other] > 1.3 * found[1][other] or found[1][other] > 1.3 * found[0][other]


def test_under_lora_the_same_plan_is_computed_for_less(
    tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "train_stage", lambda plan: LOG.model_copy(update={"steps": len(plan.batches)}))
    found: dict[str, StageResult] = {}
    for adapter in ("none", "lora"):
        settings = {"model": str(tiny_folder("t5")), "adapter": adapter, "lora_rank": 1}
        [report] = train_arm(
            ArmPlan([THINKING], StudentConfig.model_validate(settings), CONFIG, tmp_path / adapter, 0, "arm", None)
        ).stages
        found[adapter] = report
    assert found["lora"].computed_tokens == found["none"].computed_tokens
    assert 0.6 * found["none"].flops < found["lora"].flops < 0.85 * found["none"].flops


def test_a_stage_that_is_done_is_not_trained_again(tiny_folder: Folder, tmp_path: Path, trained: Trained) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")))
    first = train_arm(ArmPlan([JUDGING, THINKING], student, CONFIG, tmp_path, 7, "arm", None)).stages
    again = train_arm(ArmPlan([JUDGING, THINKING], student, CONFIG, tmp_path, 7, "arm", None)).stages
    assert again == first
    assert len(trained.calls) == 2


@pytest.mark.parametrize("kind", ["llama", "gemma3", "t5"])
def test_lora_trains_and_the_model_that_is_saved_is_whole(
    kind: str, tiny_folder: Folder, tmp_path: Path, trained: Trained
) -> None:
    student = StudentConfig(model=str(tiny_folder(kind)), adapter="lora", lora_rank=8)
    config = CONFIG.model_copy(update={"budget": Budget(steps=40), "learning_rate": 2e-2})
    reports = train_arm(ArmPlan([JUDGING, THINKING], student, config, tmp_path, 0, "arm", lambda *_: [True])).stages
    assert reports[-1].losses[-1] < 0.3 * reports[-1].losses[0]
    assert not list(tmp_path.rglob("adapter_*"))
    model = tiny.load(tmp_path / "model").model
    start = tiny.load(tiny_folder(kind)).model
    changed = {name for name, value in start.state_dict().items() if not torch.equal(value, model.state_dict()[name])}
    assert changed
    assert not any("embed" in name or "norm" in name or "lm_head" in name or "shared" in name for name in changed)
    adapted = trained.calls[-1]["after"]
    assert any("lora_" in name for name in adapted)
    loss = float(_loss(tiny.load(tmp_path / "model")))
    assert loss < 0.3 * float(_loss(tiny.load(tiny_folder(kind))))


def test_lora_begins_alike_for_the_same_seed(tiny_folder: Folder, tmp_path: Path) -> None:
    student = StudentConfig(model=str(tiny_folder("llama")), adapter="lora", lora_rank=4)
    made = []
    for number in range(3):
        torch.manual_seed(number)
        train_arm(ArmPlan([THINKING], student, CONFIG, tmp_path / str(number), number // 2, "arm", None))
        made.append(weights(tiny.load(tmp_path / str(number) / "model").model))
    assert equal(made[0], made[1])
    assert not equal(made[0], made[2])


def _loss(student: tiny.AnyStudent) -> Tensor:
    """Mean loss of the lesson's tokens."""
    from mindsmirror.training.encoding import encode

    with torch.no_grad():
        batch = student.collate(encode(THINKING, Likelihood(student), max_target=256).families)
        return student.losses(student.model.eval(), batch).mean()
