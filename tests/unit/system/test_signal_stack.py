"""A thread has its stack for signals back after something has changed it."""

import ctypes
import mmap
import sys

import pytest

from mindsmirror.system.signal_stack import _Stack, signal_stack_kept


def current() -> tuple[int | None, int]:
    stack = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack.place, stack.flags


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux needs it")
@pytest.mark.parametrize("fails", [False, True])
def test_what_was_changed_inside_is_as_before(fails: bool) -> None:
    before = current()
    room = mmap.mmap(-1, 1 << 16)
    other = _Stack(ctypes.addressof(ctypes.c_char.from_buffer(room)), 0, len(room))
    try:
        with signal_stack_kept():
            assert ctypes.CDLL(None).sigaltstack(ctypes.byref(other), None) == 0
            assert current() == (other.place, 0) != before
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    assert current() == before
