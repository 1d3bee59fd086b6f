"""Whoever asks gets the reply to what they asked, however the questions came together."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.inference.question import Question, Reply
from mindsmirror.records import Mode, Parse
from mindsmirror.server.scheduler import Ask, ClosedError, Decoded, FullError, Scheduler

Tell = Callable[[int, str], None] | None
WAIT = 60.0


def answer(question: Question) -> Reply:
    """A reply that no other question has."""
    return Reply(
        question=question.question,
        arm="a",
        mode=question.mode or "think",
        answer=None,
        text=f"{question.question}, {question.mode}, {question.samples}",
        rationale="",
        verdict=None,
        p_correct=None,
        confidence=None,
        calibrated=False,
        abstained=False,
        parse=Parse.OK,
        tokens=1,
    )


class Asking:
    """Stands for a student: it answers at once, tells each text in two pieces, and fails at questions with "fail"."""

    def __init__(self) -> None:
        self.batches: list[list[Question]] = []

    def __call__(self, questions: Sequence[Question], tell: Tell) -> list[Reply]:
        self.batches.append(list(questions))
        replies = [answer(question) for question in questions]
        for place, reply in enumerate(replies):
            if tell is not None:
                tell(place, reply.text[:3])
        if any("fail" in question.question for question in questions):
            raise RuntimeError("a question that cannot be answered")
        for place, reply in enumerate(replies):
            if tell is not None:
                tell(place, reply.text[3:])
        return replies


@contextmanager
def scheduling(ask: Ask[Reply], **settings: Any) -> Iterator[Scheduler[Reply]]:
    scheduler = Scheduler(ask, **{"queue": 1000, "together": 8, **settings})
    try:
        yield scheduler
    finally:
        assert scheduler.close(WAIT)


class Gate:
    """Stands for a student that is busy until the gate is opened."""

    def __init__(self) -> None:
        self.asking, self.open, self.inside = Asking(), threading.Event(), threading.Event()

    def __call__(self, questions: Sequence[Question], tell: Tell) -> list[Reply]:
        self.inside.set()
        assert self.open.wait(WAIT)
        return self.asking(questions, tell)


MODES: list[Mode] = ["predict", "think", "vote", "mirror"]
QUESTIONS = st.builds(
    lambda number, mode, samples, fails: Question(
        question=f"{number}{' fail' if fails else ''}", mode=mode, samples=samples if mode == "vote" else None
    ),
    st.integers(0, 5),
    st.sampled_from(MODES),
    st.sampled_from([2, 3]),
    st.sampled_from([False] * 9 + [True]),
)
REQUESTS = st.lists(st.tuples(st.lists(QUESTIONS, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=12)


@given(requests=REQUESTS, together=st.integers(1, 5))
def test_every_request_gets_its_own_answer(requests: list[tuple[list[Question], bool]], together: int) -> None:
    gate = Gate()
    told: dict[tuple[int, int], str] = {}

    def teller(key: tuple[int, int]) -> Callable[[str], None]:
        return lambda piece: told.update({key: told.get(key, "") + piece})

    observed: list[Decoded] = []
    with scheduling(gate, together=together, observe=observed.append) as scheduler:
        # The first is being answered while the others gather.
        first = scheduler.submit([Question(question="first", mode="think")], [None])
        assert gate.inside.wait(WAIT)
        futures: list[list[Future[Reply]]] = []
        for row, (questions, given_up) in enumerate(requests):
            own = scheduler.submit(questions, [teller((row, place)) for place in range(len(questions))])
            futures.append(own)
            if given_up:
                assert all(future.cancel() for future in own)
        assert scheduler.waiting == sum(len(questions) for questions, given_up in requests if not given_up)
        gate.open.set()
        assert first[0].result(WAIT).question == "first"
        for row, (questions, given_up) in enumerate(requests):
            for place, (question, future) in enumerate(zip(questions, futures[row], strict=True)):
                if given_up:
                    with pytest.raises(CancelledError):
                        future.result(WAIT)
                    assert (row, place) not in told
                elif "fail" in question.question:
                    with pytest.raises(RuntimeError, match="cannot be answered"):
                        future.result(WAIT)
                else:
                    reply = future.result(WAIT)
                    assert reply == answer(question)
                    # A question whose batch failed was told the beginning only, and none is told anything twice.
                    assert reply.text.startswith(told[row, place]) and told[row, place]
    alone = sum(len(batch) for batch in gate.asking.batches)
    assert alone >= 1 + sum(len(questions) for questions, given_up in requests if not given_up)
    for batch in gate.asking.batches:
        assert len(batch) <= together
        assert len({(question.mode, question.samples) for question in batch}) == 1
    assert sum(each.questions for each in observed) == 1 + sum(len(q) for q, given_up in requests if not given_up)
    assert all(len(each.waited) == each.questions and min(each.waited) >= 0 for each in observed)


def test_what_waits_and_is_asked_alike_is_one_batch_and_the_oldest_goes_first() -> None:
    gate = Gate()
    with scheduling(gate, together=3) as scheduler:
        scheduler.submit([Question(question="first")], [None])
        assert gate.inside.wait(WAIT)
        modes: list[Mode] = ["vote", "think", "vote", "think", "vote", "vote"]
        for number, mode in enumerate(modes):
            scheduler.submit([Question(question=str(number), mode=mode)], [None])
        gate.open.set()
    assert [[each.question for each in batch] for batch in gate.asking.batches] == [
        ["first"],
        ["0", "2", "4"],
        ["1", "3"],
        ["5"],
    ]


def test_a_full_queue_takes_all_of_a_request_or_nothing() -> None:
    gate = Gate()
    with scheduling(gate, queue=3) as scheduler:
        scheduler.submit([Question(question="first")], [None])
        assert gate.inside.wait(WAIT)
        two = scheduler.submit([Question(question="a"), Question(question="b")], [None, None])
        with pytest.raises(FullError, match="2"):
            scheduler.submit([Question(question="c"), Question(question="d")], [None, None])
        assert scheduler.waiting == 2
        # Who gives up makes room.
        assert two[0].cancel()
        scheduler.submit([Question(question="c"), Question(question="d")], [None, None])
        gate.open.set()
    assert [each.question for batch in gate.asking.batches for each in batch] == ["first", "b", "c", "d"]


def test_a_scheduler_that_is_closed_answers_what_waits_and_takes_nothing_new() -> None:
    gate = Gate()
    scheduler = Scheduler(gate, queue=5, together=1)
    futures = [scheduler.submit([Question(question=str(number))], [None])[0] for number in range(3)]
    assert gate.inside.wait(WAIT) and not scheduler.close(0) and scheduler.works
    with pytest.raises(ClosedError):
        scheduler.submit([Question(question="late")], [None])
    gate.open.set()
    assert scheduler.close(WAIT) and not scheduler.works
    assert [future.result(0).question for future in futures] == ["0", "1", "2"]


def test_too_few_replies_are_a_failure_and_no_mistaken_answer() -> None:
    with scheduling(lambda questions, tell: [answer(question) for question in questions[1:]]) as scheduler:
        [future] = scheduler.submit([Question(question="a")], [None])
        with pytest.raises(ValueError, match="0 replies to 1"):
            future.result(WAIT)
