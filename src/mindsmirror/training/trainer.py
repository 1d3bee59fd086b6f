"""One stage of training: Hugging Face's Trainer as the loop, the loss and the batches ours.

The whole plan of batches is the Trainer's dataset, one batch an item in order, so its checkpoints resume at the
very batch. The Trainer leaves normalisation to us (`loss_is_scaled_for_ga`): what a token's loss is divided by is a
constant of the plan, so neither the other batches of a step nor other processes need to be asked.

Beside the public hooks (`compute_loss`, `get_train_dataloader`, `log`, `evaluate`), these private parts of Transformers
are overridden or set, each of them read in the version that constraints.txt pins; pyproject.toml allows no later major:

* `_save_optimizer_and_scheduler`, `_save_checkpoint`: what the objective remembers is written before the state, and the
  seal after all else;
* `_load_from_checkpoint`, `_load_rng_state`, `_load_optimizer_and_scheduler`: a damaged file becomes a StorageError;
* `_tr_loss`, `_globalstep_last_logged`: a resumed stage goes on with the sums of its next log;
* `state.best_metric`: reset at the last validation unless an earlier checkpoint is surely better.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from mindsmirror.errors import TrainingError
from mindsmirror.students.base import Batch
from mindsmirror.system.distributed import agreed, leads, processes, rank
from mindsmirror.system.files import share
from mindsmirror.system.hardware import reset_peak
from mindsmirror.training.arguments import trainer_arguments
from mindsmirror.training.callbacks import (
    TASK_LOSS,
    BeginningCallback,
    EarlyStopping,
    ProgressCallback,
    by_step,
    stage_log,
    stopped_at,
    surely_better,
)
from mindsmirror.training.checkpoints import history, last_checkpoint, readable, seal
from mindsmirror.training.dataset import PlanDataset
from mindsmirror.training.objectives.base import TokenLosses
from mindsmirror.training.objectives.task_weighted import derivatives, task_weighted_loss, term_sums
from mindsmirror.training.plan import StagePlan
from mindsmirror.training.result import StageLog
from mindsmirror.training.shards import shards_of_steps

REMEMBERED = "objective-{}.safetensors"
"""File of a checkpoint that holds what the objective remembers, by process."""
SINCE_LOG = "log-{}.safetensors"
"""File of a checkpoint that holds what is summed up for the next log, by process."""


class StageTrainer(Trainer):
    """A Trainer that takes whole batches and our loss."""

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        plan: StagePlan,
        dataset: PlanDataset,
        arguments: TrainingArguments,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self._objective, self._validate = plan.objective, plan.validate
        self._scales = plan.scales
        self._since_log = torch.zeros(2, plan.objective.terms)
        super().__init__(
            model=plan.model,
            args=arguments,
            train_dataset=dataset,
            # The Trainer insists on a dataset before it calls `evaluate`; ours takes none.
            eval_dataset=dataset if plan.validate else None,
            callbacks=list(callbacks),
        )

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """The plan's batches in order; they are this process's own, so Accelerate has nothing to deal out."""
        return DataLoader(self.train_dataset, batch_size=1, collate_fn=_only)

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Tensor:
        """What this batch adds to its step's loss; see objectives/task_weighted.py."""
        # Data parallelism averages gradients over processes; each has a part of the step's sum.
        scale = self.accelerator.num_processes * self._scales.to(inputs["weight"].device)
        if self._objective.sums_likelihoods(inputs):
            inputs = {**inputs, "expected": derivatives(inputs["weight"], inputs["term"], scale)}
        # Accelerate lowers the precision of the model's own forward only.
        with self.accelerator.autocast():
            losses, weight, term = self._token_losses(model, inputs)
        loss = task_weighted_loss(losses, weight, term, scale)
        if not torch.isfinite(loss):
            raise self.diverged()
        seen = torch.stack([term_sums(losses.detach(), weight, term, len(scale)), inputs["term_weights"]])
        self._since_log = self._since_log.to(seen.device) + seen
        return loss

    def _token_losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        """The objective's losses. A wrapper of the model (DDP, FSDP) gets all of their computation as its forward."""
        inner = self.accelerator.unwrap_model(model)
        if inner is model:
            return self._objective.losses(model, batch)
        own = vars(inner).get("forward")

        def forward(given: Batch) -> TokenLosses:
            # From here on the model's forward is its own again.
            _set_forward(inner, own)
            return self._objective.losses(inner, given)

        inner.forward = forward
        try:
            losses: TokenLosses = model(batch)
        finally:
            _set_forward(inner, own)
        return losses

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add to the loss each term's mean since the last time, in nats per token and before its weight."""
        if "loss" in logs:
            logs = logs | self._task_losses()
        super().log(logs, start_time)

    def _task_losses(self) -> dict[str, float]:
        seen = self._since_log
        if self.accelerator.num_processes > 1:
            seen = self.accelerator.gather(seen.to(self.accelerator.device)[None]).sum(0)
        self._since_log = torch.zeros_like(self._since_log)
        sums, weights = seen.tolist()
        means = zip(self._objective.term_names, sums, weights, strict=True)
        return {f"{TASK_LOSS}{term}": loss / weight for term, loss, weight in means if weight > 0}

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        # Before the state, which is written last: a checkpoint without it counts as torn.
        super()._save_optimizer_and_scheduler(output_dir)
        number = self.args.process_index
        since: dict[str, Tensor] = {"terms": self._since_log, "loss": self._tr_loss.reshape(1)}
        save_file(since, Path(output_dir) / SINCE_LOG.format(number))
        remembered = self._objective.state()
        if remembered:
            save_file(remembered, Path(output_dir) / REMEMBERED.format(number))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        # Each process writes files of its own.
        self.accelerator.wait_for_everyone()
        if leads():
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            # What safetensors writes is its owner's alone.
            share(folder)
            seal(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        with readable(resume_from_checkpoint):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        with readable(checkpoint):
            super()._load_rng_state(checkpoint)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        with readable(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)
            self._load_sums(checkpoint)

    def _load_sums(self, checkpoint: str | None) -> None:
        """What the objective remembers, and what had been summed up for the next log."""
        folder, number = Path(checkpoint or ""), self.args.process_index
        remembered, since = folder / REMEMBERED.format(number), folder / SINCE_LOG.format(number)
        if checkpoint and remembered.exists():
            self._objective.restore(load_file(remembered))
        if checkpoint and since.exists():
            self.add_callback(BeginningCallback(partial(self._go_on_logging, load_file(since))))

    def _go_on_logging(self, since: Mapping[str, Tensor]) -> None:
        """Take up what a checkpoint had summed up for its next log, so that the log says what it would have said."""
        self._since_log = since["terms"].to(self.args.device)
        self._tr_loss: Tensor = since["loss"][0].to(self.args.device)
        logged = (entry["step"] for entry in reversed(self.state.log_history) if "loss" in entry)
        self._globalstep_last_logged: int = next(logged, 0)

    def diverged(self) -> TrainingError:
        """What to say when the loss or the weights are no numbers any more."""
        return TrainingError(
            f"training diverged after {self.state.global_step} steps: the loss or the weights are no finite numbers. "
            f"Lower training.learning_rate (it is {self.args.learning_rate:g})."
        )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Accuracy on validation questions; the last checkpoint is kept unless the best before is surely better."""
        right = agreed(list(self._validate(self.model)) if self._validate and leads() else [])
        metrics = {"eval_score": sum(right) / max(1, len(right))}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        ends = self.control.should_training_stop or self.state.global_step >= self.state.max_steps
        best = self.state.best_metric
        if ends and best is not None and not surely_better(best, metrics["eval_score"], len(right)):
            # The Trainer keeps what scores highest, and saves next: having forgotten the others, it keeps the last.
            self.state.best_metric = None
        return metrics


def train_stage(plan: StagePlan) -> StageLog:
    """Train the plan's model in place, going on from the last whole checkpoint in its folder.

    With `validate`, the model ends as its last checkpoint, or as an earlier one that is surely better, and early if the
    configuration says so. Returns what the log says: steps, losses of all and of each term, the step that was chosen
    and its score; and, of this process, pace and peak memory.
    """
    objective, config, batches = plan.objective, plan.config, plan.batches
    # Only one process removes what is torn.
    checkpoint = agreed(last_checkpoint(plan.folder) if leads() else None)
    early = config.early_stopping if plan.validate else None
    if early and checkpoint:
        # Whether it had ended is forgotten by the Trainer, which would go on; there is no step left of a shorter plan.
        ended = stopped_at(history(checkpoint), early)
        batches = batches[: ended * config.accumulate] if ended else batches
    mine, each = shards_of_steps(batches, config.accumulate, processes(), rank(), objective.student)
    arguments = trainer_arguments(plan, plan.steps, each)
    reset_peak()
    watch = ProgressCallback(plan.label, by_step(plan.tokens or [0] * len(batches), config.accumulate))
    stop = [EarlyStopping(early)] if early else []
    dataset = PlanDataset(mine, objective, each if objective.repeats else 0)
    with watch.progress:
        trainer = StageTrainer(plan, dataset, arguments, [watch, *stop])
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    # The last step changes the weights after the last loss was looked at.
    if not all(bool(torch.isfinite(value).all()) for value in plan.model.parameters()):
        raise trainer.diverged()
    return stage_log(trainer.state, plan.steps, objective.term_names, watch.tokens_per_second)


def _only(items: list[Batch]) -> Batch:
    return items[0]


def _set_forward(model: Any, forward: Any) -> None:
    """Put a forward over that of the model's class, or take it away."""
    if forward is None:
        vars(model).pop("forward", None)
    else:
        model.forward = forward
