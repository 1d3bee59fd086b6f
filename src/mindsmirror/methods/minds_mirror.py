"""Mind's Mirror (Liu et al., NAACL 2024, arXiv 2311.09214): learn to judge, and learn to think.

Self-evaluation: shown a rationale, write the verdict (weight alpha) and the critique (1 - alpha).
Thinking: label (alpha) and k rationales (1 - alpha), as in multi_cot.
The paper learns the first, then from its weights the second (`schedule = "sequential"`). That unlearns the judge
(docs/log.md), so here both are learnt at once (`joint`), or judging goes on beside thinking (`replayed`). Either way
the two share the budget 5 to 8, the paper's 50 and 80 epochs on SVAMP; in sum it is that of every other arm.

Departures, each undone by `form = "published"`: the schedule; the judge is shown the question with the rationale;
its two tasks have tags of their own instead of predict and explain; rationales end with their answer sentence. Never
undone: samples that did not parse are dropped and counted, where the published code trains on blanks.

A teacher that says "correct" most of the time teaches to say so always. `verdict_weights = "even"` gives every verdict
that occurs the same sum of weights, and all verdicts together the weight that they had; the paper has none of this.

The arm's `select` and `distinct` choose what is taught as thinking only: the judge is shown every rationale that
parsed, the wrong ones above all, for without them it would learn to say "correct".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from mindsmirror.methods.base import Method, Needs, VerdictRequest
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.methods.targets import merged, not_empty, thinking_stage, usable
from mindsmirror.records import Annotation, Parse, SelfEvaluation, Stage, Tag, Target, Verdict, VerdictSource
from mindsmirror.tasks.base import Task

JUDGING_SHARE = 5 / 13
THINKING_SHARE = 8 / 13


class MindsMirrorSettings(ThinkingSettings):
    """Those of multi_cot, and how the judge is taught; `form = "published"` sets four of them."""

    PUBLISHED: ClassVar[Mapping[str, object]] = {
        **ThinkingSettings.PUBLISHED,
        "tags": "published",
        "judge_sees_question": False,
        "schedule": "sequential",
    }

    tags: Literal["distinct", "published"] = Field(
        "distinct", description="published: the judge is taught under predict and explain, too"
    )
    judge_sees_question: bool = Field(True, description="whether the judge is shown the question with the rationale")
    schedule: Literal["sequential", "replayed", "joint"] = Field(
        "joint",
        description="sequential: judging, then thinking, as published; replayed: judging, then both; joint: both",
    )
    verdict_weights: Literal["counted", "even"] = Field(
        "counted",
        description="counted: a verdict weighs as often as the judge gave it; even: each verdict that occurs the same",
    )

    @property
    def verdict_tag(self) -> Tag:
        """The tag under which the student is asked for a verdict."""
        return Tag.VERDICT if self.tags == "distinct" else Tag.PREDICT

    @property
    def critique_tag(self) -> Tag:
        """The tag under which the student is asked for a critique."""
        return Tag.CRITIQUE if self.tags == "distinct" else Tag.EXPLAIN


class MindsMirror(Method[MindsMirrorSettings]):
    """Self-evaluation and comprehensive thinking."""

    settings = MindsMirrorSettings
    needs = Needs(rationales=2, evaluations=1)
    thinks = True
    judges = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: MindsMirrorSettings) -> tuple[Stage, ...]:
        """Judging and thinking, of two tasks each, in the order that the arm's schedule says."""
        thinking = thinking_stage(annotations, task, arm, limit=None, share=THINKING_SHARE)
        judging = self_evaluation_stage(annotations, arm)
        if arm.schedule == "sequential":
            return (judging, thinking)
        if arm.schedule == "replayed":
            return (judging, together(judging, thinking, share=THINKING_SHARE))
        return (together(judging, thinking, share=1.0),)

    def verdict_request(self, arm: MindsMirrorSettings) -> VerdictRequest:
        """As the judge is taught."""
        return VerdictRequest(arm.name, arm.verdict_tag, arm.judge_sees_question)


def together(judging: Stage, thinking: Stage, share: float) -> Stage:
    """One stage of both, the weight of their tasks in the proportion of their shares."""
    weights: dict[Tag, float] = {}
    for stage in (judging, thinking):
        for tag, weight in stage.task_weights.items():
            # As published, both parts use the same two tags: their weights add up.
            weights[tag] = weights.get(tag, 0.0) + weight * stage.share / (judging.share + thinking.share)
    return Stage(
        name="judging_and_thinking",
        targets=merged((*thinking.targets, *judging.targets)),
        task_weights=weights,
        share=share,
        dropped=Counter(judging.dropped) + Counter(thinking.dropped),
    )


def self_evaluation_stage(annotations: Sequence[Annotation], arm: MindsMirrorSettings) -> Stage:
    """Verdict and critique of every usable rationale, selected or not, in the proportion alpha to 1 - alpha."""
    dropped: Counter[str] = Counter()
    targets: list[Target] = []
    for annotation in annotations:
        by_sample = {rationale.sample: rationale for rationale in usable(annotation, Counter())}
        for evaluation in annotation.evaluations:
            rationale = by_sample.get(evaluation.rationale)
            if rationale is None:
                dropped["evaluation: its rationale is not usable"] += 1
                continue
            question = annotation.example.text if arm.judge_sees_question else None
            shown = rationale.thought if arm.rationale_target == "published" else rationale.written
            targets += _judging_targets(evaluation, annotation.example.id, question, shown, arm, dropped)
    weights = {arm.verdict_tag: arm.alpha, arm.critique_tag: 1 - arm.alpha}
    stage = Stage(
        name="self_evaluation",
        targets=_weighted(merged(targets), arm),
        task_weights=weights,
        share=JUDGING_SHARE,
        dropped=dropped,
    )
    return not_empty(stage, arm)


def _judging_targets(
    evaluation: SelfEvaluation,
    example: str,
    question: str | None,
    shown: str,
    arm: MindsMirrorSettings,
    dropped: Counter[str],
) -> list[Target]:
    if evaluation.verdict is Verdict.UNPARSED:
        dropped["evaluation: no verdict"] += 1
        return []
    said = [(arm.verdict_tag, evaluation.verdict.value)]
    if evaluation.source is VerdictSource.LIKELIHOOD:
        dropped["critique: a likelihood has none"] += 1
    elif evaluation.parse is Parse.OK:
        said.append((arm.critique_tag, evaluation.critique))
    else:
        dropped[f"critique: {evaluation.parse.value}"] += 1
    return [Target(tag=tag, example=example, question=question, rationale=shown, text=text) for tag, text in said]


def _weighted(targets: Sequence[Target], arm: MindsMirrorSettings) -> tuple[Target, ...]:
    """The targets with their verdicts' weights as the arm wants them; critiques keep theirs."""
    if arm.verdict_weights == "counted":
        return tuple(targets)
    sums: dict[str, float] = {}
    for target in targets:
        if target.tag is arm.verdict_tag:
            sums[target.text] = sums.get(target.text, 0.0) + target.weight
    even = sum(sums.values()) / max(1, len(sums))
    return tuple(
        target.model_copy(update={"weight": target.weight * even / sums[target.text]})
        if target.tag is arm.verdict_tag
        else target
        for target in targets
    )
