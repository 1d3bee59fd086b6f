"""Mind's Mirror (Liu et al., NAACL 2024, arXiv 2311.09214): learn to judge, and learn to think.

Self-evaluation: shown a rationale, write the verdict (weight judge_alpha) and the critique (1 - judge_alpha).
Thinking: label (alpha) and k rationales (1 - alpha), as in multi_cot.
The paper learns the first, then from its weights the second (`schedule = "sequential"`). That unlearns the judge
(docs/log.md), so here both are learnt at once (`joint`), or judging goes on beside thinking (`replayed`). Either way
the two share the budget 5 to 8, the paper's 50 and 80 epochs on SVAMP; in sum it is that of every other arm.

Departures, each undone by `form = "published"`: the schedule; the judge is shown the question with the rationale;
its two tasks have tags of their own instead of predict and explain; rationales end with their answer sentence; only
rationales whose verdict is good are taught as thinking; verdicts have a weight of their own, and no end of sequence is
learnt after them, because they are read off and never written; critiques that the rationale itself contradicts are left
out (annotation/critiques.py). Never undone: samples that did not parse are dropped and counted, where the published
code trains on blanks. In every form the judge is shown the rationale with its answer, as the official inputs have it.

A teacher that says "correct" most of the time teaches to say so always. `verdict_weights = "even"` gives every verdict
that occurs the same sum of weights, and all verdicts together the weight that they had; the paper has none of this.

The arm's `select` and `distinct` choose what is taught as thinking only: the judge is shown every rationale that
parsed, the wrong ones above all, for without them it would learn to say "correct".
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from mindsmirror import limits
from mindsmirror.annotation.critiques import fault_of
from mindsmirror.annotation.select import Select
from mindsmirror.methods.base import Method, Needs, VerdictRequest
from mindsmirror.methods.chosen import ChosenTargets, beside, choose_targets
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.methods.targets import not_empty, thinking_stage, usable
from mindsmirror.records import Annotation, Parse, SelfEvaluation, Stage, Tag, Target, Verdict, VerdictSource
from mindsmirror.tasks.base import Task

JUDGING_SHARE = 5 / 13
THINKING_SHARE = 8 / 13


class MindsMirrorSettings(ThinkingSettings):
    """Those of multi_cot, and how the judge is taught; `form = "published"` sets all but `verdict_weights`."""

    PUBLISHED: ClassVar[Mapping[str, object]] = {
        **ThinkingSettings.PUBLISHED,
        "select": "all",
        "check_critiques": False,
        "tags": "published",
        "judge_sees_question": False,
        "schedule": "sequential",
    }

    select: Select = Field(
        "verdict",
        description="which rationales are taught as thinking; the judge is always shown all of them. verdict: those "
        "that are right where the arm learns from gold, else those judged correct",
    )
    judge_alpha: float = Field(
        0.5, ge=0, le=1, description="weight of the verdict; 1 - judge_alpha of the critique; published: alpha for both"
    )
    critique: bool = Field(True, description="whether critiques are taught; if not, the judge learns verdicts only")
    check_critiques: bool = Field(
        True, description="leave out critiques that contradict the rationale or the verdict that they come with"
    )
    tags: Literal["distinct", "published"] = Field(
        "distinct", description="published: the judge is taught under predict and explain, too"
    )
    judge_sees_question: bool = Field(True, description="whether the judge is shown the question with the rationale")
    schedule: Literal["sequential", "replayed", "joint", "adapter"] = Field(
        "joint",
        description="sequential: judging, then thinking, as published; replayed: judging, then both; joint: both; "
        "adapter: thinking, then judging as a low-rank adapter over the thinker, which stays as it is",
    )
    adapter_rate: float = Field(
        5.0, gt=0, le=limits.LARGEST, description="factor of the learning rate for the judge as an adapter"
    )
    verdict_weights: Literal["counted", "even"] = Field(
        "counted",
        description="counted: a verdict weighs as often as the judge gave it; even: each verdict that occurs the same",
    )

    @classmethod
    def published(cls, values: Mapping[str, Any]) -> Mapping[str, object]:
        """One alpha for both of its stages."""
        return {**cls.PUBLISHED, "judge_alpha": values.get("alpha", cls.model_fields["alpha"].default)}

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
        if arm.schedule == "adapter":
            return (thinking, judging.model_copy(update={"adapter": True, "rate": arm.adapter_rate}))
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
        targets=beside(thinking.targets, judging.targets),
        task_weights=weights,
        share=share,
        dropped=Counter(judging.dropped) + Counter(thinking.dropped),
    )


def self_evaluation_stage(annotations: Sequence[Annotation], arm: MindsMirrorSettings) -> Stage:
    """Verdict and critique of every usable rationale, selected or not, in the proportion that `judge_alpha` sets."""

    def choose(annotation: Annotation, dropped: Counter[str]) -> Iterator[Target]:
        by_sample = {rationale.sample: rationale for rationale in usable(annotation, Counter())}
        question = annotation.example.text if arm.judge_sees_question else None
        for evaluation in annotation.evaluations:
            rationale = by_sample.get(evaluation.rationale)
            if rationale is None:
                dropped["evaluation: its rationale is not usable"] += 1
                continue
            shown = (annotation.example.id, question, rationale.written)
            # Nobody writes a critique of a student's own rationale.
            yield from _judging_targets(evaluation, shown, arm.critique and not annotation.own, arm, dropped)

    targets, dropped = choose_targets(annotations, choose)
    weights = {arm.verdict_tag: 1.0}
    if arm.critique:
        weights = {arm.verdict_tag: arm.judge_alpha, arm.critique_tag: 1 - arm.judge_alpha}
    stage = Stage(
        name="self_evaluation",
        targets=_weighted(targets, arm),
        task_weights=weights,
        share=JUDGING_SHARE,
        dropped=dropped,
    )
    return not_empty(stage, arm)


def _judging_targets(
    evaluation: SelfEvaluation,
    shown: tuple[str, str | None, str],
    criticised: bool,
    arm: MindsMirrorSettings,
    dropped: Counter[str],
) -> list[Target]:
    """Of one self-evaluation of what is shown: the example's id, its question or None, and the rationale."""
    example, question, rationale = shown
    if evaluation.verdict is Verdict.UNPARSED:
        dropped["evaluation: no verdict"] += 1
        return []
    judged = Target(
        tag=arm.verdict_tag,
        example=example,
        question=question,
        rationale=rationale,
        text=evaluation.verdict.value,
        ends=arm.form == "published",
    )
    fault = _critique_fault(evaluation, rationale, arm) if criticised else ""
    if fault:
        dropped[f"critique: {fault}"] += 1
    if fault or not criticised:
        return [judged]
    return [judged, judged.model_copy(update={"tag": arm.critique_tag, "text": evaluation.critique, "ends": True})]


def _critique_fault(evaluation: SelfEvaluation, shown: str, arm: MindsMirrorSettings) -> str:
    """Why a critique is not taught; empty if it is."""
    if evaluation.source is VerdictSource.LIKELIHOOD:
        return "a likelihood has none"
    if evaluation.parse is not Parse.OK:
        return evaluation.parse.value
    return fault_of(evaluation.critique, shown, evaluation.verdict) if arm.check_critiques else ""


def _weighted(targets: ChosenTargets, arm: MindsMirrorSettings) -> ChosenTargets:
    """The targets with their verdicts' weights as the arm wants them; critiques keep theirs."""
    if arm.verdict_weights == "counted":
        return targets
    sums: dict[str, float] = {}
    for target in targets:
        if target.tag is arm.verdict_tag:
            sums[target.text] = sums.get(target.text, 0.0) + target.weight
    even = sum(sums.values()) / max(1, len(sums))

    def evened(target: Target) -> Target:
        if target.tag is not arm.verdict_tag:
            return target
        return target.model_copy(update={"weight": target.weight * even / sums[target.text]})

    return targets.changed(evened)
