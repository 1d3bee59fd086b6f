"""What test_processes runs in one process and in two: a few steps of training, with all that came of them.

torchrun --nproc_per_node 2 learning_together.py OUT KIND=FOLDER…
"""

import math
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tiny
import torch
from safetensors.torch import save_file
from torch import Tensor

from mindsmirror.records import Stage, Tag
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import with_adapter
from mindsmirror.system.distributed import join, leads
from mindsmirror.training import trainer
from mindsmirror.training.batches import Batches
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.encoding import encode
from mindsmirror.training.objectives.base import Objective
from mindsmirror.training.objectives.registry import objective_of
from mindsmirror.training.plan import StagePlan, whole_steps
from mindsmirror.training.trainer import StageTrainer, train_stage

LESSON = tiny.lesson(
    *((Tag.PREDICT, f"{n}+{n}?", f"{2 * n}") for n in range(5)),
    *((Tag.EXPLAIN, f"{n}+{n}?", f"{n} twice is {2 * n}.") for n in range(5)),
    *((Tag.EXPLAIN, f"{n}+{n}?", f"{n} twice makes {2 * n}") for n in range(3)),
)
DUALS = Stage(
    name="duals",
    targets=tuple(
        target
        for n in range(1, 6)
        for target in tiny.pair(f"{n}+{n}?", f"{n} and {n} make {2 * n}.", f"{n} and {n} make {n}.")
    ),
    task_weights={Tag.EXPLAIN: 1.0},
)
WEIGHTS = {Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7}
ACCUMULATE = (1, 2, 3)


class Recorded(StageTrainer):
    """Keeps the gradient of every optimizer step."""

    seen: list[dict[str, Tensor]]

    def _clip_grad_norm(self, model: Any) -> Any:
        inner = self.accelerator.unwrap_model(model)
        self.seen.append({name: v.grad.clone() for name, v in inner.named_parameters() if v.grad is not None})
        return super()._clip_grad_norm(model)


class Scores:
    """Validations: the later the better, so that the model ends as it was at last."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, _: Any) -> list[bool]:
        self._asked += 1
        return tiny.answers(self._asked / 10, 10)


def batches(objective: Objective, kind: str, accumulate: int) -> Batches:
    """Seven batches of one or two families; of the last step there are fewer, but where steps are repeated."""
    families = encode(DUALS if kind == "edit" else LESSON, objective, max_target=256).families[:]
    plan = (families[:2], families[2:3], families[3:], families[:1], families[1:3], families[3:4], families[4:])
    return plan[: whole_steps(len(plan), accumulate)] if kind == "dynsdpb" else plan


def learn(kind: str, student_folder: Path, out: Path) -> None:
    """Train with each accumulation and write gradients, losses and weights, `OUT/KIND-ACCUMULATE.safetensors`.

    A kind is a student, `lora`, or a method whose loss has terms of its own.
    """
    for accumulate in ACCUMULATE:
        Recorded.seen = []
        student = tiny.load(student_folder)
        settings = StudentConfig(model="x", adapter="lora" if kind.startswith("lora") else "none", lora_rank=4)
        torch.manual_seed(3)
        model = with_adapter(student.model, settings)
        # So that a student differs from what it was one step before by more than rounding.
        rate = 1e-2 if kind == "dynsdpb" else 1e-3
        config = TrainingConfig(learning_rate=rate, accumulate=accumulate, precision="fp32", checkpoints=2)
        folder = out / f"{kind}-{accumulate}"
        parameters = {"unlikelihood": 0.5} if kind == "edit" else {}
        named = {"objective": kind if kind in ("edit", "dynsdpb") else "likelihood", "parameters": parameters}
        objective = objective_of(LESSON.model_copy(update=named), student)
        with patch.object(trainer, "StageTrainer", Recorded):
            plan = batches(objective, kind, accumulate)
            report = train_stage(
                StagePlan(objective, model, plan, WEIGHTS, config, folder, seed=0, label=kind, validate=Scores())
            )
        made = {f"{step} {name}": grad for step, grads in enumerate(Recorded.seen) for name, grad in grads.items()}
        made |= {f"weight {name}": value.detach().clone() for name, value in model.named_parameters()}
        made |= {
            f"loss {task}": torch.tensor([math.nan if loss is None else loss for loss in losses])
            for task, losses in report.task_losses.items()
        }
        made["loss"] = torch.tensor(report.losses)
        if leads():
            save_file({name: value.contiguous() for name, value in made.items()}, f"{folder}.safetensors")


if __name__ == "__main__":
    join()
    for argument in sys.argv[2:]:
        name, _, place = argument.partition("=")
        learn(name, Path(place), Path(sys.argv[1]))
