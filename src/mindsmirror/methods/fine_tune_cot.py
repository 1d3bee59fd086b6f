"""Fine-tune-CoT (Ho et al., 2023, arXiv 2212.10071): learn the rationales that are right, each with its answer.

The teacher is sampled k times a question ("diverse reasoning"); a sample is kept if it reaches the gold answer, and
the student learns to write its rationale and then the answer. There is no task of the label alone, so the student
answers by thinking and in no other way. `L = CE(rationale with answer)`, every token alike.

Departures: the rationale ends in this project's answer sentence where the paper writes `--> ANSWER END`; identical
samples are one target with a weight, which is the same in value and gradient. The paper's teacher is asked without
examples and at k up to 64; here prompts and k are the recipe's.

It looks at gold, so the arm needs `labels = "gold"`, and so does every arm that it is compared with. A question of
which no sample is right teaches nothing: hard questions are fewer in what is learnt, as in the paper.
"""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.annotation.select import selected
from mindsmirror.methods.base import Method, Needs
from mindsmirror.methods.chosen import choose_targets
from mindsmirror.methods.settings import DistinctSettings
from mindsmirror.methods.targets import gold_label, not_empty, usable
from mindsmirror.records import Annotation, Stage, Tag, Target
from mindsmirror.tasks.base import Task


class FineTuneCoT(Method[DistinctSettings]):
    """`explain: x -> rationale with its answer`, those of k rationales that are right by gold."""

    settings = DistinctSettings
    needs = Needs(rationales=1, gold=True)
    answers = False
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: DistinctSettings) -> tuple[Stage, ...]:
        """One stage, one task. AnnotationError if a question has no gold answer, or no rationale at all is right."""

        def choose(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
            example = annotation.example
            gold_label(example, task, arm)
            shown = selected(usable(annotation, dropped), annotation, task, "right", arm.distinct, dropped)
            return [
                Target(tag=Tag.EXPLAIN, example=example.id, question=example.text, text=rationale.written)
                for rationale in shown
            ]

        targets, dropped = choose_targets(annotations, choose)
        stage = Stage(name="thinking", targets=targets, task_weights={Tag.EXPLAIN: 1.0}, dropped=dropped)
        return (not_empty(stage, arm),)
