"""An arm's stages in order: each starts from the weights that the one before it ended with.

A stage that is an adapter leaves those weights as they are: only its low-rank matrices are trained, and they are saved
in the model's folder. A stage that is done has its model in the arm's folder and is not trained again; one that was cut
short goes on from its last checkpoint. An arm starts from the student that the recipe names, or, when it goes on after
a round of reflection, from the student that wrote.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mindsmirror.errors import RecipeError
from mindsmirror.records import Stage
from mindsmirror.students.base import Student
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.flops import unit_flops_of
from mindsmirror.students.load import (
    JUDGE,
    cast_weights,
    load_student,
    merged_model,
    save_adapter,
    save_student,
    saved_precision,
    with_adapter,
)
from mindsmirror.system.distributed import agreed, join, leads
from mindsmirror.system.files import read_json, read_record, write_json
from mindsmirror.system.hardware import device, dtype
from mindsmirror.system.progress import Working
from mindsmirror.training.batches import with_repeated
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.cost import CostMeter, PlanCosts
from mindsmirror.training.encoding import encode
from mindsmirror.training.judge import JudgePlan, judge_cost, judged_rows, train_judge
from mindsmirror.training.objectives.registry import objective_of
from mindsmirror.training.plan import StagePlan, make_plan
from mindsmirror.training.result import StageResult, TrainingResult
from mindsmirror.training.trainer import train_stage

DONE = "stage.json"

Validate = Callable[[Student, Any], Sequence[bool]]
"""For each validation question, whether a student with this model answers it right."""


@dataclass(frozen=True)
class ArmPlan:
    """All that training one arm takes."""

    stages: Sequence[Stage]
    student: StudentConfig
    config: TrainingConfig
    folder: Path
    """The last stage's model ends up in `model` in it, what else a stage leaves in `stages`."""
    seed: int
    label: str
    """What progress lines call the arm."""
    validate: Validate | None = None
    """By which the last stage's checkpoints are compared."""
    start: Path | None = None
    """Folder of the model that the first stage starts from; None: the student's own start."""


@dataclass(frozen=True)
class _Place:
    """One stage of an arm: which it is, and where it begins and ends."""

    stage: Stage
    start: Path | None
    """Folder of the model that it starts from; None: the student's own start."""
    folder: Path
    target: Path
    """Where its model is written."""
    last: bool
    """Whether it is the last that trains the student's own weights."""
    label: str
    """What progress lines call it."""
    seed: int


def train_arm(plan: ArmPlan) -> TrainingResult:
    """Train all stages. Shares of the budget are of the sum of all shares."""
    start = plan.start
    results = []
    final = max(number for number, stage in enumerate(plan.stages, start=1) if not stage.adapter)
    for number, stage in enumerate(plan.stages, start=1):
        last = number == final
        folder = plan.folder / "stages" / f"{number}-{stage.name}"
        target = plan.folder / "model" if last else folder / "model"
        if stage.adapter and start is not None:
            target = start / JUDGE
        label = f"{plan.label} {number}/{len(plan.stages)} {stage.name}"
        place = _Place(stage, start, folder, target, last, label, plan.seed + number)
        if agreed(read_record(folder / DONE, StageResult) is None or not target.exists()):
            result = (_train_judge if stage.adapter else _train)(plan, place) if leads() or not stage.adapter else None
            if leads() and result is not None:
                write_json(folder / DONE, result.model_dump(mode="json"))
        if leads():
            for leftover in (*folder.glob("checkpoint-*"), *target.parent.glob(f".{target.name}-*")):
                shutil.rmtree(leftover, ignore_errors=True)
        join()
        # Read back, so that a run that was cut short says the same as one that was not.
        results.append(StageResult.model_validate(read_json(folder / DONE)))
        start = start if stage.adapter else target
    return TrainingResult(stages=tuple(results))


