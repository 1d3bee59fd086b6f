"""What the machine computes with: in which precision matrix products run, and what it is good at."""

from pathlib import Path


def use_bf16(precision: str) -> bool:
    """Whether matrix products run in bf16: as asked, or where the processor has instructions for it."""
    import torch

    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bf16_processor()


def bf16_processor() -> bool:
    """Whether this processor multiplies bf16 in hardware (AVX-512 BF16 or AMX)."""
    import torch

    capabilities = getattr(torch.backends.cpu, "get_cpu_capability", str)()
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "AVX512" in capabilities and ("avx512_bf16" in flags or "amx_bf16" in flags)
