"""Distilling step-by-step (Hsieh et al., 2023, arXiv 2305.02301): label and one rationale as two tasks.

`L = alpha * CE(label) + (1 - alpha) * CE(rationale)`, told apart by a tag. Departure: the answer sentence stays
at the end of the rationale unless `rationale_target = "published"`, so that the student can answer by thinking.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.methods.base import ArmConfig, Needs, merged, not_empty, thinking_targets
from mindsmirror.records import Annotation, Stage, Tag
from mindsmirror.tasks.base import Task


class StepByStep:
    """`predict: x -> label` and `explain: x -> rationale`, one rationale a question."""

    needs = Needs(rationales=1)
    answers = True
    thinks = True
    judges = False

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ArmConfig) -> tuple[Stage, ...]:
        """One stage, two tasks."""
        return (thinking_stage(annotations, task, arm, limit=1),)


def thinking_stage(
    annotations: Sequence[Annotation], task: Task, arm: ArmConfig, limit: int | None, share: float = 1.0
) -> Stage:
    """Label and at most `limit` selected rationales of every question, in the proportion alpha to 1 - alpha.

    A question of which no rationale is left teaches nothing, its label neither. AnnotationError if all are such.
    """
    dropped: Counter[str] = Counter()
    targets = [t for a in annotations for t in thinking_targets(a, task, arm, dropped, limit)]
    stage = Stage(
        name="thinking",
        targets=merged(targets),
        task_weights={Tag.PREDICT: arm.alpha, Tag.EXPLAIN: 1 - arm.alpha},
        share=share,
        dropped=dropped,
    )
    return not_empty(stage, arm)
