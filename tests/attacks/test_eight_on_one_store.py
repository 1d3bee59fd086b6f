"""Eight processes on one store, some of which are killed: no cap is passed by more than one request, no key is served
twice but what a killed one had in flight."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from attacks.scale import ATTACK, TIMES
from end_to_end.test_one_store import FORK, PRICE, annotate, check_cap, paid, served

from mindsmirror.annotation.budget import dollars
from mindsmirror.annotation.store import Store

pytestmark = ATTACK

ROUNDS = 10 * TIMES
NAMES = "abcdefgh"
QUESTIONS = 40
SAMPLES = 3
"""The most of one request; the scripted engine serves one request at a time."""


def test_eight_processes_pass_no_cap_by_more_than_one_request(tmp_path: Path) -> None:
    annotate(tmp_path / "whole", "w", QUESTIONS, 0.0)
    whole = paid(tmp_path / "whole")
    for number in range(ROUNDS):
        draw = random.Random(number)
        check_cap(
            tmp_path / str(number), NAMES, QUESTIONS, draw.choice((0.0, 0.001, 0.003)), whole * draw.uniform(0.05, 0.8)
        )


def test_of_eight_processes_some_are_killed_and_the_cap_holds(tmp_path: Path) -> None:
    annotate(tmp_path / "whole", "w", QUESTIONS, 0.0)
    whole = paid(tmp_path / "whole")
    for number in range(ROUNDS):
        draw = random.Random(100 + number)
        folder, cap, kills = tmp_path / str(number), whole * draw.uniform(0.3, 0.8), draw.randint(1, 4)
        folder.mkdir()
        workers = [
            FORK.Process(target=annotate, args=(folder, name, QUESTIONS, 0.002), kwargs={"usd": cap}) for name in NAMES
        ]
        for worker in workers:
            worker.start()
        time.sleep(draw.uniform(0.05, 0.6))
        for worker in workers[:kills]:
            if worker.is_alive() and worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
        for worker in workers:
            worker.join()
        killed = sum(worker.exitcode == -signal.SIGKILL for worker in workers)
        assert [worker.exitcode for worker in workers[kills:]] == [0] * (len(NAMES) - kills)
        check_after_kills(folder, cap, killed)


def check_after_kills(folder: Path, cap: float, killed: int) -> None:
    """What was in flight when one was killed counts at its most, and may be served again: nothing else may."""
    with Store(folder / "store.sqlite") as store:
        requests = [payment for _, _, payment in store.payments("mine")]
        kept = set(store.keys())
    dearest = max(dollars(PRICE, payment.tokens_in, payment.tokens_out) or 0.0 for payment in requests)
    assert paid(folder) < cap + dearest
    again = Counter(served(folder))
    assert again.total() - len(again) <= killed * SAMPLES
    assert len(set(again) - kept) <= killed * SAMPLES, "what was served to one that lives is stored"
