"""Standard fine-tuning: the question in, the label out. The baseline of every paper here.

Distilling step-by-step (arXiv 2305.02301) and Mind's Mirror (arXiv 2311.09214) compare against it with gold
labels and with the teacher's ("pseudo-labels"); `labels` chooses.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.methods.base import ArmConfig, Method
from mindsmirror.methods.chosen import choose_targets
from mindsmirror.methods.targets import label, not_empty
from mindsmirror.records import Annotation, Stage, Tag, Target
from mindsmirror.tasks.base import Task


class Standard(Method[ArmConfig]):
    """`predict: x -> label`."""

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ArmConfig) -> tuple[Stage, ...]:
        """One stage, one task."""

        def choose(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
            answer = label(annotation, task, arm)
            if answer is None:
                dropped["question: no label"] += 1
                return []
            example = annotation.example
            return [Target(tag=Tag.PREDICT, example=example.id, question=example.text, text=answer)]

        targets, dropped = choose_targets(annotations, choose)
        stage = Stage(name="labels", targets=targets, task_weights={Tag.PREDICT: 1.0}, dropped=dropped)
        return (not_empty(stage, arm),)
