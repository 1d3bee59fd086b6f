"""What is seen of a stage while it trains: progress, pace, memory, when it may end early, which checkpoint is better.

Nothing here changes what is learnt, except that an early end ends it: whether a stage ended early is read from its
log alone, so a run that was cut short ends at the same step as one that was not.
"""

import math
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from mindsmirror.system.distributed import leads
from mindsmirror.system.hardware import peak_device_memory, peak_memory
from mindsmirror.system.progress import Progress
from mindsmirror.training.result import StageLog

SURE = 2.0
"""Standard errors by which an earlier checkpoint must be better than the last to replace it."""
TASK_LOSS = "loss_"
"""What the loss of a task is called in the log, before the task's name."""


class ProgressCallback(TrainerCallback):
    """Tells how far the stage is, how fast, and how well each task is learnt; times what is training and nothing else.

    `tokens` are those that each optimizer step computes.
    """

    def __init__(self, label: str, tokens: Sequence[int]) -> None:
        self.progress = Progress(label, len(tokens), "steps")
        """Told of while its `with` block runs."""
        self._tokens = tokens
        self._since = time.monotonic()
        self._seconds = 0.0
        self._learnt = 0
        self._said = ""

    @property
    def tokens_per_second(self) -> float | None:
        """Computed tokens a second, validation and saving left out; None if this process made no step."""
        return self._learnt / self._seconds if self._seconds > 0 else None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock starts when the model is loaded."""
        self._since = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A step is learnt: count it and show it."""
        now = time.monotonic()
        self._seconds += now - self._since
        self._since = now
        self._learnt += self._tokens[state.global_step - 1]
        if leads():
            self.progress.update(state.global_step, self._note())

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Remember the last losses or the last validation."""
        if logs and "loss" in logs:
            tasks = {name.removeprefix(TASK_LOSS): value for name, value in logs.items() if name.startswith(TASK_LOSS)}
            each = ", ".join(f"{task} {value:.3f}" for task, value in tasks.items())
            self._said = f"loss {float(logs['loss']):.3f}" + (f" ({each})" if each else "")
        elif logs and "eval_score" in logs:
            self._said = f"validation {float(logs['eval_score']):.3f}"

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Validation is no training."""
        self._since = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Saving is no training."""
        self._since = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show the last state."""
        if leads():
            self.progress.close(state.global_step, self._note())

    def _note(self) -> str:
        pace = self.tokens_per_second
        return ", ".join(part for part in (f"{pace:.0f} tokens/s" if pace else "", self._said) if part)


class BeginningCallback(TrainerCallback):
    """Does something before the first batch, once the Trainer has set its own sums to nothing."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Do it."""
        self._act()


class EarlyStopping(TrainerCallback):
    """Ends a stage after so many validations without improvement."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End the stage if it has not improved for long enough."""
        if stopped_at(state.log_history, self._patience) is not None:
            control.should_training_stop = True


def stopped_at(history: Iterable[Mapping[str, Any]], patience: int) -> int | None:
    """The step of the validation that was the last of `patience` without improvement; None if none was.

    A score that is only as good as the best before is no improvement. One that is higher by any amount is.
    """
    best, stale = float("-inf"), 0
    for entry in history:
        if "eval_score" not in entry:
            continue
        score = entry["eval_score"]
        best, stale = (score, 0) if score > best else (best, stale + 1)
        if stale == patience:
            return int(entry["step"])
    return None


def surely_better(score: float, last: float, questions: int) -> bool:
    """Whether an earlier checkpoint's share of right answers exceeds the last one's by SURE standard errors.

    The standard error is that of the difference of two shares of so many questions, `sqrt(2 p (1 - p) / n)` with their
    mean p. The checkpoints answer the same questions, so it is an upper bound where their answers agree more than by
    chance. It increases with `score`, so the best of several decides for all of them.
    """
    mean = (score + last) / 2
    return questions > 0 and score - last > SURE * math.sqrt(2 * mean * (1 - mean) / questions)


def by_step(tokens: Sequence[int], accumulate: int) -> "array[int]":
    """Tokens of each optimizer step, of those of each batch; the last step may have fewer batches."""
    return array("q", (sum(tokens[start : start + accumulate]) for start in range(0, len(tokens), accumulate)))


def stage_log(state: Any, planned: int, terms: Sequence[str], tokens_per_second: float | None) -> StageLog:
    """What the Trainer's log says of a stage: steps, losses of all and of each task, validations and the choice.

    And, of this process, its pace and peak memory.
    """
    logged = [entry for entry in state.log_history if "loss" in entry]
    scores = {entry["step"]: entry["eval_score"] for entry in state.log_history if "eval_score" in entry}
    chosen = state.best_global_step or state.global_step
    tasks = {term: tuple(entry.get(f"{TASK_LOSS}{term}") for entry in logged) for term in terms}
    return StageLog(
        steps=state.global_step,
        planned_steps=planned,
        losses=tuple(entry["loss"] for entry in logged),
        task_losses={task: losses for task, losses in tasks.items() if any(loss is not None for loss in losses)},
        validation=scores,
        selected_step=chosen,
        selected_score=scores.get(chosen),
        tokens_per_second=round(tokens_per_second, 1) if tokens_per_second else None,
        peak_memory=peak_memory(),
        peak_device_memory=peak_device_memory(),
    )
