"""A reply that is sent while it is written, as server-sent events.

In mode think the pieces are the text. In vote and mirror the student writes a first rationale, which need not be the
one that is elected: its pieces come in the extension, and the text when it is known. So it is with every mode where a
teacher may answer in the end.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from mindsmirror.inference.question import Reply
from mindsmirror.server.asked import Asked
from mindsmirror.server.refusal import Refusal
from mindsmirror.server.replies import DONE, Replies, event
from mindsmirror.server.scheduler import Told

Item = tuple[int, "str | Future[Reply]"]
"""The place of a choice, and a piece of its text or its end."""


class Stream:
    """What comes of the questions of one request, in the order in which it comes."""

    def __init__(self, asked: Asked, submit: Callable[[Sequence[Told | None]], Sequence["Future[Reply]"]]) -> None:
        self._loop, self._items = asyncio.get_running_loop(), asyncio.Queue[Item]()
        self._asked = asked
        listens = asked.mode != "predict"
        told = [partial(self._put, place) if listens else None for place in range(len(asked.questions))]
        self._futures = submit(told)
        for place, future in enumerate(self._futures):
            future.add_done_callback(partial(self._put, place))

    async def next(self) -> Item:
        """What comes next."""
        return await self._items.get()

    def give_up(self) -> None:
        """Nobody listens any more."""
        for future in self._futures:
            future.cancel()

    async def events(self, first: Item, documents: Replies, read: int) -> AsyncIterator[bytes]:
        """The events of the reply; `first` came already, `read` are the tokens that the student read."""
        said = [""] * len(self._futures)
        replies: dict[int, Reply] = {}
        item = first
        try:
            for place in range(len(said)):
                yield event(documents.opening(place))
            while True:
                place, what = item
                if isinstance(what, str):
                    if self._asked.mode == "think" and not self._asked.escalate:
                        said[place] += what
                        yield event(documents.text(place, what))
                    else:
                        yield event(documents.aside(place, what))
                else:
                    reply = replies[place] = what.result()
                    if rest := reply.text.removeprefix(said[place]):
                        yield event(documents.text(place, rest))
                    yield event(documents.end(place, reply))
                if len(replies) == len(said):
                    break
                item = await self.next()
            if self._asked.usage:
                yield event(documents.counted([replies[place] for place in sorted(replies)], read))
            yield DONE
        except Exception:
            # The status has been sent, so the stream itself must say that it broke off.
            logging.getLogger(__name__).exception("a stream broke off")
            yield event(failed().document)
        finally:
            self.give_up()

    def _put(self, place: int, what: "str | Future[Reply]") -> None:
        """Called in the student's thread, also when the loop has ended and nobody listens."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._items.put_nowait, (place, what))


def failed() -> Refusal:
    """What is said of a fault of our own."""
    return Refusal(500, "the student failed at this question; the server's log says why", "failed")
