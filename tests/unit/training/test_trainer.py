"""One stage of training: what is learnt, with which gradient, and which checkpoint is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import gradients, row_nll
from torch import Tensor

from mindsmirror.records import Tag
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.decoding import SamplingParams
from mindsmirror.training import trainer
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.encoding import encode
from mindsmirror.training.families import Families
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.plan import StagePlan
from mindsmirror.training.stages import ArmPlan, train_arm
from mindsmirror.training.trainer import StageTrainer, train_stage

Folder = Callable[..., Path]
LESSON = tiny.lesson(
    (Tag.PREDICT, "2+3?", "5"),
    (Tag.EXPLAIN, "2+3?", "3 and 2 is 5."),
    (Tag.PREDICT, "1+1?", "2"),
    (Tag.EXPLAIN, "1+1?", "1 twice: 2."),
    (Tag.EXPLAIN, "1+1?", "1, one more."),
    (Tag.PREDICT, "9-9?", "0"),
)


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "mistral"])
def test_a_student_of_each_family_learns_a_handful_by_heart(kind: str, tiny_folder: Folder, tmp_path: Path) -> None:
    lesson = LESSON.model_copy(update={"targets": tuple(t for t in LESSON.targets if t.text != "1, one more.")})
    config = TrainingConfig(learning_rate=1e-2, budget=Budget(steps=60), precision="fp32", checkpoints=1)
    student = StudentConfig(model=str(tiny_folder(kind)))
    [report] = train_arm(ArmPlan([lesson], student, config, tmp_path, seed=0, label="tiny", validate=None)).stages
    assert report.steps == 60
    assert report.losses[0] > 1.0
    assert report.losses[-1] < 0.05
    trained = tiny.load(tmp_path / "model")
    for target in lesson.targets:
        source = trained.source(target.tag, target.question, target.rationale)
        [[said]] = trained.generate(trained.model, [source], SamplingParams(30))
        assert (said.text, said.ended) == (target.text, True)


def batches(student: tiny.AnyStudent) -> tuple[Families, ...]:
    """Three unequal batches."""
    first, second, third = encode(LESSON, Likelihood(student), max_target=256).families
    return ((first,), (second,), (third,))


class Recorded(StageTrainer):
    """Keeps, for every micro-batch, the weights before it and the gradient gathered after it."""

    seen: list[tuple[dict[str, Tensor], dict[str, Tensor]]]

    def training_step(self, model: Any, *arguments: Any, **named: Any) -> Tensor:
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        loss: Tensor = super().training_step(model, *arguments, **named)
        after = {
            name: torch.zeros_like(v) if v.grad is None else v.grad.clone() for name, v in model.named_parameters()
        }
        self.seen.append((before, after))
        return loss


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize(("accumulate", "steps"), [(1, [[0], [1], [2]]), (2, [[0, 1], [2]]), (3, [[0, 1, 2]])])
def test_the_gradient_of_a_step_is_that_of_all_its_rows(
    kind: str,
    accumulate: int,
    steps: list[list[int]],
    tiny_folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each row as in the mean of the whole plan, however a step is cut into batches, also when the last has fewer."""
    student, other = tiny.load(tiny_folder(kind)), tiny.load(tiny_folder(kind))
    plan = batches(student)
    weights = {Tag.PREDICT: 0.2, Tag.EXPLAIN: 0.8}
    config = TrainingConfig(learning_rate=1e-3, accumulate=accumulate, precision="fp32")
    monkeypatch.setattr(Recorded, "seen", [], raising=False)
    monkeypatch.setattr(trainer, "StageTrainer", Recorded)
    report = train_stage(StagePlan(Likelihood(student), student.model, plan, weights, config, tmp_path, 0, "tiny"))
    assert report.steps == len(steps)
    every = [row for families in plan for rows in families for row in rows]
    weight = {tag: sum(len(row.target) for row in every if row.tag is tag) / len(steps) for tag in weights}
    for number, step in enumerate(steps):
        before, found = Recorded.seen[step[-1]]
        other.model.load_state_dict(before, strict=False)
        here = [row for i in step for rows in plan[i] for row in rows]
        costs = [weights[row.tag] / weight[row.tag] * row_nll(other.model.eval(), row).sum() for row in here]
        expected = torch.stack(costs).sum()
        assert report.losses[number] == pytest.approx(expected.item(), rel=1e-5)
        truth = gradients(other.model, expected)
        largest = max(float(value.norm()) for value in truth.values())
        for name, value in truth.items():
            assert float((found[name] - value).norm()) <= 1e-5 * float(value.norm()) + 1e-7 * largest, name


