"""The engine's loop: it sends as many HTTP requests at once as the server bears, and retries those that fail.

Each HTTP request is a task of one asyncio loop, and nothing but that loop touches what is here: there are no
locks. What ends is handed to `ended`: a request with its completions, or the error that ends it all.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.engines.counting import Ratio, most_read
from mindsmirror.engines.in_flight import InFlight
from mindsmirror.engines.openai.concurrency import Concurrency
from mindsmirror.engines.openai.endpoint import LONGEST_PAUSE, Endpoint
from mindsmirror.engines.openai.failures import (
    FAILURES,
    MalformedError,
    RefusedError,
    concerns_all,
    is_crowded,
    may_pass,
)
from mindsmirror.engines.openai.headers import pause_asked, used_up
from mindsmirror.engines.openai.options import OpenAIOptions
from mindsmirror.engines.openai.prefix_queue import PrefixQueue
from mindsmirror.engines.openai.reply import ChatCompletion, completions_of, read_completion, read_refusal
from mindsmirror.engines.openai.token_count import TokenCount, is_billed, most_tokens, overrun, tokens_of
from mindsmirror.engines.openai.transport import Transport
from mindsmirror.errors import EngineError

LOST_IN_A_ROW = 2
"""Times the concurrency: after this many failed attempts in a row, of all requests, the endpoint counts as gone."""
REFUSALS = 4
"""Times `retries`: how often a server without room may refuse a sample. It refuses all alike, so these count apart."""
LONGEST_SILENCE = 300.0
"""Seconds for which a server may refuse all requests."""
LONGEST_BACKOFF = 8.0
"""Seconds between attempts where the server does not say how long to wait."""


@dataclass(eq=False)
class Charged(InFlight):
    """A request in flight, and the tokens that its failed attempts have used."""

    prefix: int | None = None
    """Stands for the messages that its prompt shares with others."""
    wasted_in: int = 0
    wasted_out: int = 0

    def lose(self, count: TokenCount) -> None:
        """Add the tokens of an attempt that brought nothing."""
        self.wasted_in += count.tokens_in
        self.wasted_out += count.tokens_out

    @property
    def completions(self) -> tuple[Completion, ...]:
        """One for each key; the first one has the wasted tokens."""
        found = list(super().completions)
        if self.wasted_in or self.wasted_out:
            wasted = (found[0].wasted_in + self.wasted_in, found[0].wasted_out + self.wasted_out)
            found[0] = replace(found[0], wasted_in=wasted[0], wasted_out=wasted[1], estimated=True)
        return tuple(found)


@dataclass(eq=False)
class _Post:
    """One HTTP request: some of a request's samples."""

    parent: Charged
    keys: tuple[str, ...]
    refused: bool = False
    """Whether the server refused these samples in a request for several, or left them out of its reply."""
    attempt: int = 0
    refusals: int = 0
    """Attempts for which the server had no room; they count apart."""
    billed: int = 0
    """Attempts that failed and may have been billed."""


