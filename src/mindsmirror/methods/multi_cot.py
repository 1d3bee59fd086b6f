"""Comprehensive thinking (Mind's Mirror, arXiv 2311.09214, the arm "5 CoTs"): all k rationales, no judging.

The loss is that of step_by_step. Departure: identical rationales are one target with a weight, where the
published code trains on each copy as if it were new; value and gradient are the same.
"""

from collections.abc import Sequence

from mindsmirror.methods.base import Method, Needs
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.methods.targets import thinking_stage
from mindsmirror.records import Annotation, Stage
from mindsmirror.tasks.base import Task


class MultiCoT(Method[ThinkingSettings]):
    """`predict: x -> label` and `explain: x -> rationale`, k rationales a question."""

    settings = ThinkingSettings
    needs = Needs(rationales=2)
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ThinkingSettings) -> tuple[Stage, ...]:
        """One stage, two tasks."""
        return (thinking_stage(annotations, task, arm, limit=None),)