def test_a_task_that_weighs_nothing_teaches_nothing(tiny_folder: Folder, tmp_path: Path) -> None:
    """alpha = 1: the rationales' rows leave no trace in the weights."""
    ends: list[dict[str, Tensor]] = []
    for kept in (LESSON.targets, tuple(t for t in LESSON.targets if t.tag is Tag.PREDICT)):
        student = tiny.load(tiny_folder("llama"))
        rows = encode(LESSON.model_copy(update={"targets": kept}), Likelihood(student), max_target=256)
        config = TrainingConfig(learning_rate=1e-3, precision="fp32")
        train_stage(
            StagePlan(
                Likelihood(student),
                student.model,
                (rows.families[:],) * 3,
                {Tag.PREDICT: 1.0},
                config,
                tmp_path / str(len(ends)),
                0,
                "",
            )
        )
        ends.append({name: value.clone() for name, value in student.model.state_dict().items()})
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("scores", "questions", "chosen"),
    [
        ([0.5, 0.9, 0.2], 1000, 4),
        ([0.9, 0.5, 0.2], 1000, 2),
        ([0.1, 0.5, 0.9], 1000, 6),
        ([0.0, 0.0, 0.0], 1000, 6),
        ([0.7, 0.7, 0.7], 10, 6),
        # By 0.2 of 12 questions, which is chance; by 0.5, which is not, and by 0.2 of 200, which neither is.
        ([0.75, 0.5, 0.5], 12, 6),
        ([0.25, 0.75, 0.25], 12, 4),
        ([0.6, 0.8, 0.6], 200, 4),
    ],
)
def test_the_checkpoint_is_chosen_on_validation(
    scores: list[float], questions: int, chosen: int, tiny_folder: Folder, tmp_path: Path
) -> None:
    """The model ends as its last checkpoint, unless the best one is better by two standard errors."""
    student = tiny.load(tiny_folder("llama"))
    seen: list[dict[str, Tensor]] = []

    def validate(model: Any) -> list[bool]:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return tiny.answers(scores[len(seen) - 1], questions)

    config = TrainingConfig(learning_rate=1e-2, precision="fp32", checkpoints=3)
    plan = batches(student) * 2
    weights = {Tag.PREDICT: 0.5, Tag.EXPLAIN: 0.5}
    report = train_stage(
        StagePlan(Likelihood(student), student.model, plan, weights, config, tmp_path, 0, "tiny", validate)
    )
    assert len(seen) == 3
    assert report.selected_step == chosen
    assert report.selected_score == pytest.approx(scores[chosen // 2 - 1])
    assert report.validation == dict(zip((2, 4, 6), map(pytest.approx, scores), strict=True))
    for number, weights_then in enumerate(seen, start=1):
        same = all(torch.equal(value, weights_then[name]) for name, value in student.model.state_dict().items())
        assert same == (2 * number == chosen)


def test_the_end_is_validated_also_when_steps_do_not_divide(tiny_folder: Folder, tmp_path: Path) -> None:
    student = tiny.load(tiny_folder("llama"))
    config = TrainingConfig(learning_rate=1e-2, precision="fp32", checkpoints=2)
    plan = (*batches(student), *batches(student)[:2])
    report = train_stage(
        StagePlan(
            Likelihood(student),
            student.model,
            plan,
            {Tag.PREDICT: 1.0},
            config,
            tmp_path,
            0,
            "tiny",
            lambda _: [True, False],
        )
    )
    assert list(report.validation) == [3, 5]
    assert report.selected_step == 5


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_bf16_computes_in_bf16_and_keeps_fp32_weights(kind: str, tiny_folder: Folder, tmp_path: Path) -> None:
    """Every matrix product, an encoder's too; and the learning is that of fp32 to two digits."""
    losses = {}
    for precision in ("fp32", "bf16"):
        student = tiny.load(tiny_folder(kind))
        seen: set[torch.dtype] = set()
        for module in student.model.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_hook(lambda _, __, out, seen=seen: seen.add(out.dtype))
        config = TrainingConfig.model_validate({"learning_rate": 1e-2, "precision": precision})
        weights = {Tag.PREDICT: 0.5, Tag.EXPLAIN: 0.5}
        report = train_stage(
            StagePlan(
                Likelihood(student), student.model, batches(student) * 4, weights, config, tmp_path / precision, 0, ""
            )
        )
        losses[precision] = torch.tensor(report.losses)
        assert seen == {torch.bfloat16 if precision == "bf16" else torch.float32}
        assert {value.dtype for value in student.model.parameters()} == {torch.float32}
    torch.testing.assert_close(losses["bf16"], losses["fp32"], rtol=0.1, atol=0.1)
    assert not torch.equal(losses["bf16"], losses["fp32"])


def test_warmup_and_decay_of_the_rate(tiny_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up over the first fifth of ten steps, then down in a line to nothing."""
    rates = []

    class Watched(StageTrainer):
        def training_step(self, *arguments: Any, **named: Any) -> Tensor:
            rates.append(self._get_learning_rate())
            loss: Tensor = super().training_step(*arguments, **named)
            return loss

    monkeypatch.setattr(trainer, "StageTrainer", Watched)
    student = tiny.load(tiny_folder("llama"))
    config = TrainingConfig(learning_rate=8e-3, warmup=0.2, precision="fp32", checkpoints=1)
    plan = (batches(student) * 4)[:10]
    train_stage(StagePlan(Likelihood(student), student.model, plan, {Tag.PREDICT: 1.0}, config, tmp_path, 0, "tiny"))
    assert rates == pytest.approx([0.0, 4e-3, 8e-3, 7e-3, 6e-3, 5e-3, 4e-3, 3e-3, 2e-3, 1e-3])