class Scheduler:
    """The requests of one engine on their way to one server; every method belongs to the loop's thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        options: OpenAIOptions,
        ended: Callable[[Charged | BaseException], None],
    ) -> None:
        self._endpoint, self._transport, self._options, self._ended = endpoint, transport, options, ended
        self.pace = Concurrency(options.concurrency)
        self._waiting: PrefixQueue[_Post] = PrefixQueue()
        self._open: set[Charged] = set()
        self._read = Ratio(margin=1.0, sure_after=1)
        self._choices = Ratio(margin=1.0)
        self._in_flight = self._lost = 0
        self._lost_since = 0.0
        self._useless: EngineError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, requests: Sequence[Request]) -> None:
        """Send the requests when their turn comes."""
        for request in requests:
            prefix = hash(request.messages[: request.shared]) if request.shared else None
            pending = Charged(request, prefix=prefix)
            if request.keys:
                self._open.add(pending)
                self._waiting.put(prefix, _Post(pending, request.keys))
            else:
                self._ended(pending)
        self._fill()

    def _fill(self) -> None:
        """Send what may be sent now. Until a first request has worked, they go one at a time."""
        if self._useless is not None:
            if self._in_flight == 0:
                self._give_back()
            return
        while self._in_flight < (self.pace.limit if self._endpoint.worked else 1):
            held = self.pace.held()
            if held > 0:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = asyncio.get_running_loop().call_later(held, self._fill)
                return
            post = self._waiting.take()
            if post is None:
                return
            if len(post.keys) > 1 and not self._endpoint.takes_n:
                self._split(post, post.keys[1:])
                post.keys = post.keys[:1]
            self._in_flight += 1
            task = asyncio.get_running_loop().create_task(self._ask(post))
            self.tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._ended(error)

    async def _ask(self, post: _Post) -> None:
        """Send the post's HTTP request and see to what becomes of it."""
        dialect, began = self._endpoint.dialect, time.monotonic()
        try:
            response = await self._transport.post(self._endpoint.body(post.parent.request, post.keys, dialect))
            if not 200 <= response.status < 300:
                raise read_refusal(response.status, response.content, response.headers)
            reply = read_completion(response.content)
        except FAILURES as error:
            self._waiting.arrived(post.parent.prefix)
            if self._endpoint.adapts(error, dialect):
                self._waiting.put(post.parent.prefix, post, first=True)
            else:
                self._went_wrong(post, error, began)
        else:
            self._waiting.arrived(post.parent.prefix)
            self.pace.answered(began, self._in_flight)
            count = tokens_of(post.parent.request, reply, self._endpoint.room(post.parent.request))
            # The next requests are taken to be like this one.
            wait = used_up(response.headers, count.tokens_in + count.tokens_out)
            if wait is not None and wait <= LONGEST_PAUSE:
                self.pace.hold(wait)
            if post.parent.request.sampling.choices and reply.blind:
                post.parent.lose(count)
                self._useless = self._useless or self._endpoint.blind(MalformedError("a reply without logprobs"))
            else:
                self._went_well(post, reply, count)
        self._in_flight -= 1
        self._fill()

    def _went_well(self, post: _Post, reply: ChatCompletion, count: TokenCount) -> None:
        """Keep the samples; those that did not come with the others are asked for one by one.

        A server that writes more than there is room for is asked nothing more.
        """
        self._endpoint.worked, self._lost = True, 0
        self._endpoint.takes_n = self._endpoint.takes_n and not post.refused
        got, missing = post.keys[: len(reply.choices)], post.keys[len(reply.choices) :]
        if count.tokens_in and not count.estimated:
            self._read.learn(count.tokens_in, most_read(post.parent.request.messages))
        self._choices.learn(len(reply.choices), len(post.keys))
        room = self._endpoint.room(post.parent.request)
        if overrun(reply, count, room):
            self._useless = self._useless or self._endpoint.boundless(count.tokens_out, room * len(reply.choices))
        self._arrive(post.parent, completions_of(got, reply, *count))
        if missing:
            self._endpoint.takes_n = False
            self._split(post, missing)

    def _went_wrong(self, post: _Post, error: Exception, began: float) -> None:
        """Try again, split the post, fail its samples, or give the endpoint up."""
        if is_crowded(error):
            self.pace.refused(began)
        if concerns_all(error):
            self._lost_since = self._lost_since if self._lost else time.monotonic()
            self._lost += 1
        else:
            self._lost = 0
        refused = isinstance(error, RefusedError) and is_crowded(error)
        used, allowed = (post.refusals, REFUSALS) if refused else (post.attempt, 1)
        paid = is_billed(error) and self._count_as_wasted(post)
        last = used >= allowed * self._options.retries or not may_pass(error) or paid
        useless = self._endpoint.useless(error, post.attempt) or self._gone(error, last, post)
        if useless is not None:
            self._useless = self._useless or useless
        elif last and len(post.keys) > 1 and isinstance(error, RefusedError) and error.status in (400, 422):
            self._split(post, post.keys)
        elif last:
            self._fail(post.parent, post.keys, self._endpoint.reason(error))
        elif refused:
            self._step_back(post)
        else:
            pause = 0.5 * 2 ** min(post.attempt, 6) * random.uniform(0.75, 1.25)
            post.attempt += 1
            asyncio.get_running_loop().call_later(pause, self._again, post)

    def _count_as_wasted(self, post: _Post) -> bool:
        """Count what a failed attempt may have cost; whether no further one may be paid for."""
        request = post.parent.request
        # A server that sends more choices than it is asked for has written as many where its reply was lost.
        samples = max(len(post.keys), self._choices.of(len(post.keys)))
        post.parent.lose(most_tokens(request, samples, self._endpoint.room(request)))
        post.billed += 1
        return request.attempts is not None and post.billed >= request.attempts

    def _tokens(self, post: _Post) -> int:
        """About as many tokens as the server reserves before it replies: the prompt as it counts, and all the room."""
        request = post.parent.request
        return self._read.of(most_read(request.messages)) + self._endpoint.room(request) * len(post.keys)

    def _gone(self, error: Exception, last: bool, post: _Post) -> EngineError | None:
        """The error that ends the run, if the server asks for too long a pause or too many attempts in a row failed."""
        asked = None
        if isinstance(error, RefusedError) and may_pass(error):
            asked = pause_asked(error.headers, self._tokens(post))
        if asked is not None and asked > LONGEST_PAUSE:
            hint = "Run again later: what has come is kept."
            return self._endpoint.end(f"asks for a pause of {asked:.0f} seconds", error, hint)
        if asked is not None:
            self.pace.hold(asked)
        silent = time.monotonic() - self._lost_since
        many = self._lost > LOST_IN_A_ROW * self._options.concurrency
        if concerns_all(error) and many and (last or silent > LONGEST_SILENCE):
            hint = "Is the server still running? What has come is kept."
            return self._endpoint.end(f"has gone away: {self._lost} attempts in a row failed", error, hint)
        return None

    def _step_back(self, post: _Post) -> None:
        """Send nothing for as long as the server asks, or for half the time for which it has been refusing."""
        post.refusals += 1
        if self.pace.held() == 0:
            silent = time.monotonic() - self._lost_since
            self.pace.hold(min(max(0.5, silent / 2), LONGEST_BACKOFF) * random.uniform(0.75, 1.25))
        # At the end of the line, so that the refusals are not all of one sample.
        self._waiting.put(post.parent.prefix, post)

    def _again(self, post: _Post) -> None:
        self._waiting.put(post.parent.prefix, post, first=True)
        self._fill()

    def _split(self, post: _Post, keys: tuple[str, ...]) -> None:
        for key in reversed(keys):
            single = _Post(post.parent, (key,), refused=True, billed=post.billed)
            self._waiting.put(post.parent.prefix, single, first=True)

    def _fail(self, pending: Charged, keys: Sequence[str], reason: str) -> None:
        self._arrive(pending, [Completion(key, "", Finish.FAILED, error=reason) for key in keys])

    def _arrive(self, pending: Charged, completions: Sequence[Completion]) -> None:
        clean = self._endpoint.redactor.written
        pending.arrived |= {done.key: replace(done, text=clean(done.text)) for done in completions}
        if pending.whole:
            self._open.discard(pending)
            self._ended(pending)

    def _give_back(self) -> None:
        """Hand over what has come of requests that will not end, then the reason why they will not."""
        assert self._useless is not None
        for pending in list(self._open):
            if pending.arrived or pending.wasted_in:
                lacking = [key for key in pending.request.keys if key not in pending.arrived]
                self._fail(pending, lacking, str(self._useless))
        self._ended(self._useless)
