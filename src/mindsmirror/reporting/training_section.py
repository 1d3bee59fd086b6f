"""What training took: each arm's stages added up, and in which units the arms of a run are equal."""

from collections.abc import Mapping, Sequence
from typing import Any

from mindsmirror.reporting.schema import ArmResult, StageReport, TrainingReport

UNITS = ("steps", "rows", "tokens", "target_tokens", "computed_tokens", "flops")
"""What can be equal between arms, as the plan counts it."""
PEAKS = ("peak_memory", "peak_device_memory")


def training_report(stages: Sequence[Mapping[str, Any]]) -> TrainingReport | None:
    """The reports of an arm's stages as one; None if there are none. A count that a stage lacks is None."""
    if not stages:
        return None
    last = stages[-1]
    score = last["selected_score"]
    whole = {unit: _sum([stage.get(unit) for stage in stages]) for unit in UNITS}
    return TrainingReport.model_validate(
        {
            **whole,
            "planned_steps": _sum([stage.get("planned_steps") for stage in stages]),
            "seconds": round(sum(stage["seconds"] for stage in stages), 1),
            "tokens_per_second": _pace(stages),
            **{key: _most([stage.get(key) for stage in stages]) for key in PEAKS},
            "selected_step": last["selected_step"],
            "valid_accuracy": None if score is None else min(1.0, max(0.0, round(score, 6))),
            "stages": tuple(_stage_report(stage) for stage in stages),
        }
    )


def trained_arms(arms: Sequence[ArmResult]) -> list[ArmResult]:
    """One result for each arm and seed that was trained: its modes share the training."""
    once = {(arm.name, arm.seed): arm for arm in reversed(arms) if arm.training is not None}
    return list(reversed(once.values()))


def spread(trained: Sequence[ArmResult]) -> dict[str, float]:
    """How many times as much as the least the most of the trained arms took, by unit: 1 where all took the same.

    Empty for fewer than two arms; a unit that was not counted in all of them, or not at all, is absent.
    """
    reports = [arm.training for arm in trained if arm.training is not None]
    if len(reports) < 2:
        return {}
    counts = {unit: [getattr(report, unit) for report in reports] for unit in UNITS}
    return {unit: max(found) / min(found) for unit, found in counts.items() if all(found)}


def _stage_report(stage: Mapping[str, Any]) -> StageReport:
    known = {key: stage.get(key) for key in (*UNITS, "planned_steps", "tokens_per_second", *PEAKS)}
    return StageReport.model_validate({"stage": stage.get("stage", ""), "seconds": stage["seconds"], **known})


def _pace(stages: Sequence[Mapping[str, Any]]) -> float | None:
    """Tokens a second of all stages together; a stage that nothing is known of is left out."""
    known = [stage for stage in stages if stage.get("tokens_per_second") and stage.get("computed_tokens")]
    seconds = sum(stage["computed_tokens"] / stage["tokens_per_second"] for stage in known)
    return round(sum(stage["computed_tokens"] for stage in known) / seconds, 1) if known else None


def _most(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _sum(counts: Sequence[int | None]) -> int | None:
    """None where one of them was not counted."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
