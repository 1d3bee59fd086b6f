"""What the student abstains from goes on to the teacher of its run, in a queue and a thread of its own.

The student goes on answering others meanwhile. A question that the teacher does not answer, for whatever reason, keeps
the student's reply, which then says why.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from mindsmirror.inference.question import Question, Reply, TeacherReply
from mindsmirror.runs.standby import StandbyTeacher
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.scheduler import ClosedError, FullError, Scheduler
from mindsmirror.system.progress import quietly


class Escalated:
    """The teacher's queue."""

    def __init__(
        self, teacher: StandbyTeacher, config: ServerConfig, observe: Callable[[Sequence[TeacherReply]], None]
    ) -> None:
        """`observe` is told of every reply of the teacher."""
        self._teacher, self._observe = teacher, observe
        self._scheduler = Scheduler(self._ask, queue=config.queue, together=config.together, name="teacher")

    def after(self, question: Question, own: "Future[Reply]") -> "Future[Reply]":
        """The student's own reply, or the teacher's if the student abstains; cancelling it gives up the student's."""
        found: Future[Reply] = Future()

        def answered(own: "Future[Reply]") -> None:
            if own.cancelled():
                found.cancel()
            elif error := own.exception():
                _fail(found, error)
            elif not own.result().abstained:
                _give(found, own.result())
            elif not found.cancelled():
                self._send(question, own.result(), found)

        found.add_done_callback(lambda ended: own.cancel() if ended.cancelled() else None)
        own.add_done_callback(answered)
        return found

    def close(self, seconds: float) -> bool:
        """Take nothing more, answer what waits, and say whether that was done within these seconds."""
        return self._scheduler.close(seconds)

    def _ask(self, questions: Sequence[Question], told: object) -> list[TeacherReply]:
        with quietly():
            replies = self._teacher.ask(questions)
        self._observe(replies)
        return replies

    def _send(self, question: Question, own: Reply, found: "Future[Reply]") -> None:
        def said(taught: "Future[TeacherReply]") -> None:
            if error := taught.exception():
                logging.getLogger(__name__).error("the teacher failed", exc_info=error)
                _give(found, own.sent(self._nothing("the teacher failed; the server's log says why")))
            else:
                _give(found, own.sent(taught.result()))

        try:
            [taught] = self._scheduler.submit([question], [None])
        except FullError as error:
            _give(found, own.sent(self._nothing(f"{error} questions wait for the teacher already")))
        except ClosedError:
            _give(found, own.sent(self._nothing("the server ends, and the teacher is not asked any more")))
        else:
            taught.add_done_callback(said)

    def _nothing(self, why: str) -> TeacherReply:
        return TeacherReply(name=self._teacher.name, error=why)


def _give(found: "Future[Reply]", reply: Reply) -> None:
    # Whoever asked may have hung up.
    if found.set_running_or_notify_cancel():
        found.set_result(reply)


def _fail(found: "Future[Reply]", error: BaseException) -> None:
    if found.set_running_or_notify_cancel():
        found.set_exception(error)
