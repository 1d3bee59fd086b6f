"""Progress of long work: one line on stderr with rate and time left, or with what it is waiting for.

On a terminal the line is rewritten and fits its width. Elsewhere a plain line is printed now and then, so a log stays
readable. While a `with` block of Progress or Working runs, a thread shows the line again if nothing else does, so that
the user sees that a long call is still running.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self, TextIO
from weakref import WeakKeyDictionary

from mindsmirror.system.distributed import leads
from mindsmirror.system.terminal import brief, columns_of, figures_of, fitted, folded, headed, plain, shortened

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 11.0
STILL_TERMINAL_SECONDS = 1.0
"""After which a line is shown again although nothing has changed."""
STILL_LOG_SECONDS = 12.0

_interrupted = threading.Event()
_changed = threading.Condition(threading.RLock())
"""Held while a line is written; notified when the innermost block changes."""
_telling: list["Telling"] = []
"""The running blocks of this process, the innermost last; the last one is shown."""
_beating = False
_quiet = ContextVar("quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Work of this thread is not shown meanwhile: a server that answers all day would fill its log with it."""
    before = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(before)


def heed_interrupts() -> None:
    """From now on an interruption ends the program for certain, at the latest at the next progress update.

    Python drops a KeyboardInterrupt that is raised while an object is being finalised; the job would go on as if nobody
    had pressed a key. Only the main thread can set this up; in others it does nothing.
    """

    def interrupt(*_: object) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        _interrupted.clear()
        signal.signal(signal.SIGINT, interrupt)


