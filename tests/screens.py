"""A real pseudo-terminal to write to, and what a person would see on it."""

import os
import pty
import re
import select
import termios
import time
import tty
from collections.abc import Callable
from typing import TextIO


class Screen:
    """A terminal of so many columns, which only knows what progress lines use: letters, CR and LF.

    `stream` is the program's end of it. `wraps` counts lines that did not fit.
    """

    def __init__(self, columns: int) -> None:
        self._ours, theirs = pty.openpty()
        # As a terminal shows it, without the driver's own changes.
        tty.setraw(theirs)
        self.resize(columns)
        self.stream: TextIO = os.fdopen(theirs, "w", encoding="utf-8")
        self.rows = [""]
        self.states: list[str] = []
        """What stood on the last row each time that something else began to be written there."""
        self.wraps = 0
        self._column = 0
        self._rest = b""

    def resize(self, columns: int) -> None:
        """Make the window wider or narrower."""
        self.columns = columns
        termios.tcsetwinsize(self._ours, (24, columns))

    def read(self) -> list[str]:
        """Take in what was written; the rows that are now seen, without blanks at their ends."""
        while select.select([self._ours], [], [], 0)[0]:
            try:
                chunk = os.read(self._ours, 65536)
            except OSError:  # the other end is closed
                break
            self._rest += chunk
            text = self._rest.decode("utf-8", "ignore")
            self._rest = self._rest[len(text.encode()) :]
            for letter in text:
                self._write(letter)
        return [row.rstrip() for row in self.rows]

    def until(self, condition: Callable[["Screen"], bool], seconds: float = 60.0) -> None:
        """Read until a condition holds; TimeoutError if it does not come to that."""
        limit = time.monotonic() + seconds
        while self.read() and not condition(self):
            if time.monotonic() > limit:
                raise TimeoutError(f"the screen shows {self.rows}")
            time.sleep(0.01)

    def seen(self) -> list[str]:
        """All lines that ever stood there as a whole, in their order."""
        now = self.read()
        return [line for line in dict.fromkeys([*self.states, *now]) if line]

    def close(self) -> None:
        """Close both ends."""
        self.stream.close()
        os.close(self._ours)

    def _write(self, letter: str) -> None:
        if letter in "\r\n":
            self.states.append(self.rows[-1].rstrip())
            self._column = 0
            if letter == "\n":
                self.rows.append("")
            return
        if self._column == self.columns:
            self.wraps += 1
            self.rows.append("")
            self._column = 0
        row = self.rows[-1]
        self.rows[-1] = row[: self._column] + letter + row[self._column + 1 :]
        self._column += 1


def words(line: str) -> set[str]:
    """The words of a line without the commas between its figures."""
    return set(re.split(r",? +", line.strip()))
