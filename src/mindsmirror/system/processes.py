"""Which processes are alive: a lease or a half-written file counts only while its process lives.

A process is identified by its machine, its number and its start time, because numbers are reused.
"""

import os
import platform
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Process(NamedTuple):
    """A process, described so that any other can tell whether it is still alive."""

    host: str
    """Machine, boot and name space of process numbers: equal where numbers mean the same."""
    pid: int
    started: str
    """As the kernel tells it; empty where it does not."""


def this_process() -> Process:
    """The calling process; not to be kept over a fork."""
    pid = os.getpid()
    return Process(_host(), pid, _started(pid) or "")


def lives(process: Process) -> bool | None:
    """Whether a process lives; None if it is on another machine, so nobody here can tell."""
    if process.host != _host():
        return None
    return pid_lives(process.pid, process.started)


def pid_lives(pid: int, started: str = "") -> bool:
    """Whether a process of this machine lives, and is the one that started then.

    One that has ended and was not yet waited for is dead.
    """
    if pid <= 0:
        return False
    if _tells():
        found = _started(pid)
        return found is not None and started in ("", found)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the machine did; None if it is dead or nothing tells."""
    try:
        # The name, in brackets, may hold anything; what follows are numbers, but for the state.
        state, *numbers = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in (b"Z", b"X") else numbers[18].decode()


@cache
def _tells() -> bool:
    return (PROC / "self" / "stat").exists()


@cache
def _host() -> str:
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = str((PROC / "self/ns/pid").readlink())
    except OSError:
        boot = space = ""
    return f"{platform.node()} {boot} {space}".strip()
