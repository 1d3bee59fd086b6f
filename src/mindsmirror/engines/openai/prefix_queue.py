"""The order in which requests leave: prompts that begin alike go together, and the first of them alone.

A server with a prefix cache then computes a shared beginning once: the first request fills the cache, those
that follow find it there.
"""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class PrefixQueue(Generic[Item]):
    """Items that wait, in a line for each shared prefix; those without one (None) only keep their order."""

    def __init__(self) -> None:
        self._lines: dict[int | None, deque[Item]] = {}
        self._current: int | None = None
        self._known: set[int] = set()
        self._leading: set[int] = set()

    def put(self, prefix: int | None, item: Item, *, first: bool = False) -> None:
        """Let the item wait at the end of its prefix's line, or `first` in it."""
        line = self._lines.setdefault(prefix, deque())
        if first:
            line.appendleft(item)
        else:
            line.append(item)

    def take(self) -> Item | None:
        """The next item that may go: of the last one's prefix if there is any. None if none may go."""
        if not self._may_go(self._current):
            may_go = (prefix for prefix in self._lines if self._may_go(prefix))
            try:
                self._current = next(may_go)
            except StopIteration:
                return None
        prefix = self._current
        line = self._lines[prefix]
        item = line.popleft()
        if not line:
            del self._lines[prefix]
        if prefix is not None and prefix not in self._known:
            self._leading.add(prefix)
        return item

    def arrived(self, prefix: int | None) -> None:
        """The server has seen a prompt with this prefix: the others may follow."""
        if prefix is not None:
            self._leading.discard(prefix)
            self._known.add(prefix)

    def _may_go(self, prefix: int | None) -> bool:
        return prefix in self._lines and prefix not in self._leading
