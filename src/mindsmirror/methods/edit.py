"""EDIT (Dai et al., 2024, arXiv 2405.19737): learn the key steps from rationales that part where one goes wrong.

The teacher's right rationales have corrupted duals, its wrong ones rectified duals (annotation/duals.py): pairs of a
right and a wrong rationale that are as alike as they can be. Stage 1 learns all right rationales, the teacher's own and
the rectified. Stage 2 learns from the pairs: of the tokens of the right rationale those count that a shortest edit into
the wrong one would touch, and of the wrong rationale's those that an edit into the right one would
(training/objectives/edit_mask.py); the former are to become likely, the latter unlikely. With K the key tokens and T
all tokens of the right and of the wrong texts,

    L = sum over K_right of -log p / |T_right|  +  unlikelihood * sum over K_wrong of -log(1 - p) / |T_wrong|

Departures. The paper gives wrong key tokens a weight of -0.025 on their negative log-likelihood, which has no lower
bound; here their unlikelihood weighs 0.025, which has (training/objectives/edit.py). Its means run over pairs
of each pair's mean, ours over all tokens of a step, as all losses here do. Its two steps take 15 epochs at 2e-4 and 10
at 5e-6 under LoRA; here they share the arm's budget 15 to 10, and the second has a fortieth of the recipe's
rate, with LoRA if the recipe says so. A rationale ends in this project's answer sentence; equal targets are one with a
weight. The prompts for rectified and corrupted rationales are the project's own.

It looks at gold, so the arm needs `labels = "gold"`, and so does every arm that it is compared with. There is no task
of the label alone: the student answers by thinking.
"""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from mindsmirror import limits
from mindsmirror.annotation.select import selected
from mindsmirror.methods.base import Method, Needs
from mindsmirror.methods.chosen import choose_targets
from mindsmirror.methods.settings import DistinctSettings
from mindsmirror.methods.targets import gold_label, not_empty, usable
from mindsmirror.records import Annotation, DualKind, DualRationale, Parse, Rationale, Stage, Tag, Target
from mindsmirror.tasks.base import Task

SUPERVISED_SHARE, KEY_SHARE = 15 / 25, 10 / 25
KEY_RATE = 5e-6 / 2e-4

Pair = tuple[Rationale, Rationale]
"""A right rationale and the wrong one beside it."""


class EditSettings(DistinctSettings):
    """How many right rationales are taught, and how much wrong steps weigh."""

    unlikelihood: float = Field(
        0.025, gt=0, le=limits.LARGEST, description="weight of the wrong key steps, which become unlikely"
    )


class Edit(Method[EditSettings]):
    """`explain: x -> rationale`: right and rectified ones, then the steps in which right and wrong ones part."""

    settings = EditSettings
    needs = Needs(rationales=1, gold=True, rectified=1, corrupted=1)
    answers = False
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: EditSettings) -> tuple[Stage, ...]:
        """Two stages of one task. AnnotationError if a question has no gold answer, or there are no pairs at all."""

        def right(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
            kept, pairs = _kept_and_pairs(annotation, task, arm, dropped, Counter())
            rectified = [one for one, _ in pairs if isinstance(one, DualRationale)]
            return [_target(annotation, rationale) for rationale in (*kept, *rectified)]

        def parted(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
            _, pairs = _kept_and_pairs(annotation, task, arm, Counter(), dropped)
            return [target for pair in pairs for target in _parted(annotation, *pair)]

        learnt, lost = choose_targets(annotations, right)
        supervised = Stage(
            name="thinking",
            targets=learnt,
            task_weights={Tag.EXPLAIN: 1.0},
            share=SUPERVISED_SHARE,
            dropped=lost,
        )
        contrasted, unpaired = choose_targets(annotations, parted)
        key_steps = Stage(
            name="key_steps",
            targets=contrasted,
            task_weights={Tag.EXPLAIN: 1.0},
            objective="edit",
            parameters={"unlikelihood": arm.unlikelihood},
            share=KEY_SHARE,
            rate=KEY_RATE,
            dropped=unpaired,
        )
        return (not_empty(supervised, arm), not_empty(key_steps, arm))


def _kept_and_pairs(
    annotation: Annotation, task: Task, arm: EditSettings, lost: Counter[str], unpaired: Counter[str]
) -> tuple[list[Rationale], list[Pair]]:
    """The right rationales that are taught, and the pairs; what is left out of either is counted."""
    gold_label(annotation.example, task, arm)
    rationales = usable(annotation, lost)
    # Wrong ones are not left out: they stand beside what they were rectified to.
    reaching = [rationale for rationale in rationales if _reaches_gold(rationale, annotation, task)]
    kept = selected(reaching, annotation, task, "all", arm.distinct, lost)
    return kept, _pairs(annotation, task, rationales, kept, unpaired)


def _pairs(
    annotation: Annotation,
    task: Task,
    rationales: Sequence[Rationale],
    kept: Sequence[Rationale],
    dropped: Counter[str],
) -> list[Pair]:
    """Right beside corrupted, rectified beside wrong; duals that are of no use are counted."""
    by_sample = {rationale.sample: rationale for rationale in rationales}
    right = {rationale.sample for rationale in kept}
    pairs: list[Pair] = []
    for dual in annotation.duals:
        origin = by_sample.get(dual.of)
        if dual.parse is not Parse.OK or not dual.reasoning:
            dropped[f"{dual.kind}: {dual.parse.value if dual.parse is not Parse.OK else 'no_reasoning'}"] += 1
        elif origin is None or _reaches_gold(dual, annotation, task) is not (dual.kind is DualKind.RECTIFIED):
            dropped[f"{dual.kind}: of no use by gold"] += 1
        elif dual.kind is DualKind.RECTIFIED:
            pairs.append((dual, origin))
        elif dual.of in right:
            pairs.append((origin, dual))
        else:
            dropped[f"{dual.kind}: its rationale is not taught"] += 1
    return pairs


def _reaches_gold(rationale: Rationale, annotation: Annotation, task: Task) -> bool:
    """Whether it ends at the task's answer of today, whatever gold was when it was annotated."""
    answer = task.read(annotation.example, rationale.answer) if rationale.answer is not None else None
    return bool(task.right(annotation.example, answer))


def _target(annotation: Annotation, rationale: Rationale) -> Target:
    example = annotation.example
    return Target(tag=Tag.EXPLAIN, example=example.id, question=example.text, text=rationale.written)


def _parted(annotation: Annotation, right: Rationale, wrong: Rationale) -> tuple[Target, Target]:
    """Both texts of a pair, each with the other as its counterpart."""
    chosen, rejected = _target(annotation, right), _target(annotation, wrong)
    return (
        chosen.model_copy(update={"data": {"contrast": rejected.text}}),
        rejected.model_copy(update={"data": {"contrast": chosen.text, "unlearn": True}}),
    )
