"""What is learnt, and in which order: one file a paper.

A new built-in method is one file in this room, with its settings, and a line in `registry.BUILT_IN`. Another package
adds one by an entry point of the group `mindsmirror.methods` (docs/methods.md).
"""

from mindsmirror.methods.arms import Arm, read_arm
from mindsmirror.methods.base import ArmConfig, Method, Needs, VerdictRequest
from mindsmirror.methods.checks import check_needs, check_ready
from mindsmirror.methods.registry import BUILT_IN, method_named, method_names

__all__ = [
    "BUILT_IN",
    "Arm",
    "ArmConfig",
    "Method",
    "Needs",
    "VerdictRequest",
    "check_needs",
    "check_ready",
    "method_named",
    "method_names",
    "read_arm",
]
