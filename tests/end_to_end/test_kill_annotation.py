"""SIGKILL at any moment of annotating costs what was in flight, and the annotations come out the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from end_to_end import annotator
from end_to_end.annotator import CONCURRENCY, K, M
from end_to_end.endpoint import serving, url_of
from unit.engines.loopback import Body, Server

from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import seed_of

KILLS = 50
QUESTIONS = {"scripted": 90, "http": 150}
"""So many that fifty lives do not suffice for them."""
IN_FLIGHT = (CONCURRENCY + CONCURRENCY // 2) * (K + 1)
"""Requests that may wait for the server, or for their replies to be stored: of the questions that are open at once,
half as many again as requests go at once, each has one for its rationales or K for their self-evaluations."""


class Life:
    """Processes that annotate into one folder, one after the other."""

    def __init__(self, folder: Path, questions: int, delay: float = 0.0, url: str = "") -> None:
        self.folder = folder
        command = [sys.executable, annotator.__file__, str(folder), str(questions), str(delay), url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready"

    def begin(self) -> None:
        """Start one."""
        assert self._process.stdin is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()
        self._pid = int(self._line())

    def kill(self) -> None:
        """Kill it; it must not have ended before."""
        os.kill(self._pid, signal.SIGKILL)
        assert int(self._line()) == -signal.SIGKILL, "it ended before it was killed"

    def finish(self) -> None:
        """Wait for its end."""
        assert int(self._line()) == 0

    def end(self) -> None:
        """No more of them."""
        self._process.communicate(timeout=60)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __enter__(self) -> "Life":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def served(folder: Path) -> list[str]:
    """The keys that the scripted teacher was asked for, in their order."""
    log = folder / "served"
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def stored(folder: Path) -> list[str]:
    with Store(folder / "store.sqlite") as store:
        return list(store.keys())


def once(folder: Path, questions: int, url: str = "") -> Path:
    """A run that nobody disturbed."""
    with Life(folder, questions, url=url) as life:
        life.begin()
        life.finish()
    annotations = [json.loads(line) for line in (folder / "annotations.jsonl").read_bytes().splitlines()]
    assert len(annotations) == questions and all(len(a["rationales"]) == K for a in annotations)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = once(tmp_path_factory.mktemp("whole"), QUESTIONS["scripted"])
    assert len(served(folder)) == len(set(served(folder))) == len(stored(folder)) > QUESTIONS["scripted"] * (K + 1)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def same(folder: Path, whole: Path) -> bool:
    """Whether store and annotations are those of the undisturbed run."""
    name = "annotations.jsonl"
    return stored(folder) == stored(whole) and (folder / name).read_bytes() == (whole / name).read_bytes()


def wait_for_growth(count: Callable[[], int], more: int) -> None:
    """Until so much more is asked: the work between kills is fixed, their exact moments are not."""
    until, limit = count() + more, time.monotonic() + 30
    while count() < until:
        assert time.monotonic() < limit, "nothing is asked any more"
        time.sleep(0.001)


def kill_at_random(life: Life, moments: random.Random, count: Callable[[], int], most: int) -> None:
    """Kill one that begins now: while it starts, or some time after it has asked for up to `most` more."""
    life.begin()
    if moments.random() < 0.8:
        wait_for_growth(count, moments.randrange(most))
    time.sleep(moments.uniform(0, 0.01))
    life.kill()


def check_killed(folder: Path, whole: Path, moments: random.Random) -> None:
    """Kill an annotation fifty times: nothing is lost but what was in flight, and it comes out as `whole` did."""
    total = len(served(whole))
    # Slow enough that none ends by itself while this process waits for the processor.
    with Life(folder, QUESTIONS["scripted"], delay=0.01) as life:
        for number in range(KILLS):
            before = len(served(folder))
            kill_at_random(life, moments, lambda: len(served(folder)), total // (2 * KILLS))
            if number % 3 == 0 and (folder / "store.sqlite").exists():
                # Else the next process is the one to find and mend what the killed one left behind.
                # What an earlier life lost may still be lost: this one may have begun with other requests.
                lost = set(served(folder)[before:]) - set(stored(folder))
                assert len(lost) <= max(K, M), "what was served before the last request is stored"
                assert not set(stored(folder)) - set(served(folder))
        assert len(set(served(folder))) < total
    with Life(folder, QUESTIONS["scripted"]) as life:
        life.begin()
        life.finish()

    again = Counter(served(folder))
    assert set(again) == set(served(whole))
    # The scripted engine serves one request a poll, and what a poll brings is committed before the next.
    assert again.total() - total <= KILLS * max(K, M)
    assert same(folder, whole)


def test_an_annotation_that_is_killed_again_and_again_equals_one_that_was_not(tmp_path: Path, whole: Path) -> None:
    check_killed(tmp_path, whole, random.Random(0))


def test_over_http_only_what_was_in_flight_is_asked_for_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: Server
) -> None:
    whole = once(tmp_path_factory.mktemp("http"), QUESTIONS["http"], url_of(server))
    undisturbed, server.bodies = server.bodies, []
    check_killed_over_http(tmp_path, whole, server, undisturbed, random.Random(1))


def check_killed_over_http(
    folder: Path, whole: Path, server: Server, undisturbed: list[Body], moments: random.Random
) -> None:
    """The same by the server's own count; `undisturbed` is what it was asked for `whole`."""
    lost = 0
    with Life(folder, QUESTIONS["http"], url=url_of(server)) as life:
        for _ in range(KILLS):
            before = len(server.bodies)
            kill_at_random(life, moments, lambda: len(server.bodies), 6)
            asked = settled(server)[before:]
            kept = {seed_of(key) for key in stored(folder)}
            unkept = [place for place, body in enumerate(asked) if body["seed"] not in kept]
            assert len(asked) - min(unkept, default=len(asked)) <= IN_FLIGHT, "only the last may be lost"
            lost += len(unkept)
        assert len({body["seed"] for body in server.bodies}) < len(undisturbed)
        life.begin()
        life.finish()

    again = Counter(body["seed"] for body in settled(server))
    assert set(again) == {body["seed"] for body in undisturbed}
    # A request that was stored was never sent again, and one that was lost once for each time that it was.
    assert again.total() - len(undisturbed) == lost
    assert same(folder, whole)


def settled(server: Server) -> list[Body]:
    """What the server was asked, once it has read to its end what anybody who is dead now had sent."""
    with urllib.request.urlopen(f"{url_of(server)}/models", timeout=30) as listed:
        # Connections are taken in their order: all older ones are open, or were.
        listed.read()
    limit = time.monotonic() + 30
    while server.connections:
        assert time.monotonic() < limit
        time.sleep(0.001)
    return server.bodies


def test_two_that_annotate_the_same_into_one_store_agree(tmp_path: Path, whole: Path) -> None:
    with Life(tmp_path, QUESTIONS["scripted"], 0.001) as one, Life(tmp_path, QUESTIONS["scripted"], 0.001) as other:
        for life in (one, other):
            life.begin()
        for life in (one, other):
            life.finish()
    assert same(tmp_path, whole)
