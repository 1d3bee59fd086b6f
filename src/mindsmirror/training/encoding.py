"""A stage's targets as tokens: read one question after another, and kept as arrays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mindsmirror.errors import AnnotationError
from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.system.validation import explain
from mindsmirror.training.families import arranged, by_question
from mindsmirror.training.objectives.base import Objective
from mindsmirror.training.packed import PackedFamilies

TOO_LONG = "too long"


@dataclass(frozen=True)
class EncodedStage:
    """A stage's targets as tokens, by family, and those that were left out."""

    families: PackedFamilies
    lost: Mapping[str, int] = field(default_factory=dict)
    """Targets that were left out, by reason."""
    targets: int = 0
    """How many there were, with those that were left out."""


def encode(stage: Stage, objective: Objective, max_target: int) -> EncodedStage:
    """Tokenise a stage's targets; those longer than `max_target` tokens are left out and counted.

    So are those of which no token counts by the objective. Questions of which something is learnt without a rationale
    being shown come before those that are only judged. AnnotationError if nothing is left, or if a target has data
    that the objective does not know.
    """
    families = PackedFamilies()
    lost = Counter({TOO_LONG: 0, objective.weightless: 0})
    count = 0
    for targets in by_question(stage.targets):
        count += len(targets)
        rows = _rows(targets, stage, objective, max_target, lost)
        if rows:
            families.append(arranged(rows), behind=all(target.rationale is not None for target, _ in rows))
    if not families:
        raise AnnotationError(
            f"stage {stage.name!r} has nothing to learn: {sum(stage.dropped.values())} samples were dropped "
            f"{dict(stage.dropped)}, and of the targets, by reason: {dict(lost)}"
        )
    return EncodedStage(families, dict(lost), count)


def _rows(
    targets: Sequence[Target], stage: Stage, objective: Objective, max_target: int, lost: Counter[str]
) -> list[tuple[Target, TokenisedTarget]]:
    """Those of a question's targets that are learnt, each with its tokens."""
    student = objective.student
    # The k rationales of a question are learnt from one source.
    sources: dict[tuple[Tag, str | None, str | None], tuple[int, ...]] = {}
    rows = []
    for target in targets:
        if stage.task_weights.get(target.tag, 0.0) == 0.0:
            continue
        written = student.target(target.text)
        if not target.ends:
            # The end of sequence is the last token.
            written = written[:-1]
        if len(written) > max_target:
            lost[TOO_LONG] += 1
            continue
        kind, factors = objective.weigh(target, written, _data(target, stage, objective))
        if factors and not any(factors):
            lost[objective.weightless] += 1
            continue
        asked = (target.tag, target.question, target.rationale)
        read = sources[asked] if asked in sources else sources.setdefault(asked, student.source(*asked))
        rows.append((target, TokenisedTarget(target.example, target.tag, read, written, target.weight, factors, kind)))
    return rows


def _data(target: Target, stage: Stage, objective: Objective) -> Any:
    """A target's data in the objective's own type."""
    try:
        return objective.TargetData.model_validate(target.data)
    except ValidationError as error:
        fault = explain(error, objective.TargetData)
        raise AnnotationError(
            f"stage {stage.name!r}: a target's data, which {stage.objective!r} reads: {fault}"
        ) from error
