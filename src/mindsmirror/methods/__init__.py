"""What is learnt, and in which order: one file a paper.

A method is found by name here or among the entry points of the group `mindsmirror.methods`, so that another
package can add one. A new built-in method is one file in this room and its name in `BUILT_IN`.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import entry_points

from mindsmirror.errors import AnnotationError, RecipeError, UnknownNameError
from mindsmirror.methods.base import ArmConfig, Method, Needs
from mindsmirror.methods.dynsdpb import DynSDPB
from mindsmirror.methods.edit import Edit
from mindsmirror.methods.fine_tune_cot import FineTuneCoT
from mindsmirror.methods.minds_mirror import MindsMirror
from mindsmirror.methods.multi_cot import MultiCoT
from mindsmirror.methods.standard import Standard
from mindsmirror.methods.step_by_step import StepByStep
from mindsmirror.records import Annotation, CalibrationTarget, DualKind, VerdictSource

__all__ = ["ArmConfig", "Method", "Needs", "check_needs", "check_ready", "method_named", "method_names"]

GROUP = "mindsmirror.methods"
BUILT_IN: dict[str, Method] = {
    "standard": Standard(),
    "step_by_step": StepByStep(),
    "multi_cot": MultiCoT(),
    "minds_mirror": MindsMirror(),
    "fine_tune_cot": FineTuneCoT(),
    "edit": Edit(),
    "dynsdpb": DynSDPB(),
}
OWN_SETTINGS = {"unlikelihood": "edit", "agreement": "dynsdpb"}
"""Settings of an arm that one of the built-in methods reads; those of other packages may read any."""
BY_VERDICTS = ("step_by_step", "multi_cot", "minds_mirror", "dynsdpb")
"""The built-in methods that can weigh rationales by their verdicts: those that do not choose them by gold."""


def method_names() -> tuple[str, ...]:
    """Every method that is installed."""
    return tuple(BUILT_IN) + tuple(point.name for point in entry_points(group=GROUP))


def method_named(name: str) -> Method:
    """The method of that name; raises UnknownNameError with what exists."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    for point in entry_points(group=GROUP):
        if point.name == name:
            found: Method = point.load()()
            return found
    raise UnknownNameError("method", name, method_names())


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
    """Raise AnnotationError if the annotation lacks what the arm's method, or its selection, needs.

    `where` names what has so many rationales a question, evaluations and duals a rationale, and teachers that wrote
    them. RecipeError for settings that say nothing of what the arm learns, or contradict it.
    """
    method = method_named(arm.method)
    _check_settings(arm, method)
    by_method, chosen, weighed = (
        f"method {arm.method!r}",
        f"select = {arm.select!r}",
        f"rationale_weights = {arm.rationale_weights!r}",
    )
    for by, key, have, need in (
        (by_method, "rationales", rationales, method.needs.rationales),
        (by_method, "self_evaluations", evaluations, method.needs.evaluations),
        (by_method, "rectified", rectified, method.needs.rectified),
        (by_method, "corrupted", corrupted, method.needs.corrupted),
        (chosen, "rationales", rationales, 2 if arm.select == "majority" else 0),
        (chosen, "self_evaluations", evaluations, 1 if arm.select == "judged_correct" else 0),
        (weighed, "self_evaluations", evaluations, 1 if arm.rationale_weights == "verdicts" else 0),
    ):
        if have < need:
            raise AnnotationError(f"arm {arm.name!r}: {by} needs [annotation] {key} >= {need}, {where} has {have}.")
    if teachers < method.needs.teachers:
        raise AnnotationError(
            f"arm {arm.name!r}: {by_method} needs the rationales of {method.needs.teachers} teachers, {where} has "
            f"those of {teachers}. Name them in [annotation] teachers, such as "
            f"{list(range(method.needs.teachers))} for the first {method.needs.teachers}."
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
                f'arm {arm.name!r}: verdicts in {where} come from gold, so every arm needs labels = "gold", '
                "or arms that are compared would not know the same."
            )


def _evaluations(annotation: Annotation) -> list[int]:
    """How often each of the rationales that were judged was."""
    return list(Counter(evaluation.rationale for evaluation in annotation.evaluations).values())


def _duals(annotation: Annotation, kind: DualKind) -> int:
    """The most duals of one kind that one of the rationales has."""
    return max(Counter(dual.of for dual in annotation.duals if dual.kind is kind).values(), default=0)


def _check_settings(arm: ArmConfig, method: Method) -> None:
    if not method.thinks and (arm.select != "all" or arm.distinct is not None):
        raise RecipeError(
            f"arm {arm.name!r}: method {arm.method!r} learns no rationales, so there is nothing to select. "
            "Remove select and distinct, or choose another method."
        )
    if not method.judges and arm.verdict_weights != "counted":
        raise RecipeError(
            f"arm {arm.name!r}: method {arm.method!r} learns no verdicts, so there is nothing to weigh. "
            "Remove verdict_weights, or choose another method."
        )
    for setting, reader in OWN_SETTINGS.items():
        if setting in arm.model_fields_set and arm.method in BUILT_IN and arm.method != reader:
            raise RecipeError(
                f"arm {arm.name!r}: {setting} is a setting of method {reader!r}, method {arm.method!r} does not read "
                "it. Remove it."
            )
    if arm.rationale_weights != "even" and arm.method in BUILT_IN and arm.method not in BY_VERDICTS:
        raise RecipeError(
            f"arm {arm.name!r}: method {arm.method!r} weighs no rationales by their verdicts. Remove "
            f"rationale_weights, or choose one of {', '.join(BY_VERDICTS)}."
        )
    if method.needs.gold and (arm.labels == "teacher" or arm.select not in ("all", "right")):
        raise RecipeError(
            f"arm {arm.name!r}: method {arm.method!r} keeps the rationales that are right by gold. "
            'Set labels = "gold", in every arm that is compared with it, and remove select.'
        )
    if not method.answers and arm.rationale_target != "with_answer":
        raise RecipeError(
            f"arm {arm.name!r}: method {arm.method!r} learns no answer but the one that ends a rationale. "
            'Set rationale_target = "with_answer", or choose another method.'
        )
