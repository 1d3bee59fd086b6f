"""How long work tells that it goes on: one line on stderr with rate and time left.

On a terminal the line is rewritten; elsewhere a plain line is printed now and then, so a log stays readable.
"""

import re
import signal
import sys
import threading
import time
from typing import TextIO

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 15.0
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that a terminal obeys, or that hide or turn round others; line feeds and tabs are let through."""


_interrupted = threading.Event()


def heed_interrupts() -> None:
    """From now on an interruption ends the program for certain, at the latest where progress is told of next.

    Python drops a KeyboardInterrupt that is raised while an object is being finalised; the job then went on as if
    nobody had pressed a key. Only the main thread can ask for this; elsewhere it does nothing.
    """

    def interrupt(*_: object) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        _interrupted.clear()
        signal.signal(signal.SIGINT, interrupt)


def plain(text: str) -> str:
    """The text without control characters: what servers and models write must not steer the terminal."""
    return CONTROL.sub("", text)


def say(text: str) -> None:
    """Print one line on stderr, without control characters: stdout belongs to results."""
    print(plain(text), file=sys.stderr, flush=True)


class Progress:
    """Counts `total` things called `unit`; extra figures are shown as they are given."""

    def __init__(self, label: str, total: int, unit: str, stream: TextIO | None = None) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._shown = self._started
        self._width = 0
        self._last: tuple[int, str] | None = None

    def update(self, done: int, note: str = "") -> None:
        """`done` of the total are done; shows it if the last line is old enough.

        KeyboardInterrupt if there was one that was dropped (see heed_interrupts).
        """
        if self._first is None:
            # Neither what a resumed run found done nor the loading of a model counts for the rate.
            self._first = (done, time.monotonic())
        if self._due():
            self._show(done, note)

    def found(self, done: int) -> None:
        """`done` of the total were done before this job, as far as it has looked; raises what `update` does."""
        if self._due():
            self._write(f"{self._label}: {done}/{self._total} {self._unit} found done, {self._elapsed()}")

    def close(self, done: int, note: str = "") -> None:
        """Show the last state and leave the line."""
        if self._terminal or self._last != (done, note):
            self._show(done, note, last=True)

    def _due(self) -> bool:
        if _interrupted.is_set():
            raise KeyboardInterrupt
        now = time.monotonic()
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            return False
        self._shown = now
        return True

    def _elapsed(self) -> str:
        return clock(time.monotonic() - self._started)

    def _show(self, done: int, note: str, *, last: bool = False) -> None:
        now = time.monotonic()
        first, began = self._first or (0, self._started)
        rate = (done - first) / (now - began) if now > began else 0.0
        left = f", {clock((self._total - done) / rate)} left" if rate > 0 and done < self._total else ""
        line = f"{self._label}: {done}/{self._total} {self._unit}, {rate:.2g}/s, {self._elapsed()}{left}"
        self._last = (done, note)
        self._write(line + (f", {note}" if note else ""), last=last)

    def _write(self, line: str, *, last: bool = False) -> None:
        line = plain(line)
        padding = " " * max(0, self._width - len(line)) if self._terminal else ""
        self._width = len(line)
        self._stream.write(line + padding + ("\r" if self._terminal and not last else "\n"))
        self._stream.flush()


def clock(seconds: float) -> str:
    """Seconds as a person says them: 42s, 3m07s, 2h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
