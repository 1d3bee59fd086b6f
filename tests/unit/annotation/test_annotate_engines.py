"""What the loop does to engines: how full they are kept, when they are opened, and that they are closed."""

from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mindsmirror.annotation.annotate import TELLING, Tally, Teacher
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Completion, Engine, Request
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.engines.scripted import teacher as script
from mindsmirror.errors import EngineError, StorageError, UnansweredError
from mindsmirror.records import Example

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab


@pytest.mark.parametrize(("capacity", "k"), [(1, 1), (8, 2), (8, 3), (16, 5)])
def test_no_more_questions_are_open_than_keep_the_engine_busy(lab: "Lab", capacity: int, k: int) -> None:
    finished, most_open = 0, 0

    def questions() -> Iterator[tuple[str, Example]]:
        nonlocal most_open
        for taken, example in enumerate(lab.sums(60), start=1):
            most_open = max(most_open, taken - finished)
            yield "train", example

    with Store(lab.path) as store:
        for _ in lab.annotator(store, k=k, teacher=lab.teacher(capacity=capacity)).run(questions()):
            finished += 1
    assert finished == 60
    # A question is begun while fewer than `capacity` samples are in flight; each that is open has at least one.
    assert capacity <= lab.engines[0].most <= capacity - 1 + k
    # The one that a poll has completed is handed on once what takes its place is written down with it.
    assert most_open <= capacity + 1


def test_questions_are_taken_as_they_are_needed(lab: "Lab") -> None:
    taken = []

    def endless() -> Iterator[tuple[str, Example]]:
        number = 0
        while True:
            taken.append(number)
            yield "train", lab.sums(1, first=number)[0]
            number += 1

    with Store(lab.path) as store:
        run = lab.annotator(store, k=2, teacher=lab.teacher(capacity=8)).run(endless())
        assert len(list(islice(run, 10))) == 10
        assert isinstance(run, Iterator) and len(taken) <= 10 + 8


def test_self_evaluations_are_asked_for_while_other_rationales_are_being_written(lab: "Lab") -> None:
    waiting: list[str] = []
    beside: list[set[str]] = []

    class Watched(ScriptedEngine):
        def submit(self, request: Request) -> None:
            judging = "solution" in request.messages[-1].content
            waiting.append("self-evaluation" if judging else "rationale")
            if judging:
                beside.append(set(waiting[self.served : -1]))
            super().submit(request)

    engine = Watched(identity=lab.teacher().identity, capacity=6)
    lab.annotate(lab.sums(30), k=2, teacher=Teacher("scripted", engine.identity, lambda: engine))
    assert len(beside) > 30 and waiting.count("rationale") == 30
    # At the end there are no other rationales left to write.
    assert sum("rationale" in others for others in beside) > len(beside) / 2


def test_k_rationales_are_one_request_and_so_are_m_self_evaluations_of_one(lab: "Lab") -> None:
    found = lab.annotate(lab.sums(6), k=4, m=3)
    requests = lab.engines[0].requests
    asked = [request for request in requests if "solution" not in request.messages[-1].content]
    judging = [request for request in requests if request not in asked]
    assert [len(request.keys) for request in asked] == [4] * 6
    assert {len(request.keys) for request in judging} == {3}
    texts = [{r.text for r in a.rationales if r.answer is not None} for a in found.values()]
    assert len(judging) == sum(map(len, texts)), "one for each different text"
    prefix = asked[0].messages[: asked[0].shared]
    assert all(request.messages[: request.shared] == prefix for request in requests), "which an engine computes once"
    for request in judging:
        # A critique goes on where its rationale ended, so an engine's cache holds all but the words that ask for it.
        assert [each.messages for each in asked].count(request.messages[:-2]) == 1


def test_another_teacher_judges(lab: "Lab") -> None:
    teacher, judge = lab.teacher(name="pupil"), lab.teacher(name="examiner", capacity=2)
    found = lab.annotate(lab.sums(8), strategy="plain", teacher=teacher, judge=judge)
    first, second = lab.engines
    assert {len(r.messages) for r in first.requests} == {len(lab.prompts.rationale(lab.sums(1)[0]).messages)}
    assert all("Is this solution correct" in r.messages[-1].content for r in second.requests)
    assert len(first.keys) == 8 * 3 and len(second.keys) + len(first.keys) == len(lab.stored())
    for annotation in found.values():
        assert {r.teacher for r in annotation.rationales} == {"pupil"}
        assert {e.teacher for e in annotation.evaluations} == {"examiner"}
        assert (annotation.provenance.teacher, annotation.provenance.judge) == ("pupil", "examiner")


def test_a_judge_of_the_teachers_name_but_another_identity_is_another_engine(lab: "Lab") -> None:
    teacher, other = lab.teacher(), lab.teacher()
    judge = Teacher(teacher.name, {**other.identity, "base_url": "elsewhere"}, other.open)
    lab.annotate(lab.sums(3), teacher=teacher, judge=judge)
    assert len(lab.engines) == 2
    lab.path.unlink()
    lab.annotate(lab.sums(3), teacher=teacher, judge=Teacher("same model", other.identity, other.open))
    assert len(lab.engines) == 1


