"""Device, precision and memory: what training will run on, and roughly whether it fits."""

from collections.abc import Iterator

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, ok, warning
from mindsmirror.system import hardware

CHECK = "machine"
TRAINED, FROZEN = 16, 4
"""Bytes a parameter: weight, gradient and two moments in fp32; the weight alone under LoRA."""
PROCESS = 2**30
"""Bytes of the process itself, with torch loaded."""
ACTIVATIONS = 1.5
"""What a batch adds, as a factor: a guess, for it depends on batch_tokens and on what is read."""


def check(case: Case) -> Iterator[Finding]:
    """The device, which is exact, and an estimate of the memory."""
    precision, on_gpu = case.recipe.training.precision, hardware.device() != "cpu"
    device, products = hardware.describe_device(), "bf16" if hardware.use_bf16(precision) else "fp32"
    yield ok(CHECK, f"Training runs on: {device}; matrix products in {products}.", device=device, products=products)
    if precision == "bf16" and not hardware.has_bf16():
        text = "training.precision is bf16, but this machine has no bf16 instructions: it would be slower than fp32."
        yield warning(CHECK, text, 'Set it to "auto".')
    if case.student is None:
        return
    free = hardware.free_device_memory()
    need = memory_needed(case.student.parameters, case.recipe.student.adapter) - (PROCESS if on_gpu else 0)
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


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
