"""Which device, which precision, how much memory: told by one module, and the same for all who ask."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mindsmirror.errors import UnknownNameError
from mindsmirror.system import hardware

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Pretends that the machine has what is named."""

    def has(*, cuda: bool = False, mps: bool = False, bf16: bool = False, flags: str = "", mkldnn: bool = True) -> None:
        monkeypatch.delenv(hardware.VARIABLE, raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        # A GPU without bf16 emulates it, and says that it has it unless asked.
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or bf16
        )
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: mkldnn)
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"flags\t\t: fpu sse2 {flags}\n")

    return has


def test_a_gpu_is_taken_before_the_processor_unless_the_environment_says_otherwise(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine()
    assert hardware.device() == "cpu"
    machine(mps=True)
    assert hardware.device() == "mps"
    machine(cuda=True, mps=True)
    assert hardware.device() == "cuda"
    monkeypatch.setenv(hardware.VARIABLE, "cpu")
    assert hardware.device() == "cpu"


def test_a_device_that_the_machine_lacks_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine()
    monkeypatch.setenv(hardware.VARIABLE, "cuda")
    with pytest.raises(UnknownNameError, match=r"MINDSMIRROR_DEVICE\) is called 'cuda'.*There are: cpu\."):
        hardware.device()


@pytest.mark.parametrize(
    ("has", "bf16"),
    [
        ({}, False),
        ({"flags": "avx512f avx512_bf16"}, True),
        ({"flags": "avx512f amx_bf16"}, True),
        ({"flags": "asimd bf16"}, True),
        ({"flags": "avx512f avx512_bf16", "mkldnn": False}, False),
        ({"flags": "avx512_bf16_emulated"}, False),
        ({"cuda": True, "bf16": True}, True),
        ({"cuda": True, "flags": "avx512_bf16"}, False),
        ({"mps": True, "flags": "bf16"}, False),
    ],
)
def test_bf16_where_the_device_has_it_in_hardware(has: dict[str, Any], bf16: bool, machine: Machine) -> None:
    machine(**has)
    assert hardware.has_bf16() is bf16
    assert [hardware.use_bf16(precision) for precision in ("auto", "bf16", "fp32")] == [bf16, True, False]
    assert hardware.dtype("auto") == (torch.bfloat16 if bf16 else torch.float32)


def test_free_memory_is_that_of_the_machine() -> None:
    free = hardware.free_memory()
    assert free is not None and 2**24 < free < 2**50


def test_the_memory_that_counts_is_that_of_the_device(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(cuda=True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (5, 9))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    assert (hardware.free_device_memory(), hardware.peak_device_memory()) == (5, 7)
    machine()
    assert hardware.peak_device_memory() is None


def test_the_machine_is_described_without_torch() -> None:
    script = "import sys; from mindsmirror.system.hardware import machine; print(machine(), 'torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "cores" in ended.stdout and ended.stdout.strip().endswith("False")
