"""Keeps the stack on which a thread handles signals, which OpenVINO changes and takes away.

OpenVINO's plugin for processors gives the thread that loads it another stack for signals. When the plugin is unloaded,
the memory of that stack is freed, and the thread may be left with it. Python handles signals there, so the next Ctrl-C
would end the process with a segmentation fault (seen with OpenVINO 2026.4.1).
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """`stack_t` of Linux."""

    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Afterwards this thread handles signals on the stack on which it did before, whatever was loaded meanwhile."""
    if sys.platform != "linux":
        yield
        return
    system = ctypes.CDLL(None)
    before = _Stack()
    system.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        system.sigaltstack(ctypes.byref(before), None)
