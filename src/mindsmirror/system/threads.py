"""How waiting threads behave: they sleep, so that other processes can use the processor.

PyTorch's threads (GNU OpenMP) spin when they wait. Beside a busy process a thread that should compute then waits for
one that spins, and training becomes several times slower than its share of the machine (docs/benchmarks.md,
`benchmarks/contention.py`). OpenMP reads its settings when it is loaded, so they must be made before torch is imported.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SPINS = "500"
"""Turns of the loop in which a waiting thread spins before it sleeps. With none a quiet machine loses a tenth of its
speed, with the default a busy one loses half; with 500 training loses neither (docs/benchmarks.md)."""
CHOSEN_BY_USER = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def yield_while_waiting() -> None:
    """Let waiting threads of PyTorch sleep, unless the environment says how they are to wait."""
    if not any(name in os.environ for name in CHOSEN_BY_USER):
        os.environ["GOMP_SPINCOUNT"] = SPINS


@contextmanager
def half_the_threads() -> Iterator[None]:
    """Inside, PyTorch computes in half of its threads, at least in one.

    Operations on a few dozen tokens take no longer in one thread of two, and beside a busy process each of thousands
    waits for the other thread to be woken (docs/benchmarks.md, `benchmarks/judge_training.py`).
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
