"""Rationales whose hard tokens weigh more: label and rationale side by side, the rationale under a focal loss."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import Field

from mindsmirror.methods import ArmConfig, Method, Needs
from mindsmirror.methods.chosen import choose_targets
from mindsmirror.methods.targets import label, not_empty, usable
from mindsmirror.records import Annotation, Stage, Tag, Target
from mindsmirror.tasks.base import Task


class FocalSettings(ArmConfig):
    """How much tokens that are learnt already are let go of."""

    gamma: float = Field(2.0, ge=0, le=10, description="0: no token is; the loss is the likelihood")


class FocalCoT(Method[FocalSettings]):
    """`predict: x -> label`, and `explain: x -> rationale` by a focal loss."""

    settings = FocalSettings
    needs = Needs(rationales=1)
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: FocalSettings) -> tuple[Stage, ...]:
        def choose(annotation: Annotation, dropped: Counter[str]) -> Iterator[Target]:
            example, answer = annotation.example, label(annotation, task, arm)
            for rationale in usable(annotation, dropped) if answer is not None else ():
                for tag, text, data in (
                    (Tag.PREDICT, str(answer), {}),
                    (Tag.EXPLAIN, rationale.written, {"focal": True}),
                ):
                    yield Target(tag=tag, example=example.id, question=example.text, text=text, data=data)

        targets, dropped = choose_targets(annotations, choose)
        stage = Stage(
            name="focal",
            targets=targets,
            task_weights={Tag.PREDICT: 0.5, Tag.EXPLAIN: 0.5},
            objective="focal",
            parameters={"gamma": arm.gamma},
            dropped=dropped,
        )
        return (not_empty(stage, arm),)
