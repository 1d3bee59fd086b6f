"""Several processes on one store: no cap is passed by more than one request, nothing is asked twice, nobody waits for
the dead."""

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

from mindsmirror.annotation import AnnotationConfig, Annotator, BudgetConfig, JudgeConfig, Store, Teacher, load_prompts
from mindsmirror.annotation.budget import dollars
from mindsmirror.answers import Number
from mindsmirror.engines.base import Completion, Request
from mindsmirror.engines.config import Price
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.records import Annotation, Example
from mindsmirror.system.files import read_records, write_records
from mindsmirror.tasks.base import Splits, Task

FORK = multiprocessing.get_context("fork")
IDENTITY = {"engine": "any", "model": "teacher"}
PRICE = Price(input=1.0, output=10.0)
ROOM = 64
QUESTIONS = 24
"""More than one engine takes at once."""


class Waiting(ScriptedEngine):
    """Serves nothing until as many engines as meet have been asked for something."""

    meeting: Barrier | None = None

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        if self.meeting is not None:
            self.meeting.wait(60)
            self.meeting = None
        return super().poll()


def annotate(
    folder: Path,
    name: str,
    questions: int,
    delay: float,
    usd: float | None = None,
    first: int = 0,
    meeting: Barrier | None = None,
) -> None:
    """Annotate sums, all by one payer's name; what is served is noted in `served`, and by whom in `served-NAME`."""
    folder.mkdir(exist_ok=True)
    log = folder / f"served-{name}"

    def open_engine() -> Waiting:
        engine = Waiting(identity=IDENTITY, delay=delay, log=log)
        engine.meeting = meeting
        return engine

    engine = Teacher("teacher", IDENTITY, open_engine, PRICE)
    examples = [Example(id=f"q{n}", text=f"What is {n} + {n + 3}?", gold=str(2 * n + 3)) for n in range(questions)]
    config = AnnotationConfig(
        rationales=3, self_evaluations=2, max_tokens=ROOM, budget=BudgetConfig(usd=usd) if usd else BudgetConfig()
    )
    task = Task("sums", 1, "none", Number(), Splits((), (), ()))
    with Store(folder / "store.sqlite") as store:
        prompts = load_prompts("number")
        annotator = Annotator(task, prompts, engine, engine, config, JudgeConfig(), store, "mine")
        asked = examples[first:] + examples[:first]
        found = {annotation.example.id: annotation for annotation in annotator.run(("train", e) for e in asked)}
    write_records(folder / f"annotations-{name}.jsonl", [found[example.id] for example in examples])


def served(folder: Path) -> list[str]:
    return [key for log in folder.glob("served-*") for key in log.read_text().split()]


def annotations(folder: Path, name: str) -> list[Annotation]:
    return read_records(folder / f"annotations-{name}.jsonl", Annotation)


def paid(folder: Path) -> float:
    with Store(folder / "store.sqlite") as store:
        payments = store.paid("mine").values()
    return sum(dollars(PRICE, payment.tokens_in, payment.tokens_out) or 0.0 for payment in payments)


def together(folder: Path, names: str, *arguments: object, **options: object) -> None:
    workers = [FORK.Process(target=annotate, args=(folder, name, *arguments), kwargs=options) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(names)


def check_cap(folder: Path, names: str, questions: int, delay: float, cap: float) -> None:
    """Annotate in so many processes under one cap: it is passed by one request at most, and nothing served twice."""
    together(folder, names, questions, delay, usd=cap)
    with Store(folder / "store.sqlite") as store:
        requests = [payment for _, _, payment in store.payments("mine")]
    dearest = max(dollars(PRICE, payment.tokens_in, payment.tokens_out) or 0.0 for payment in requests)
    assert cap <= paid(folder) < cap + dearest
    assert set(Counter(served(folder)).values()) == {1}


def test_four_processes_pass_a_cap_by_one_request_at_most(tmp_path: Path) -> None:
    annotate(tmp_path / "whole", "w", 40, 0.0)
    check_cap(tmp_path / "capped", "pqrs", 40, 0.001, paid(tmp_path / "whole") / 3)


def test_two_runs_share_the_work_and_ask_for_nothing_twice(tmp_path: Path) -> None:
    annotate(tmp_path / "whole", "w", 40, 0.0)
    together(tmp_path / "both", "pq", 40, 0.002, meeting=FORK.Barrier(2))
    assert sorted(served(tmp_path / "both")) == sorted(served(tmp_path / "whole"))
    assert all((tmp_path / "both" / f"served-{name}").stat().st_size for name in "pq"), "each did a part"
    whole = annotations(tmp_path / "whole", "w")
    assert annotations(tmp_path / "both", "p") == annotations(tmp_path / "both", "q") == whole


def test_what_a_killed_process_had_in_flight_is_asked_for_by_the_other(tmp_path: Path) -> None:
    annotate(tmp_path / "whole", "w", QUESTIONS, 0.0)
    folder = tmp_path / "killed"
    folder.mkdir()
    slow = FORK.Process(target=annotate, args=(folder, "slow", QUESTIONS, 60.0))
    slow.start()
    until(lambda: (folder / "store.sqlite").exists() and in_flight(folder) > 0)
    other = FORK.Process(target=annotate, args=(folder, "other", QUESTIONS, 0.0), kwargs={"first": QUESTIONS // 2})
    other.start()
    until((folder / "served-other").exists)
    time.sleep(0.3)
    assert other.is_alive(), "it waits for what the slow one has in flight"
    assert slow.pid is not None
    os.kill(slow.pid, signal.SIGKILL)
    other.join(30)
    assert other.exitcode == 0
    slow.join()
    assert sorted(served(folder)) == sorted(served(tmp_path / "whole"))
    assert annotations(folder, "other") == annotations(tmp_path / "whole", "w")
    assert paid(folder) > paid(tmp_path / "whole"), "what was in flight counts as paid at its most"


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


def in_flight(folder: Path) -> int:
    with Store(folder / "store.sqlite") as store:
        found = len(store.others())
        store.commit()
    return found
