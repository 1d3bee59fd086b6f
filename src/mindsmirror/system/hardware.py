"""The machine: on which device models compute, in which precision, how much memory there is, and what it is called.

Every room asks here, so that training, evaluation, `ask`, the engines, the doctor and the benchmarks agree. Torch is
imported inside functions: who only needs the machine's description does not load it.
"""

import os
import platform
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mindsmirror.errors import UnknownNameError

if TYPE_CHECKING:
    import torch

VARIABLE = "MINDSMIRROR_DEVICE"
"""Environment variable that names the device: `cpu` keeps models off a GPU."""
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""What /proc/cpuinfo calls instructions for bf16: two of x86, one of ARM."""


def device() -> str:
    """Where models compute: `cuda` if there is a GPU, `mps` on a Mac that has one, else `cpu`.

    With several processes on several GPUs, `cuda` is the one that Accelerate gave this process.
    Raises UnknownNameError if the environment variable names a device that this machine does not have.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    found = [name for name, has in there.items() if has]
    named = os.environ.get(VARIABLE)
    if named and named not in found:
        raise UnknownNameError(f"device of this machine ({VARIABLE})", named, found)
    return named or found[0]


def describe_device() -> str:
    """The device in words: the GPU's name, or the processor with its number of threads."""
    import torch

    if device() == "cuda":
        return torch.cuda.get_device_name()
    return "Apple GPU" if device() == "mps" else f"processor, {torch.get_num_threads()} threads"


def has_bf16() -> bool:
    """Whether the device multiplies bf16 in hardware; emulation, which is slower than fp32, does not count."""
    import torch

    if device() == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device() == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _processor_has_bf16()


def use_bf16(precision: str) -> bool:
    """Whether matrix products run in bf16: as asked (`fp32`, `bf16`), or (`auto`) where the device has bf16."""
    return has_bf16() if precision == "auto" else precision == "bf16"


def dtype(precision: str) -> "torch.dtype":
    """The type of the weights of a model that is only asked: bfloat16 or float32, by `use_bf16`."""
    import torch

    return torch.bfloat16 if use_bf16(precision) else torch.float32


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


def free_device_memory() -> int | None:
    """Bytes that are free where models compute: of the GPU, or of the machine if the two share one memory."""
    import torch

    return int(torch.cuda.mem_get_info()[0]) if device() == "cuda" else free_memory()


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes.

    It cannot be reset: the system keeps one mark for the whole process, and others may read it too.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    # Bytes on macOS, kibibytes elsewhere.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_device_memory() -> int | None:
    """The most memory that tensors held on the GPU since `reset_peak`, in bytes; None where nobody counts it."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if device() == "cuda" else None


def reset_peak() -> None:
    """Let the GPU's peak begin anew."""
    import torch

    if device() == "cuda":
        torch.cuda.reset_peak_memory_stats()


def machine() -> str:
    """Processor, cores and memory in a few words."""
    name = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (OSError, ValueError):
        memory = ""
    return f"{name}, {os.cpu_count()} cores{memory}, {platform.system()}, Python {platform.python_version()}"


def _processor_has_bf16() -> bool:
    try:
        return not BF16_FLAGS.isdisjoint(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
