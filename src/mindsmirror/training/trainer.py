"""One stage of training: Hugging Face's Trainer as the loop, the loss and the batches ours.

The whole plan of batches is the Trainer's dataset, one batch an item in order, so its checkpoints resume at the
very batch. The Trainer leaves normalisation to us (`loss_is_scaled_for_ga`): each task's weight total runs over
the batches of one optimizer step and over all processes.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from mindsmirror.errors import TrainingError
from mindsmirror.progress import Progress
from mindsmirror.records import Tag
from mindsmirror.students.base import Batch, Student
from mindsmirror.training.config import TrainingConfig
from mindsmirror.training.objectives.task_weighted import task_factors, task_weighted_loss, weight_totals
from mindsmirror.training.plan import Plan

LATER_WINS = 1e-9

Validate = Callable[[Any], float]
"""A score of the model, higher is better."""


class PlanDataset(Dataset[Batch]):
    """A plan as a dataset whose items are whole batches."""

    def __init__(self, plan: Plan, student: Student) -> None:
        self._plan, self._student = plan, student

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        return self._student.collate(self._plan[index])


class StageTrainer(Trainer):
    """A Trainer that takes whole batches and our loss."""

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        student: Student,
        model: Any,
        plan: Plan,
        task_weights: Mapping[Tag, float],
        arguments: TrainingArguments,
        validate: Validate | None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self._student, self._validate = student, validate
        self._factors = task_factors(task_weights)
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=PlanDataset(plan, student),
            # The Trainer insists on a dataset before it calls `evaluate`; ours takes none.
            eval_dataset=PlanDataset((), student) if validate else None,
            data_collator=_only,
            callbacks=list(callbacks),
        )

    def _get_train_sampler(self, *_: Any, **__: Any) -> torch.utils.data.Sampler[int]:
        return torch.utils.data.SequentialSampler(range(len(self.train_dataset)))

    def _get_num_items_in_batch(self, batch_samples: list[Batch], device: torch.device) -> Tensor:
        totals: Tensor = weight_totals(batch_samples).to(device)
        if self.accelerator.num_processes > 1:
            totals = self.accelerator.gather(totals[None]).sum(0)
        return totals

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Tensor:
        """This batch's part of its step's loss; see objectives/task_weighted.py."""
        totals = num_items_in_batch if num_items_in_batch is not None else weight_totals([inputs])
        # Accelerate lowers the precision of the model's own forward only, and an encoder is called past it.
        with self.accelerator.autocast():
            nll = self._student.losses(model, inputs)
        factors = self._factors.to(nll.device)
        loss = task_weighted_loss(nll, inputs["weight"], inputs["task"], totals, factors)
        if not torch.isfinite(loss):
            raise self.diverged()
        # Data parallelism averages gradients over processes; the totals already count all of them.
        processes: int = self.accelerator.num_processes
        return loss * processes

    def diverged(self) -> TrainingError:
        """What to say when the loss or the weights are no numbers any more."""
        return TrainingError(
            f"training diverged after {self.state.global_step} steps: the loss or the weights are no finite numbers. "
            f"Lower training.learning_rate (it is {self.args.learning_rate:g})."
        )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score on validation questions; what the best checkpoint is chosen by."""
        score = self._validate(self.model) if self._validate else 0.0
        # Of checkpoints that score alike, the later one has seen more: it wins by a hair.
        metrics = {"eval_score": score + LATER_WINS * self.state.global_step}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Shown(TrainerCallback):
    """Tells how far the stage is."""

    def __init__(self, label: str, steps: int) -> None:
        self._progress = Progress(label, steps, "steps")
        self._note = ""

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._note = f"loss {float(logs['loss']):.3f}"
        elif logs and "eval_score" in logs:
            self._note = f"validation {float(logs['eval_score']):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._progress.update(state.global_step, self._note)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._progress.close(state.global_step, self._note)


def train_stage(
    student: Student,
    model: Any,
    plan: Plan,
    task_weights: Mapping[Tag, float],
    config: TrainingConfig,
    folder: Path,
    seed: int,
    label: str,
    validate: Validate | None = None,
) -> dict[str, Any]:
    """Train `model` in place through the plan, going on from the last whole checkpoint in `folder`.

    With `validate`, the model ends as its best checkpoint. Returns what the log says: steps, seconds, losses,
    the step that was chosen and its score.
    """
    steps = max(1, -(-len(plan) // config.accumulate))
    every = max(1, -(-steps // config.checkpoints))
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=round(config.warmup * steps),
        lr_scheduler_type="linear",
        bf16=use_bf16(config.precision),
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        eval_strategy="steps" if validate else "no",
        eval_steps=every,
        load_best_model_at_end=validate is not None,
        metric_for_best_model="score",
        greater_is_better=True,
        logging_steps=max(1, steps // 20),
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        dataloader_pin_memory=False,
    )
    checkpoint = last_checkpoint(folder)
    trainer = StageTrainer(student, model, plan, task_weights, arguments, validate, [_Shown(label, steps)])
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    # The last step changes the weights after the last loss was looked at.
    if not all(bool(torch.isfinite(value).all()) for value in model.parameters()):
        raise trainer.diverged()
    return _summary(trainer, steps)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; torn ones are removed.

    The Trainer writes its state last, so a checkpoint without a readable state was cut short by a kill.
    """
    whole: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        try:
            state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            whole.append((int(state["global_step"]), path))
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(path, ignore_errors=True)
    return max(whole)[1] if whole else None


def use_bf16(precision: str) -> bool:
    """Whether matrix products run in bf16: as asked, or where the processor has instructions for it."""
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bf16_processor()


def bf16_processor() -> bool:
    """Whether this processor multiplies bf16 in hardware (AVX-512 BF16 or AMX)."""
    capabilities = getattr(torch.backends.cpu, "get_cpu_capability", str)()
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "AVX512" in capabilities and ("avx512_bf16" in flags or "amx_bf16" in flags)


def _only(items: list[Batch]) -> Batch:
    return items[0]


def _summary(trainer: StageTrainer, steps: int) -> dict[str, Any]:
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    scores = {entry["step"]: entry["eval_score"] for entry in history if "eval_score" in entry}
    chosen = trainer.state.best_global_step or steps
    return {
        "steps": trainer.state.global_step,
        "losses": losses,
        "validation": scores,
        "selected_step": chosen,
        "selected_score": scores.get(chosen),
    }