def _without_judges(plan: ArmPlan, student: Student) -> TrainingConfig:
    """The configuration with what adapters cost taken from a budget in FLOPs; RecipeError if that leaves nothing."""
    budget = plan.config.budget
    judges = [stage for stage in plan.stages if stage.adapter]
    if budget.flops is None or not judges:
        return plan.config
    units = unit_flops_of(student.model, frozen=True)
    cost = sum(
        judge_cost(judged_rows(stage, student), int(stage.parameters["passes"]), student, units).flops
        for stage in judges
    )
    left = budget.flops - cost
    if left <= 0:
        raise RecipeError(
            f"training.budget: the judge of {plan.label} alone costs {cost:.2g} FLOPs, and {budget.flops:.2g} are left "
            "for thinking and judging. Raise the budget, or lower judge_passes, reflect.questions or reflect.samples."
        )
    return plan.config.model_copy(update={"budget": budget.model_copy(update={"flops": left})})


def _train_judge(plan: ArmPlan, place: _Place) -> StageResult:
    """Train a stage that is an adapter over the weights before it; only the main process does."""
    began = time.monotonic()
    stage, config = place.stage, plan.config
    label, seed = place.label, place.seed
    student = load_student(plan.student, place.start)
    with Working(f"{label}: reading what is judged"):
        torch.manual_seed(seed)
        model = with_adapter(student.model, plan.student.model_copy(update={"adapter": "lora"})).to(device())
        # As the thinker is asked. Only what learns needs more.
        cast_weights(model, dtype(config.precision), frozen=True)
        rows, passes = judged_rows(stage, student), int(stage.parameters["passes"])
    rate = config.learning_rate * stage.rate
    log, again = train_judge(JudgePlan(student, model, rows, passes, rate, seed, label))
    with Working(f"{label}: saving the judge"):
        save_adapter(model, place.target)
    return StageResult(
        stage=stage.name,
        targets=len(stage.targets),
        dropped=stage.dropped,
        **judge_cost(rows, passes, student, unit_flops_of(model), again)._asdict(),
        **log.model_dump(),
        seconds=round(time.monotonic() - began, 1),
    )


def _train(plan: ArmPlan, place: _Place) -> StageResult:
    began = time.monotonic()
    stage, config = place.stage, plan.config
    student = load_student(plan.student, place.start)
    label, seed = place.label, place.seed
    place.folder.mkdir(parents=True, exist_ok=True)
    with Working(f"{label}: planning the batches"):
        objective = objective_of(stage, student)
        rows = encode(stage, objective, plan.student.max_target)
        torch.manual_seed(seed)
        model = with_adapter(student.model, plan.student)
        meter = CostMeter(student, unit_flops_of(model))
        distance = config.accumulate if objective.repeats else 0
        share = stage.share / sum(each.share for each in plan.stages if not each.adapter)
        batches = make_plan(rows.families, meter, _without_judges(plan, student), share, seed, distance)
        costs = PlanCosts(meter.cost(*with_repeated(batches, number, distance)) for number in range(len(batches)))
    validate = plan.validate
    log = train_stage(
        StagePlan(
            objective=objective,
            model=model,
            batches=batches,
            task_weights=stage.task_weights,
            config=config.model_copy(update={"learning_rate": config.learning_rate * stage.rate}),
            folder=place.folder,
            seed=seed,
            label=label,
            validate=partial(validate, student) if validate and place.last else None,
            tokens=costs.computed_tokens,
        )
    )
    if leads():
        with Working(f"{label}: saving the model"):
            trained = merged_model(model)
            if place.last:
                # The next stage would start from what rounding left.
                trained = saved_precision(trained, plan.student.weights, config.precision)
            save_student(trained, student.tokenizer, place.target)
    lost = Counter({f"target: {reason}": count for reason, count in rows.lost.items()})
    return StageResult(
        stage=stage.name,
        targets=rows.targets,
        dropped=dict(Counter(stage.dropped) + lost),
        torn=batches.torn,
        # What was learnt: a stage that ended early spent less than was planned.
        **costs.total(log.steps * config.accumulate)._asdict(),
        **log.model_dump(),
        seconds=round(time.monotonic() - began, 1),
    )
