"""An arm's stages in order: each starts from the weights that the one before it ended with.

A stage that is done has its model in the arm's folder and is not trained again; one that was cut short goes on
from its last checkpoint. The student's own start is the only thing that all arms share.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mindsmirror.records import Stage
from mindsmirror.students.base import Student
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.flops import prices_of
from mindsmirror.students.load import load_student, merged_model, save_student, with_adapter
from mindsmirror.system.distributed import agreed, join, leads
from mindsmirror.system.files import read_json, read_record, write_json
from mindsmirror.system.progress import Working
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.cost import Scale, total
from mindsmirror.training.plan import encode, make_plan, repeat_distance, with_repeated
from mindsmirror.training.result import StageResult, TrainingResult
from mindsmirror.training.trainer import train_stage

DONE = "stage.json"

Validate = Callable[[Student, Any], float]


def train_arm(
    stages: Sequence[Stage],
    student: StudentConfig,
    config: TrainingConfig,
    folder: Path,
    seed: int,
    label: str,
    validate: Validate | None,
) -> TrainingResult:
    """Train all stages; the last one's model ends up in `folder/model`.

    `validate` scores the last stage's checkpoints. Shares are of the sum of all shares.
    """
    whole = sum(stage.share for stage in stages)
    start: Path | None = None
    results = []
    for number, stage in enumerate(stages, start=1):
        last = number == len(stages)
        place = folder / "stages" / f"{number}-{stage.name}"
        target = folder / "model" if last else place / "model"
        if agreed(read_record(place / DONE, StageResult) is None or not target.exists()):
            result = _train(
                stage,
                load_student(student, start),
                student,
                config,
                place,
                target,
                share=stage.share / whole,
                seed=seed + number,
                label=f"{label} {number}/{len(stages)} {stage.name}",
                validate=validate if last else None,
            )
            if leads():
                write_json(place / DONE, result.model_dump(mode="json"))
        if leads():
            for leftover in (*place.glob("checkpoint-*"), *target.parent.glob(f".{target.name}-*")):
                shutil.rmtree(leftover, ignore_errors=True)
        join()
        # Read back, so that a run that was cut short says the same as one that was not.
        results.append(StageResult.model_validate(read_json(place / DONE)))
        start = target
    return TrainingResult(stages=tuple(results))


def _train(
    stage: Stage,
    student: Student,
    settings: StudentConfig,
    config: TrainingConfig,
    place: Path,
    target: Path,
    *,
    share: float,
    seed: int,
    label: str,
    validate: Validate | None,
) -> StageResult:
    began = time.monotonic()
    place.mkdir(parents=True, exist_ok=True)
    with Working(f"{label}: planning the batches"):
        rows = encode(stage, student, settings.max_target)
        torch.manual_seed(seed)
        model = with_adapter(student.model, settings)
        scale = Scale(student, prices_of(model))
        distance = repeat_distance(stage.agreement, config)
        plan = make_plan(rows, scale, config, share, seed, distance)
        counts = [scale.count(*with_repeated(plan, number, distance)) for number in range(len(plan))]
    score = (lambda trained: validate(student, trained)) if validate else None
    tokens = [count.computed_tokens for count in counts]
    report = train_stage(
        student,
        model,
        plan,
        stage.task_weights,
        config.model_copy(update={"learning_rate": config.learning_rate * stage.rate}),
        place,
        seed,
        label,
        score,
        tokens,
        unlearning=stage.unlearning,
        agreement=stage.agreement,
    )
    if leads():
        with Working(f"{label}: saving the model"):
            save_student(merged_model(model), student.tokenizer, target)
    lost = {"target: too long": rows.too_long, "target: no key token": rows.nothing_key}
    dropped = Counter(stage.dropped) + Counter(lost)
    return StageResult(
        stage=stage.name,
        targets=len(stage.targets),
        dropped=dict(dropped),
        # What was learnt: a stage that ended early spent less than was planned.
        **asdict(total(counts[: report["steps"] * config.accumulate])),
        **report,
        seconds=round(time.monotonic() - began, 1),
    )
