"""Device, precision and memory: what the training will run on, and whether it fits, roughly."""

import os
from collections.abc import Iterator
from pathlib import Path

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, warning

CHECK = "machine"
TRAINED, FROZEN = 16, 4
"""Bytes a parameter: weight, gradient and two moments in fp32; the weight alone under LoRA."""
PROCESS = 2**30
"""Bytes of the process itself, with torch loaded."""
ACTIVATIONS = 1.5
"""What a batch adds, as a factor: a guess, for it depends on batch_tokens and on what is read."""


def check(case: Case) -> Iterator[Finding]:
    """Nothing here is exact but the device."""
    import torch

    from mindsmirror.system.hardware import bf16_processor, use_bf16

    precision = case.recipe.training.precision
    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else f"processor, {torch.get_num_threads()} threads"
    products = "bf16" if use_bf16(precision) else "fp32"
    yield ok(CHECK, f"Training runs on: {device}; matrix products in {products}.", device=device, products=products)
    has_bf16 = torch.cuda.is_bf16_supported() if gpu else bf16_processor()
    if precision == "bf16" and not has_bf16:
        text = "training.precision is bf16, but this machine has no bf16 instructions: it would be slower than fp32."
        yield warning(CHECK, text, 'Set it to "auto".')
    if case.student is None:
        return
    free = torch.cuda.mem_get_info()[0] if gpu else free_memory()
    need = memory_needed(case.student.parameters, case.recipe.student.adapter) - (PROCESS if gpu else 0)
    if free is None:
        return
    text = f"Training takes about {_gib(need)} of memory; {_gib(free)} are free."
    if need > free:
        advice = 'Choose a smaller student, set student.adapter = "lora", or stop other programs.'
        yield warning(CHECK, text, advice, needed=need, free=free)
    else:
        yield ok(CHECK, text, needed=need, free=free)


def memory_needed(parameters: int, adapter: str) -> int:
    """Bytes that training a student of so many parameters takes, about."""
    return int(ACTIVATIONS * parameters * (TRAINED if adapter == "none" else FROZEN)) + PROCESS


def free_memory() -> int | None:
    """Bytes that this process can have without swapping, in its container if it is in one; None if unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        except (OSError, ValueError):
            return None
    try:
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):
        return free
    return min(free, max(0, limit - used))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
