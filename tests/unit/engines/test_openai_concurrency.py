"""How much is in flight, in which order it goes, and what the server's headers ask for."""

import threading
import time
from collections.abc import Callable

import pytest
from unit.engines.loopback import KEYS, Body, Handler, Server, engine_at, request, well

from mindsmirror.engines.base import Message, Request, Sampling
from mindsmirror.engines.openai.concurrency import START, Concurrency
from mindsmirror.engines.openai.headers import duration, pause_asked, retry_after, used_up
from mindsmirror.engines.openai.prefix_queue import PrefixQueue


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def drive(pace: Concurrency, clock: Clock, latency: Callable[[int], float], rounds: int) -> list[int]:
    """The limits after each round in which as many requests as are allowed go at once and are answered."""
    limits = []
    for _ in range(rounds):
        began, limit = clock.now, pace.limit
        clock.now += latency(limit)
        for _ in range(limit):
            pace.answered(began, limit)
        limits.append(pace.limit)
    return limits


def test_it_doubles_while_latency_holds_up_to_the_ceiling() -> None:
    clock = Clock()
    pace = Concurrency(50, clock)
    assert pace.limit == START
    assert drive(pace, clock, lambda limit: 1.0 + limit / 100, 6) == [8, 16, 32, 50, 50, 50]


def test_it_stays_where_more_requests_only_wait_longer() -> None:
    clock = Clock()
    pace = Concurrency(64, clock)
    limits = drive(pace, clock, lambda limit: max(1.0, limit / 8), 200)
    assert max(limits) == 16 and sorted(limits)[100] <= 8


def test_a_server_that_becomes_faster_is_found_out() -> None:
    clock = Clock()
    pace = Concurrency(64, clock)
    drive(pace, clock, lambda limit: max(1.0, limit / 4), 100)
    assert pace.limit <= 6
    assert drive(pace, clock, lambda _: 1.0, 100)[-1] == 64


def test_refusals_halve_it_once_for_all_in_flight() -> None:
    clock = Clock()
    pace = Concurrency(64, clock)
    drive(pace, clock, lambda _: 1.0, 10)
    began, clock.now = clock.now, clock.now + 1
    for _ in range(64):
        pace.refused(began)
    assert pace.limit == 32
    for expected in (16, 8, 4, 2, 1, 1):
        clock.now += 1
        pace.refused(clock.now)
        assert pace.limit == expected
    assert drive(pace, clock, lambda _: 1.0, 100)[-1] == 64


def test_requests_that_do_not_fill_it_raise_nothing() -> None:
    clock = Clock()
    pace = Concurrency(64, clock)
    for _ in range(100):
        began, clock.now = clock.now, clock.now + 1
        pace.answered(began, START - 1)
    assert pace.limit == START


def test_the_longest_hold_counts() -> None:
    clock = Clock()
    pace = Concurrency(8, clock)
    assert pace.held() == 0
    pace.hold(5)
    pace.hold(2)
    assert pace.held() == 5
    clock.now = 6
    assert pace.held() == 0


@pytest.mark.parametrize("ceiling", [1, 2, 3])
def test_a_low_ceiling_is_kept(ceiling: int) -> None:
    clock = Clock()
    pace = Concurrency(ceiling, clock)
    assert set(drive(pace, clock, lambda _: 1.0, 20)) == {ceiling}


def test_it_grows_and_concurrency_is_the_ceiling(server: Server) -> None:
    def behave(server: Server, handler: Handler, body: Body) -> None:
        time.sleep(0.05)
        well(server, handler, body)

    server.behaviour = behave
    with engine_at(server, concurrency=12) as engine:
        assert engine.capacity == START + START // 2
        submitted = in_flight = 0
        while submitted < 120 or in_flight:
            while submitted < 120 and in_flight < engine.capacity:
                engine.submit(request(KEYS[0], id=str(submitted)))
                submitted, in_flight = submitted + 1, in_flight + 1
            in_flight -= len(engine.poll())
    assert START < server.most <= 12


