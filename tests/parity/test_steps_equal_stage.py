"""The steps of a pass teach on average what the whole stage says, whatever the size of a batch.

Exact: the same weights for all steps, fp32, no dropout, against the rows one by one (tests/plain.py).
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import gradients, plain_loss
from torch import Tensor

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.flops import unit_flops_of
from mindsmirror.training.arguments import trainer_arguments
from mindsmirror.training.batches import with_repeated
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.cost import CostMeter
from mindsmirror.training.dataset import PlanDataset
from mindsmirror.training.encoding import encode
from mindsmirror.training.objectives.registry import objective_of
from mindsmirror.training.objectives.task_weighted import derivatives
from mindsmirror.training.plan import StagePlan, make_plan
from mindsmirror.training.trainer import StageTrainer

WEIGHTS = {Tag.PREDICT: 0.2, Tag.EXPLAIN: 0.5, Tag.VERDICT: 0.2, Tag.CRITIQUE: 0.1}
VERDICTS = "c" * 7 + "w" * 2 + "u"
"""One token each, so that a predicted token says which verdict it is of."""
SIZES = (64, 288, 1024)
"""Tokens of a batch."""


def lesson(even: bool, objective: str = "likelihood") -> Stage:
    """Questions with one to three rationales; the verdicts weigh as often as they are, or each of them the same."""
    targets = []
    said = [VERDICTS[place % len(VERDICTS)] for place in range(48)]
    counts = Counter(said)
    verdicts = iter(said)
    for number in range(24):
        question = f"{number}+1?"
        targets.append(Target(tag=Tag.PREDICT, example=question, question=question, text=str(number + 1)))
        for sample in range(1 + number % 3):
            thought = f"{sample}: {'one more, ' * (number % 4)}{number + 1}."
            verdict = next(verdicts)
            weight = len(said) / 3 / counts[verdict] if even else 1.0
            shown = {"example": question, "question": question}
            judged = {**shown, "rationale": thought}
            targets += [
                Target(tag=Tag.EXPLAIN, text=thought, **shown),
                Target(tag=Tag.VERDICT, text=verdict, ends=False, weight=weight, **judged),
                Target(tag=Tag.CRITIQUE, text="It adds one." * (number % 2 + 1), **judged),
            ]
    return Stage(name="all", targets=tuple(targets), task_weights=WEIGHTS, objective=objective)


def plan_of(stage: Stage, student: tiny.AnyStudent, folder: Path, size: int, accumulate: int = 1) -> StagePlan:
    """One pass over the stage."""
    config = TrainingConfig(budget=Budget(epochs=1), batch_tokens=size, accumulate=accumulate, precision="fp32")
    objective = objective_of(stage, student)
    rows = encode(stage, objective, max_target=256)
    meter = CostMeter(student, unit_flops_of(student.model))
    batches = make_plan(rows.families, meter, config, 1.0, 3, accumulate if objective.repeats else 0)
    return StagePlan(objective, student.model, batches, WEIGHTS, config, folder, 0, "tiny")


def batches_of(plan: StagePlan) -> list[dict[str, Tensor]]:
    distance = plan.config.accumulate if plan.objective.repeats else 0
    dataset = PlanDataset(plan.batches, plan.objective, distance)
    return [dataset[number] for number in range(len(dataset))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "objective", "accumulate"),
    [
        ("llama", "likelihood", 1),
        ("llama", "likelihood", 2),
        ("llama", "dynsdpb", 1),
        ("t5", "likelihood", 1),
    ],
)
def test_the_mean_gradient_of_the_steps_is_that_of_the_stage(
    size: int, kind: str, objective: str, accumulate: int, tiny_folder: Callable[..., Path], tmp_path: Path
) -> None:
    student = tiny.load(tiny_folder(kind))
    plan = plan_of(lesson(even=True, objective=objective), student, tmp_path, size, accumulate)
    batches = batches_of(plan)
    assert len(batches) >= (30 if size == 64 else 3)
    arguments = trainer_arguments(plan, plan.steps, accumulate)
    trainer = StageTrainer(plan, PlanDataset(plan.batches, plan.objective), arguments)
    model: Any = student.model.eval()
    distance = accumulate if plan.objective.repeats else 0
    # Agreement with what the same weights said is 0, and so is its gradient.
    whole = [with_repeated(plan.batches, number, distance).families for number in range(len(batches))]
    expected = plain_loss(model, (row for families in whole for family in families for row in family), WEIGHTS)
    truth = gradients(model, expected)
    parts = [trainer.compute_loss(model, batch) for batch in batches]
    mean: Any = torch.stack(parts).sum() / plan.steps
    assert mean.item() == pytest.approx(expected.item(), rel=1e-5)
    largest = max(float(value.norm()) for value in truth.values())
    for name, found in gradients(model, mean).items():
        assert float((found - truth[name]).norm()) <= 1e-5 * float(truth[name].norm()) + 1e-6 * largest, name


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("even", "shares"), [(True, (1 / 3, 1 / 3, 1 / 3)), (False, None)])
def test_verdicts_have_the_shares_that_were_asked_for(
    size: int, even: bool, shares: tuple[float, ...] | None, tiny_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Of the verdicts' part of the gradient: even, or as often as each was given."""
    student = tiny.load(tiny_folder("llama"))
    stage = lesson(even)
    said = [target.text for target in stage.targets if target.tag is Tag.VERDICT]
    if shares is None:
        shares = tuple(said.count(verdict) / len(said) for verdict in "cwu")
    plan = plan_of(stage, student, tmp_path, size)
    learnt: defaultdict[int, float] = defaultdict(float)
    for batch in batches_of(plan):
        by = derivatives(batch["weight"], batch["term"], plan.scales)
        for token, factor in zip(batch["target"][batch["term"] == 2], by[batch["term"] == 2], strict=True):
            learnt[int(token)] += float(factor) / plan.steps
    found = [learnt[student.target(verdict)[0]] for verdict in "cwu"]
    assert sum(found) == pytest.approx(WEIGHTS[Tag.VERDICT], rel=1e-5)
    assert [share / sum(found) for share in found] == pytest.approx(shares, rel=1e-5)
