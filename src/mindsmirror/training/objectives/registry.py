"""Objectives by name: the built-in ones, and those of other packages (entry points of `mindsmirror.objectives`)."""

from pydantic import ValidationError

from mindsmirror.errors import AnnotationError
from mindsmirror.records import Stage
from mindsmirror.students.base import Student
from mindsmirror.system.plugins import Registry
from mindsmirror.system.validation import explain
from mindsmirror.training.objectives.base import Objective

BUILT_IN = {
    "likelihood": "mindsmirror.training.objectives.likelihood:Likelihood",
    "edit": "mindsmirror.training.objectives.edit:EditObjective",
    "dynsdpb": "mindsmirror.training.objectives.dynsdpb:DynSDPBObjective",
}
OBJECTIVES: Registry[Objective] = Registry("objective", "mindsmirror.objectives", Objective, BUILT_IN)


def objective_of(stage: Stage, student: Student) -> Objective:
    """The objective that a stage names, for one student.

    Raises UnknownNameError if there is none of that name, AnnotationError if its parameters are wrong: a method made
    them, so no key of a recipe can be named.
    """
    kind = OBJECTIVES.named(stage.objective)
    try:
        parameters = kind.Parameters.model_validate(stage.parameters)
    except ValidationError as error:
        fault = explain(error, kind.Parameters)
        raise AnnotationError(
            f"stage {stage.name!r}: parameters of the objective {stage.objective!r}: {fault}"
        ) from error
    return kind(student, parameters)
