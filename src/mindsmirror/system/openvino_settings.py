"""How OpenVINO computes on this machine's processor: the settings that every use of it has in common."""

import os
from typing import Any

LEAST_THREADS = 2
"""For bf16. With one thread OpenVINO 2026.4.1 divides by zero in its attention, and the process ends (docs/log.md)."""


def cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def openvino_settings() -> dict[str, Any]:
    """Properties of the device `CPU`; a fresh dictionary, which the caller may add to."""
    # A thread that is bound to a core waits for whatever else runs there (benchmarks/contention.py).
    settings: dict[str, Any] = {"ENABLE_CPU_PINNING": False}
    if cores() < LEAST_THREADS:
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    return settings
