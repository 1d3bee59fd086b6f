"""Distilling step-by-step (Hsieh et al., 2023, arXiv 2305.02301): label and one rationale as two tasks.

`L = alpha * CE(label) + (1 - alpha) * CE(rationale)`, told apart by a tag. Departure: the answer sentence stays
at the end of the rationale unless `rationale_target = "published"`, so that the student can answer by thinking.
"""

from collections.abc import Sequence

from mindsmirror.methods.base import Method, Needs
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.methods.targets import thinking_stage
from mindsmirror.records import Annotation, Stage
from mindsmirror.tasks.base import Task


class StepByStep(Method[ThinkingSettings]):
    """`predict: x -> label` and `explain: x -> rationale`, one rationale a question."""

    settings = ThinkingSettings
    needs = Needs(rationales=1)
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ThinkingSettings) -> tuple[Stage, ...]:
        """One stage, two tasks."""
        return (thinking_stage(annotations, task, arm, limit=1),)
