"""What training took: each arm's stages added up, and in which units the arms of a run are equal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mindsmirror.reflection.result import DrawResult
from mindsmirror.reporting.schema import ArmResult, ReflectionReport, StageReport, TrainingReport
from mindsmirror.training.result import StageResult

UNITS = ("steps", "rows", "tokens", "target_tokens", "computed_tokens", "flops")
"""What can be equal between arms, as the plan counts it."""


@dataclass(frozen=True)
class Round:
    """One student of a round of reflection: how it was trained, and what it wrote."""

    number: int
    stages: Sequence[StageResult]
    written: DrawResult


def training_report(stages: Sequence[StageResult], rounds: Sequence[Round] = ()) -> TrainingReport | None:
    """The stages of an arm as one, those of its rounds of reflection first; None if there are none."""
    if not stages:
        return None
    # The checkpoint of the weights that answer; an adapter over them has none to choose.
    last = next((stage for stage in reversed(stages) if stage.selected_score is not None), stages[-1])
    before = [
        stage.model_copy(update={"stage": f"round {each.number}: {stage.stage}"})
        for each in rounds
        for stage in each.stages
    ]
    stages = [*before, *stages]
    units = {unit: sum(getattr(stage, unit) for stage in stages) for unit in UNITS}
    units["flops"] += sum(each.written.flops for each in rounds)
    return TrainingReport(
        **units,
        planned_steps=sum(stage.planned_steps for stage in stages),
        torn=sum(stage.torn for stage in stages),
        seconds=round(sum(stage.seconds for stage in stages), 1),
        tokens_per_second=_tokens_per_second(stages),
        peak_memory=_most(stage.peak_memory for stage in stages),
        peak_device_memory=_most(stage.peak_device_memory for stage in stages),
        selected_step=last.selected_step,
        valid_accuracy=last.selected_score,
        stages=tuple(_stage_report(stage) for stage in stages),
        reflection=tuple(_reflection_report(each) for each in rounds),
    )


def trained_arms(arms: Sequence[ArmResult]) -> list[ArmResult]:
    """One result for each arm and seed that was trained: its modes share the training."""
    once = {(arm.name, arm.seed): arm for arm in reversed(arms) if arm.training is not None}
    return list(reversed(once.values()))


def spread(trained: Sequence[ArmResult]) -> dict[str, float]:
    """How many times as much as the least the most of the trained arms took, by unit: 1 where all took the same.

    Empty for fewer than two arms; a unit of which an arm took nothing is absent.
    """
    reports = [arm.training for arm in trained if arm.training is not None]
    if len(reports) < 2:
        return {}
    counts = {unit: [getattr(report, unit) for report in reports] for unit in UNITS}
    return {unit: max(found) / min(found) for unit, found in counts.items() if all(found)}


def _reflection_report(each: Round) -> ReflectionReport:
    said = each.written.model_dump(exclude={"student"})
    return ReflectionReport(round=each.number, **said)


def _stage_report(stage: StageResult) -> StageReport:
    return StageReport.model_validate({name: getattr(stage, name) for name in StageReport.model_fields})


def _tokens_per_second(stages: Sequence[StageResult]) -> float | None:
    """Of all stages together; a stage whose speed is not known is left out."""
    known = [(stage.computed_tokens, stage.tokens_per_second) for stage in stages if stage.tokens_per_second]
    seconds = sum(tokens / speed for tokens, speed in known)
    return round(sum(tokens for tokens, _ in known) / seconds, 1) if seconds else None


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
