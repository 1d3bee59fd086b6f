"""A process that halts by itself at a moment of its work that a test names: nobody has to catch it in passing.

What a command leaves on the disk changes only where it opens, makes, moves or deletes a file. Python tells its audit
hooks of each of these before it happens, so a hook can stop the process there, however fast or slow the machine is.
"""

import os
import sys
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

CHANGES = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"})
"""Of https://docs.python.org/3/library/audit_events.html; `os.replace` is told of as `os.rename`."""


@dataclass(frozen=True)
class Moment:
    """The moment before a change of the folder in which a command runs.

    It is the first time that a file or folder is made, written, moved or deleted whose path matches `pattern` (as
    `fnmatch` has it, relative to that folder), and `later` such changes of anything after it.
    """

    pattern: str
    later: int = 0


def halt(moment: Moment, halted: Path) -> None:
    """Stop this process for good at a moment, once `halted` is written; only a signal ends it then."""
    sys.addaudithook(_Hook(moment, halted, Path.cwd()))


class _Hook:
    def __init__(self, moment: Moment, halted: Path, folder: Path) -> None:
        self._pattern, self._left = moment.pattern, moment.later
        self._halted, self._folder = halted, folder
        self._begun = self._over = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._over or event not in CHANGES or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        paths = [path for path in map(self._inside, arguments[: 2 if event == "os.rename" else 1]) if path]
        if not paths:
            return
        if self._begun:
            self._left -= 1
        else:
            self._begun = any(fnmatch(path, self._pattern) for path in paths)
        if self._begun and self._left <= 0:
            self._over = True
            self._halted.touch()
            while True:
                time.sleep(60)

    def _inside(self, path: object) -> str:
        """The path relative to the folder; empty if it is none, or lies elsewhere."""
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        whole = self._folder / os.fsdecode(path)
        return str(whole.relative_to(self._folder)) if whole.is_relative_to(self._folder) else ""
