"""Methods by name: the built-in ones, and those of other packages (entry points of the group `mindsmirror.methods`)."""

from typing import Any

from mindsmirror.methods.base import Method
from mindsmirror.system.plugins import Registry

BUILT_IN = {
    "standard": "mindsmirror.methods.standard:Standard",
    "step_by_step": "mindsmirror.methods.step_by_step:StepByStep",
    "multi_cot": "mindsmirror.methods.multi_cot:MultiCoT",
    "minds_mirror": "mindsmirror.methods.minds_mirror:MindsMirror",
    "fine_tune_cot": "mindsmirror.methods.fine_tune_cot:FineTuneCoT",
    "edit": "mindsmirror.methods.edit:Edit",
    "dynsdpb": "mindsmirror.methods.dynsdpb:DynSDPB",
}
METHODS: Registry[Method[Any]] = Registry("method", "mindsmirror.methods", Method, BUILT_IN)


def method_names() -> tuple[str, ...]:
    """Every method that is installed."""
    return METHODS.names()


def method_named(name: str) -> Method[Any]:
    """The method of that name; raises UnknownNameError with what exists."""
    return METHODS.named(name)()