class _Screen:
    """The state of a stream: whether its last line will be rewritten, and when it was shown."""

    def __init__(self) -> None:
        self._standing = False
        self.shown = time.monotonic()

    def rewrite(self, stream: TextIO, line: str, columns: int) -> None:
        """Show a line of a terminal that the next one replaces."""
        self._put(stream, f"\r{plain(line).ljust(columns)}\r")
        self._standing = True

    def line(self, stream: TextIO, text: str, columns: int | None) -> None:
        """Print a line that stays."""
        self.erase(stream, columns)
        self._put(stream, f"{plain(text)}\n")

    def erase(self, stream: TextIO, columns: int | None) -> None:
        """Erase the line that is shown."""
        if self._standing and columns is not None:
            self._put(stream, f"\r{' ' * columns}\r")
        self._standing = False

    def leave(self, stream: TextIO) -> None:
        """Keep the line that is shown."""
        if self._standing:
            self._put(stream, "\n")
        self._standing = False

    def _put(self, stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()
        self.shown = time.monotonic()


_screens: WeakKeyDictionary[TextIO, _Screen] = WeakKeyDictionary()


def say(text: str) -> None:
    """Print one line on stderr, without control characters: stdout belongs to results.

    On a terminal it breaks between words.
    """
    columns = columns_of(sys.stderr)
    with _changed:
        _screen(sys.stderr).line(sys.stderr, text if columns is None else folded(plain(text), columns), columns)


class Telling:
    """Running work that is shown on a stream (stderr by default).

    While its `with` block runs, its line is shown repeatedly, unless another such block runs inside. A block that
    succeeds erases its line; one that fails keeps it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._screen = _screen(self._stream)
        self._started = time.monotonic()

    def _line(self, columns: int | None) -> str:
        """The present line, at most `columns` wide; unlimited for a log, where `columns` is None."""
        return self._elapsed()

    def _elapsed(self) -> str:
        return clock(time.monotonic() - self._started)

    def _show(self, terminal_seconds: float, log_seconds: float) -> None:
        """Show the line if the last one on the stream is old enough."""
        columns = columns_of(self._stream)
        if _quiet.get() or time.monotonic() - self._screen.shown < (
            log_seconds if columns is None else terminal_seconds
        ):
            return
        if columns is None:
            self._screen.line(self._stream, self._line(None), None)
        else:
            self._screen.rewrite(self._stream, self._line(columns), columns)

    def beat(self) -> None:
        """Show the line if nothing was shown for a while."""
        self._show(STILL_TERMINAL_SECONDS, STILL_LOG_SECONDS)

    def __enter__(self) -> Self:
        global _beating
        # Of several processes one tells.
        if leads() and not _quiet.get():
            with _changed:
                _telling.append(self)
                if not _beating:
                    _beating = True
                    threading.Thread(target=_beat, name="progress", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _changed:
            if self in _telling:
                _telling.remove(self)
                _changed.notify_all()
            if kind is None:
                self._screen.erase(self._stream, columns_of(self._stream))
            else:
                self._screen.leave(self._stream)


class Working(Telling):
    """Work that cannot be counted; a short block shows nothing."""

    def __init__(self, text: str, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._text = text

    def _line(self, columns: int | None) -> str:
        end = f" … {self._elapsed()}"
        return self._text + end if columns is None else shortened(self._text, end, columns)


class Progress(Telling):
    """Counts `total` things called `unit`; extra figures are shown as they are given.

    A note is a list of figures with commas between them, the most important last. If a terminal has no room for all,
    the count comes first, then the time left, then the note's figures from the last, then rate and elapsed time.
    `still` gives the note if nothing was updated for a while.
    """

    def __init__(
        self, label: str, total: int, unit: str, stream: TextIO | None = None, still: Callable[[], str] | None = None
    ) -> None:
        super().__init__(stream)
        self._label, self._total, self._unit = label, total, unit
        self._still = still
        self._first: tuple[int, float] | None = None
        self._state = (0, "")
        self._finding = False
        self._last: tuple[int, str] | None = None

    def update(self, done: int, note: str = "") -> None:
        """`done` of the total are done; shows the line if the last one is old enough.

        KeyboardInterrupt if there was one that was dropped (see heed_interrupts).
        """
        if self._first is None:
            # Neither what a resumed run found done nor the loading of a model counts for the rate.
            self._first = (done, time.monotonic())
        self._tell(done, note, finding=False)

    def found(self, done: int) -> None:
        """`done` of the total were done before this job, counted so far; raises what `update` raises."""
        self._tell(done, "", finding=True)

    def close(self, done: int, note: str = "") -> None:
        """Show the last state and keep the line."""
        with _changed:
            columns = columns_of(self._stream)
            self._state, self._finding = (done, note), False
            if columns is not None or self._last != self._state:
                self._screen.line(self._stream, self._line(columns), columns)

    def beat(self) -> None:
        """Show the line, with the present note, if nothing was shown for a while."""
        if self._still is not None:
            self._state = (self._state[0], self._still())
        super().beat()

    def _tell(self, done: int, note: str, *, finding: bool) -> None:
        if _interrupted.is_set():
            raise KeyboardInterrupt
        with _changed:
            self._state, self._finding = (done, note), finding
            self._show(TERMINAL_SECONDS, LOG_SECONDS)

    def _line(self, columns: int | None) -> str:
        done, note = self._state
        count = f"{done}/{self._total} {self._unit}"
        if self._finding:
            count += " found done"
            return self._laid_out(count, [self._elapsed()], [(0, self._elapsed())], columns)
        self._last = self._state
        first, began = self._first or (0, self._started)
        passed = time.monotonic() - began
        rate = (done - first) / passed if passed > 0 else 0.0
        pace = f"{rate:.0f}/s" if rate >= 100 else f"{rate:.2g}/s"
        left = f"{clock((self._total - done) / rate)} left" if rate > 0 and done < self._total else ""
        notes = list(enumerate(figures_of(note), start=1))
        offers = [(0, left)]
        offers += [(place, brief(figure)) for place, figure in reversed(notes)]
        offers += [(place, figure) for place, figure in reversed(notes) if figure != brief(figure)]
        offers += [(len(notes) + 1, pace if rate > 0 else ""), (len(notes) + 2, self._elapsed())]
        return self._laid_out(count, [pace, self._elapsed(), left, note], offers, columns)

    def _laid_out(
        self, count: str, figures: Sequence[str], offers: Sequence[tuple[int, str]], columns: int | None
    ) -> str:
        """All figures in a log; of a terminal's line those of the offers that fit (see `fitted`)."""
        if columns is None:
            return ", ".join([f"{self._label}: {count}", *filter(None, figures)])
        return fitted(headed(self._label, count, columns), [offer for offer in offers if offer[1]], columns)


def clock(seconds: float) -> str:
    """Seconds as a person says them: 42s, 3m07s, 2h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def _screen(stream: TextIO) -> _Screen:
    with _changed:
        return _screens.setdefault(stream, _Screen())


def _beat() -> None:
    """Show the line of the innermost block until no block runs."""
    global _beating
    with _changed:
        while _telling:
            try:
                _telling[-1].beat()
            except (OSError, ValueError):
                # A stream that is closed, or a pipe that nobody reads: who works will hear of it.
                break
            _changed.wait(STILL_TERMINAL_SECONDS)
        _beating = False
