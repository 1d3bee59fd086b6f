"""Minds Mirror: distil the reasoning and the self-evaluation of a large language model into a small one.

    import mindsmirror
    report = mindsmirror.run("quickstart")

The public nouns are importable from here; they are looked up when they are used, so that importing the package
costs nothing. The command line has no power that this package lacks.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mindsmirror.system.threads import yield_while_waiting

if TYPE_CHECKING:
    from mindsmirror.annotation.imports.importing import import_annotations as import_annotations
    from mindsmirror.errors import MindsMirrorError as MindsMirrorError
    from mindsmirror.inference.question import Question as Question
    from mindsmirror.inference.question import Reply as Reply
    from mindsmirror.methods import ArmConfig as ArmConfig
    from mindsmirror.methods import read_arm as read_arm
    from mindsmirror.records import Annotation as Annotation
    from mindsmirror.records import Example as Example
    from mindsmirror.records import Prediction as Prediction
    from mindsmirror.records import Rationale as Rationale
    from mindsmirror.records import SelfEvaluation as SelfEvaluation
    from mindsmirror.records import Stage as Stage
    from mindsmirror.records import Target as Target
    from mindsmirror.records import Verdict as Verdict
    from mindsmirror.reporting.schema import Report as Report
    from mindsmirror.runs.export import export_annotations as export_annotations
    from mindsmirror.runs.export import export_lm_eval as export_lm_eval
    from mindsmirror.runs.export import export_student as export_student
    from mindsmirror.runs.opened import OpenRun as OpenRun
    from mindsmirror.runs.opened import open_run as open_run
    from mindsmirror.runs.pipeline import Pipeline as Pipeline
    from mindsmirror.runs.pipeline import run as run
    from mindsmirror.runs.recipe import Recipe as Recipe
    from mindsmirror.runs.recipe import make_recipe as make_recipe
    from mindsmirror.runs.recipe import read_recipe as read_recipe
    from mindsmirror.runs.student import TrainedStudent as TrainedStudent
    from mindsmirror.runs.student import load as load
    from mindsmirror.runs.use import ask as ask
    from mindsmirror.runs.use import evaluate_elsewhere as evaluate_elsewhere
    from mindsmirror.tasks import load_task as load_task

    __version__: str

_HOMES = {
    "mindsmirror.runs.use": ("ask", "evaluate_elsewhere"),
    "mindsmirror.runs.opened": ("OpenRun", "open_run"),
    "mindsmirror.runs.student": ("TrainedStudent", "load"),
    "mindsmirror.inference.question": ("Question", "Reply"),
    "mindsmirror.annotation.imports.importing": ("import_annotations",),
    "mindsmirror.runs.export": ("export_annotations", "export_lm_eval", "export_student"),
    "mindsmirror.errors": ("MindsMirrorError",),
    "mindsmirror.methods": ("ArmConfig", "read_arm"),
    "mindsmirror.runs.pipeline": ("Pipeline", "run"),
    "mindsmirror.runs.recipe": ("Recipe", "make_recipe", "read_recipe"),
    "mindsmirror.records": (
        "Annotation",
        "Example",
        "Prediction",
        "Rationale",
        "SelfEvaluation",
        "Stage",
        "Target",
        "Verdict",
    ),
    "mindsmirror.reporting.schema": ("Report",),
    "mindsmirror.tasks": ("load_task",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)  # noqa: PLE0605


# Before anything imports torch: how its threads wait is read when it is loaded.
yield_while_waiting()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("mindsmirror")
    if name not in _HOME:
        raise AttributeError(f"module 'mindsmirror' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
