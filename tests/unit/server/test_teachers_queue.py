"""Whatever becomes of the teacher, whoever asked gets a reply, and the student's queue does not wait."""

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from mindsmirror.inference.question import Question, Reply, TeacherReply
from mindsmirror.records import Parse
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.escalated import Escalated

WAIT = 60.0
QUESTION = Question(question="2+3?")


def own(*, abstained: bool) -> Reply:
    fields: dict[str, Any] = {"verdict": None, "p_correct": None, "confidence": 0.3, "calibrated": True}
    return Reply(
        question="2+3?",
        arm="a",
        mode="think",
        answer="6",
        text="So 6.",
        rationale="So 6.",
        abstained=abstained,
        parse=Parse.OK,
        tokens=3,
        **fields,
    )


class Teacher:
    """Says 5 as soon as it is let, or fails."""

    name = "teacher"

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[int] = []
        self.go, self.inside, self._fails = threading.Event(), threading.Event(), fails

    def ask(self, questions: Sequence[Question]) -> list[TeacherReply]:
        self.asked.append(len(questions))
        self.inside.set()
        assert self.go.wait(WAIT)
        if self._fails:
            raise RuntimeError("no memory is left")
        return [TeacherReply(name=self.name, answer="5", text="The answer is 5.") for _ in questions]


def opened(teacher: Any, observed: list[TeacherReply], **settings: Any) -> Escalated:
    return Escalated(teacher, ServerConfig(escalate=True, **settings), observed.extend)


def replied(reply: Reply) -> "Future[Reply]":
    found: Future[Reply] = Future()
    found.set_result(reply)
    return found


def test_a_sure_reply_does_not_wait_for_the_teacher() -> None:
    teacher, observed = Teacher(), list[TeacherReply]()
    queue = opened(teacher, observed)
    sent = queue.after(QUESTION, replied(own(abstained=True)))
    assert teacher.inside.wait(WAIT)
    assert queue.after(QUESTION, replied(own(abstained=False))).result(WAIT) == own(abstained=False)
    assert not sent.done()
    teacher.go.set()
    reply = sent.result(WAIT)
    assert (reply.answer, reply.answered_by, reply.student) == ("5", "teacher", own(abstained=True))
    assert queue.close(WAIT) and teacher.asked == [1] and [each.answer for each in observed] == ["5"]


@pytest.mark.parametrize("how", ["fails", "full", "closed"])
def test_a_teacher_that_cannot_answer_leaves_the_students_reply_and_the_reason(how: str) -> None:
    teacher = Teacher(fails=how == "fails")
    queue = opened(teacher, [], queue=1, together=1)
    waiting: list[Future[Reply]] = []
    if how == "full":
        waiting.append(queue.after(QUESTION, replied(own(abstained=True))))
        assert teacher.inside.wait(WAIT)
        waiting.append(queue.after(QUESTION, replied(own(abstained=True))))
    if how == "closed":
        assert queue.close(WAIT)
    if how == "fails":
        teacher.go.set()
    reply = queue.after(QUESTION, replied(own(abstained=True))).result(WAIT)
    assert reply.model_copy(update={"teacher": None}) == own(abstained=True)
    reason = {"fails": "the server's log says why", "full": "wait for the teacher already", "closed": "the server ends"}
    assert reply.teacher is not None and reason[how] in reply.teacher.error
    assert "no memory" not in reply.teacher.error
    teacher.go.set()
    assert [each.result(WAIT).answered_by for each in waiting] == ["teacher"] * len(waiting)
    assert queue.close(WAIT)


def test_who_hangs_up_gives_up_the_students_reply_and_a_fault_is_passed_on() -> None:
    teacher = Teacher()
    queue = opened(teacher, [])
    pending: Future[Reply] = Future()
    assert queue.after(QUESTION, pending).cancel() and pending.cancelled()
    given_up: Future[Reply] = Future()
    found = queue.after(QUESTION, given_up)
    given_up.cancel()
    with pytest.raises(CancelledError):
        found.result(WAIT)
    failed: Future[Reply] = Future()
    failed.set_exception(RuntimeError("the student failed"))
    with pytest.raises(RuntimeError, match="the student failed"):
        queue.after(QUESTION, failed).result(WAIT)
    # Who hangs up while the teacher writes loses nothing of the others.
    gone = queue.after(QUESTION, replied(own(abstained=True)))
    assert teacher.inside.wait(WAIT) and gone.cancel()
    teacher.go.set()
    assert queue.after(QUESTION, replied(own(abstained=True))).result(WAIT).answer == "5"
    assert queue.close(WAIT)