def test_only_the_engine_that_lacks_samples_is_opened(lab: "Lab") -> None:
    teacher, judge = lab.teacher(name="pupil"), lab.teacher(name="examiner")
    lab.annotate(lab.sums(3), m=0, teacher=teacher)
    lab.annotate(lab.sums(3), m=1, teacher=teacher, judge=judge)
    assert [engine.identity["model"] for engine in lab.engines] == ["examiner"]


class Broken(ScriptedEngine):
    """Works for five replies, then is of no use; its own end fails too."""

    closed = 0

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        if self.served == 5:
            raise EngineError("the endpoint is down")
        return super().poll()

    def close(self) -> None:
        type(self).closed += 1
        raise RuntimeError("cannot be closed")


def test_engines_are_closed_when_one_breaks_and_what_came_is_kept(lab: "Lab", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Broken, "closed", 0)
    pupil = lab.teacher(name="pupil")

    def opened() -> Engine:
        return Broken("teacher", identity={"model": "examiner"})

    judge = Teacher("examiner", {"model": "examiner"}, opened)
    with Store(lab.path) as store:
        annotator = lab.annotator(store, k=3, strategy="plain", teacher=pupil, judge=judge)
        with pytest.raises(RuntimeError) as caught:
            list(annotator.run(("train", example) for example in lab.sums(30)))
    assert isinstance(caught.value.__context__, EngineError)
    assert lab.engines[0].closed == 1 and Broken.closed == 1
    assert len(lab.stored()) >= 5 + 3
    examiner = lab.teacher(name="mended")
    lab.annotate(lab.sums(30), k=3, strategy="plain", teacher=pupil, judge=examiner)
    assert lab.engines[0].closed == 1


@pytest.mark.parametrize("where", ["script", "progress", "questions", "consumer"])
def test_engines_are_closed_whoever_raises(lab: "Lab", where: str) -> None:
    def failing(request: Request, key: str) -> str:
        if where == "script" and "7 + 10" in request.messages[-1].content:
            raise KeyboardInterrupt
        return script(request, key)

    def progress(tally: Tally) -> None:
        if where == "progress" and tally.questions > 3:
            raise KeyboardInterrupt

    def questions() -> Iterator[tuple[str, Example]]:
        for example in lab.sums(20):
            if where == "questions" and example.id == "q15":
                raise KeyboardInterrupt
            yield "train", example

    with Store(lab.path) as store:
        annotator = lab.annotator(store, teacher=lab.teacher(failing))
        run = annotator.run(questions(), progress)
        with pytest.raises(KeyboardInterrupt):
            for number, _ in enumerate(run):
                if where == "consumer" and number == 3:
                    raise KeyboardInterrupt
        # A consumer that breaks off leaves the loop suspended until it is closed or forgotten.
        assert isinstance(run, Generator)
        run.close()
        assert [engine.closed for engine in lab.engines] == [1]
        where = "nowhere"
        assert len(list(annotator.run(("train", example) for example in lab.sums(20)))) == 20
    assert [engine.closed for engine in lab.engines] == [1, 1]
    asked = lab.asked
    assert len(set(asked)) == len(lab.stored())
    assert len(asked) - len(set(asked)) == 0, "what was served was stored"


def test_an_engine_that_forgets_its_requests_is_an_error(lab: "Lab") -> None:
    class Forgetful(ScriptedEngine):
        def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
            return []

    teacher = Teacher("forgetful", {"model": "forgetful"}, Forgetful)
    with Store(lab.path) as store, pytest.raises(EngineError, match=r"forgetful.*9 samples are in flight"):
        list(lab.annotator(store, teacher=teacher).run(("train", example) for example in lab.sums(3)))


def test_a_store_that_fails_ends_the_run_with_its_error(lab: "Lab", tmp_path: Path) -> None:
    class Full(Store):
        def commit(self) -> None:
            if len(lab.asked) > 6:
                raise StorageError("the disk is full")
            super().commit()

    with pytest.raises(StorageError, match="full"), Full(tmp_path / "store.sqlite") as store:
        list(lab.annotator(store).run(("train", example) for example in lab.sums(9)))
    assert lab.engines[0].closed == 1
    assert len(lab.stored()) == 6


def test_the_tally_counts_what_this_process_did(lab: "Lab") -> None:
    seen: list[tuple[int, int]] = []
    with Store(lab.path) as store:
        annotator = lab.annotator(store, k=2, m=0, teacher=lab.teacher(lambda messages, key: "The answer is 1."))
        questions = [("train", example) for example in lab.sums(5)]
        list(annotator.run(questions, lambda tally: seen.append((tally.questions, tally.came.samples))))
    assert seen[-1] == (5, 10) and seen == sorted(seen)
    assert annotator.tally.came.tokens_out == 10 * 4


def test_a_teacher_that_states_no_answer_is_not_asked_for_all(lab: "Lab") -> None:
    """What has come is kept, and whoever wants all the same says so."""

    musing = ScriptedEngine(lambda request, key: "I wonder.", identity={"model": "musing"})
    teacher = Teacher("musing", {"model": "musing"}, lambda: musing)
    with pytest.raises(UnansweredError, match=r"not one of the first \d\d replies .*max_failed = 1"):
        lab.annotate(lab.sums(200), k=3, m=0, teacher=teacher)
    assert TELLING <= len(lab.stored()) < 200
