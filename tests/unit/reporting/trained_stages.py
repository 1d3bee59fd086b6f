"""Results of stages that were never trained, with any number of steps and counts."""

from typing import Any

from mindsmirror.training.result import StageResult


def stage_result(**changes: Any) -> StageResult:
    """A stage of one step of which nothing is known; `changes` are its fields."""
    counts = dict.fromkeys(("targets", "steps", "planned_steps", "rows", "tokens", "target_tokens"), 1)
    counts |= {"computed_tokens": 1, "flops": 1, "selected_step": 1}
    told = {"stage": "", "dropped": {}, "losses": (1.0,), "task_losses": {}, "validation": {}}
    return StageResult.model_validate({**counts, **told, "selected_score": None, "seconds": 0.0, **changes})