def test_those_of_one_prefix_go_together_and_the_first_alone() -> None:
    waiting: PrefixQueue[str] = PrefixQueue()
    for name in ("a1", "b1", "a2", "b2", "-1", "a3", "-2"):
        waiting.put({"a": 1, "b": 2}.get(name[0]), name)
    assert [waiting.take() for _ in range(5)] == ["-1", "-2", "a1", "b1", None]
    waiting.arrived(2)
    assert [waiting.take(), waiting.take()] == ["b2", None]
    waiting.arrived(1)
    waiting.put(1, "a0", first=True)
    waiting.put(2, "b3")
    assert [waiting.take() for _ in range(5)] == ["b3", "a0", "a2", "a3", None]


def test_a_new_prefix_is_sent_alone(server: Server) -> None:
    started, lock, first = threading.Event(), threading.Lock(), dict[str, int]()
    alone: list[bool] = []

    def behave(server: Server, handler: Handler, body: Body) -> None:
        shared = body["messages"][0]["content"]
        with lock:
            leads = shared not in first
            first.setdefault(shared, 0)
            first[shared] += 1
        if leads:
            started.wait(0.15)  # nobody sets it: long enough for the others, if they were sent
            with lock:
                alone.append(first[shared] == 1)
        well(server, handler, body)

    server.behaviour = behave
    with engine_at(server, concurrency=8) as engine:
        for i in range(30):
            messages = (Message("system", f"Examples {i % 3}"), Message("user", str(i)))
            engine.submit(Request(str(i), messages, Sampling(), (KEYS[0],), shared=1))
        ended = 0
        while batch := engine.poll():
            ended += len(batch)
    assert ended == 30 and alone == [True] * 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("1d", 86400.0), ("500us", 0.0005)],
        *[("2.5", 2.5), (" 7 ", 7.0), ("-3", 0.0), ("0", 0.0)],
        *[("soon", None), ("", None), ("nan", None), ("inf", None), ("1s2", None), ("s", None), ("1" * 500, None)],
    ],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "9", "retry-after-ms": "300"}) == 0.3
    later, now = "Mon, 23 Nov 2026 10:00:10 GMT", "Mon, 23 Nov 2026 10:00:00 GMT"
    assert retry_after({"retry-after": later, "date": now}) == 10
    assert retry_after({"retry-after": now, "date": later}) == 0
    for senseless in ({"retry-after": later}, {"retry-after": "soon", "date": now}, {"retry-after": "nan"}, {}):
        assert retry_after(senseless) is None


def test_a_limit_that_is_used_up_is_waited_for() -> None:
    def headers(left: str, reset: str, **more: str) -> dict[str, str]:
        return {"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": reset, **more}

    assert used_up(headers("0", "20ms")) == pytest.approx(0.02)
    assert used_up(headers("0", "6m0s", **{"x-ratelimit-limit-requests": "60"})) == 6
    assert used_up(headers("1", "6m0s")) is None and used_up(headers("0", "soon")) is None
    assert pause_asked(headers("0", "2s")) == 2
    assert pause_asked(headers("0", "2s") | {"retry-after": "5"}) == 5
    assert pause_asked({}) is None


def test_tokens_that_are_used_up_are_waited_for_like_requests() -> None:
    def headers(what: str, left: str, reset: str, limit: str = "") -> dict[str, str]:
        return {
            f"x-ratelimit-remaining-{what}": left,
            f"x-ratelimit-reset-{what}": reset,
            f"x-ratelimit-limit-{what}": limit,
        }

    assert used_up(headers("tokens", "0", "20ms")) == pytest.approx(0.02)
    assert used_up(headers("tokens", "300", "6s"), 300) is None
    # 1000 tokens come back in 60 s, 900 of them are gone: the 200 that lack for this request take 200/900 of it.
    assert used_up(headers("tokens", "100", "60s", "1000"), 300) == pytest.approx(60 * 200 / 900)
    # A request that is larger than the whole limit is not divided into it.
    assert used_up(headers("tokens", "100", "60s", "1000"), 5000) == 60
    both = headers("requests", "0", "1s") | headers("tokens", "0", "2s")
    assert used_up(both) == 2 and used_up(both | headers("requests", "0", "3s")) == 3
    assert used_up(both | headers("tokens", "soon", "2s")) == 1
    assert pause_asked(headers("tokens", "100", "2s"), 101) == 2
    assert pause_asked(headers("tokens", "100", "2s") | {"retry-after-ms": "500"}, 101) == 0.5
