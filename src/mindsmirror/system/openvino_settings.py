"""How OpenVINO computes on this machine's processor: the settings that every use of it has in common."""

import os
from typing import Any

from mindsmirror.system import hardware

LEAST_THREADS = 2
"""For bf16. With one thread OpenVINO 2026.4.1 divides by zero in its attention, and the process ends (docs/log.md)."""


def bears_bf16() -> bool:
    """Whether this process may run on as many cores as OpenVINO's bf16 needs threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores >= LEAST_THREADS


def replaces_pytorch(precision: str) -> bool:
    """Whether OpenVINO may compute here what PyTorch else does: on a processor, unless fp32 is asked for.

    Its graphs of students have 16 bits a weight (students/compiled.py).
    """
    return precision != "fp32" and hardware.device() == "cpu"


def openvino_settings() -> dict[str, Any]:
    """Properties of the device `CPU`; a fresh dictionary, which the caller may add to."""
    # A thread that is bound to a core waits for whatever else runs there (benchmarks/contention.py).
    settings: dict[str, Any] = {"ENABLE_CPU_PINNING": False}
    if not bears_bf16():
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    return settings
