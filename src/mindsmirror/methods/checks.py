"""Whether annotations, planned or made, hold what the arms need of them: asked before anything is paid for."""

from collections import Counter
from collections.abc import Sequence

from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.methods.base import ArmConfig
from mindsmirror.methods.registry import method_named
from mindsmirror.records import Annotation, CalibrationTarget, DualKind, VerdictSource


def check_needs(
    arm: ArmConfig,
    rationales: int,
    evaluations: int,
    where: str = "the recipe",
    *,
    rectified: int = 0,
    corrupted: int = 0,
    teachers: int = 1,
) -> None:
    """Raise AnnotationError if the annotation lacks what the arm's method, or one of its settings, needs.

    `where` names what has so many rationales a question, evaluations and duals a rationale, and teachers that wrote
    them. RecipeError if the method keeps what is right by gold and the arm learns the teacher's labels.
    """
    method = method_named(arm.method)
    by_method = f"method {arm.method!r}"
    if method.needs.gold and arm.labels == "teacher":
        raise RecipeError(
            f"arm {arm.name!r}: {by_method} keeps the rationales that are right by gold. "
            'Set labels = "gold", in every arm that is compared with it.'
        )
    for by, needs in {by_method: method.needs, **arm.needs}.items():
        for key, have, need in (
            ("rationales", rationales, needs.rationales),
            ("self_evaluations", evaluations, needs.evaluations),
            ("rectified", rectified, needs.rectified),
            ("corrupted", corrupted, needs.corrupted),
        ):
            if have < need:
                raise AnnotationError(f"arm {arm.name!r}: {by} needs [annotation] {key} >= {need}, {where} has {have}.")
        if teachers < needs.teachers:
            raise AnnotationError(
                f"arm {arm.name!r}: {by} needs the rationales of {needs.teachers} teachers, {where} has "
                f"those of {teachers}. Name them in [annotation] teachers, such as "
                f"{list(range(needs.teachers))} for the first {needs.teachers}."
            )


def check_ready(arms: Sequence[ArmConfig], annotations: Sequence[Annotation], where: str) -> None:
    """Raise AnnotationError if annotations that are there already lack what an arm needs.

    k and m are the most rationales that a question has and the most evaluations that a rationale has. Duals there
    must be at all: of which kind follows from how many rationales are right.
    """
    rationales = max(len(annotation.rationales) for annotation in annotations)
    evaluations = max((max(_evaluations(annotation), default=0) for annotation in annotations), default=0)
    duals = {kind: max(_duals(annotation, kind) for annotation in annotations) for kind in DualKind}
    if any(duals.values()):
        # A teacher that is never wrong leaves nothing to rectify.
        duals = {kind: max(1, count) for kind, count in duals.items()}
    teachers = {rationale.teacher for annotation in annotations for rationale in annotation.rationales}
    informed = any(
        e.source is VerdictSource.INFORMED or e.calibration is CalibrationTarget.GOLD
        for annotation in annotations
        for e in annotation.evaluations
    )
    for arm in arms:
        check_needs(
            arm,
            rationales,
            evaluations,
            where,
            rectified=duals[DualKind.RECTIFIED],
            corrupted=duals[DualKind.CORRUPTED],
            teachers=len(teachers),
        )
        if informed and arm.labels != "gold":
            raise AnnotationError(
                f'arm {arm.name!r}: verdicts in {where} come from gold, so every arm needs labels = "gold". Otherwise '
                "arms that learn from gold would be compared with arms that do not."
            )


def _evaluations(annotation: Annotation) -> list[int]:
    """How often each of the rationales that were judged was."""
    return list(Counter(evaluation.rationale for evaluation in annotation.evaluations).values())


def _duals(annotation: Annotation, kind: DualKind) -> int:
    """The most duals of one kind that one of the rationales has."""
    return max(Counter(dual.of for dual in annotation.duals if dual.kind is kind).values(), default=0)
