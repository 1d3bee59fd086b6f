"""Many questions for one student that stays loaded: typed at a prompt, or as lines of a file or of standard input."""

import json
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mindsmirror.cli.options import as_text
from mindsmirror.errors import DataError, MindsMirrorError
from mindsmirror.system.documents import read_lines, text_of
from mindsmirror.system.terminal import plain, quantity

if TYPE_CHECKING:
    from mindsmirror.inference.question import Reply, TeacherReply
    from mindsmirror.runs.student import TrainedStudent

TOGETHER = 256
"""Lines that are answered at a time, if so many are there."""
PROMPT = "> "


def reply_lines(reply: "Reply") -> list[str]:
    """A reply for people; there is always an answer or the text in which none was found."""
    if reply.teacher is not None and reply.student is not None:
        return _teacher_lines(reply.teacher, reply.student)
    if reply.answer is None:
        lines = [f"answer: none that can be read. The student wrote: {reply.text or 'nothing'}"]
    else:
        lines = [f"answer: {reply.answer}"]
    if reply.rationale and reply.answer is not None:
        lines.append(f"rationale: {reply.rationale}")
    if reply.p_correct is not None:
        lines.append(f"own verdict: {reply.verdict}, P(correct) = {reply.p_correct:.2f} (not calibrated)")
    if reply.confidence is not None:
        lines.append(f"confidence: {reply.confidence:.2f} ({_meaning(reply)})")
    if reply.abstained:
        lines.append("it abstains: an answer as unsure as this one would not keep the risk that the recipe promises")
    if reply.teacher is not None:
        lines.append(f"its teacher {reply.teacher.name} was asked and gave no answer: {reply.teacher.error}")
    return lines


def _meaning(reply: "Reply") -> str:
    """What the confidence of a reply says."""
    if not reply.calibrated:
        return "share of the votes"
    near = reply.alike
    if near is None:
        return "calibrated"
    span = f"between {near.least:.2f} and {near.most:.2f}"
    return f"calibrated; of the {near.of} validation answers {span}, {near.right} were right"


def _teacher_lines(teacher: "TeacherReply", student: "Reply") -> list[str]:
    """A teacher's answer, and what it stands in place of."""
    paid = "" if teacher.usd is None else f" (${teacher.usd:.4f})"
    own = f"would say {student.answer}" if student.answer is not None else "has no answer that can be read"
    sure = "" if student.confidence is None else f" (confidence {student.confidence:.2f})"
    return [
        f"answer: {teacher.answer}",
        f"rationale: {teacher.text}",
        f"by the teacher {teacher.name}, with {teacher.tokens_in + teacher.tokens_out} tokens{paid}",
        f"the student abstains; it {own}{sure}",
    ]


def converse(student: "TrainedStudent", mode: str | None, *, escalate: bool = False) -> None:
    """Answer what is typed, question by question, until the input ends. A line that ends in \\ goes on below."""
    click.echo(f"{student!r}. Ctrl-D ends.", err=True)
    while (question := _typed()) is not None:
        if question.strip():
            try:
                reply = student.ask(question, mode=mode, escalate=escalate)
            except MindsMirrorError as error:
                click.echo(plain(str(error)), err=True)
                continue
            for line in reply_lines(reply):
                click.echo(plain(line))


def answer_lines(student: "TrainedStudent", mode: str | None, source: Path | None, *, escalate: bool = False) -> None:
    """Answer each line of a file, or of standard input, with a line of JSON; what is there already goes together.

    A line is a question, or a JSON object with `question` and further keys of `Question`; its other keys are handed on,
    an `answer` that it has as `gold`. With `escalate` stderr tells at the end what the teacher was asked.
    """
    from mindsmirror.tasks.tables import PARQUET, TABLES

    if source is not None and source.name.lower().endswith((*TABLES, PARQUET)):
        raise DataError(f"{source}: a table's rows are not read as questions here. Save it as JSON Lines, or as text.")
    sent: list[TeacherReply] = []
    name = "standard input" if source is None else str(source)
    for lines in _batches(sys.stdin.buffer if source is None else read_lines(source)):
        rows = [_row(line, f"{name}, line {number}", number) for number, line in lines if line.strip()]
        replies = student.ask_many([asked for asked, _ in rows], mode=mode, escalate=escalate)
        sent += [reply.teacher for reply in replies if reply.teacher is not None]
        for (_, others), reply in zip(rows, replies, strict=True):
            click.echo(as_text({**others, **reply.model_dump(mode="json")}))
    if escalate:
        click.echo(plain(_told(sent)), err=True)


def _told(sent: "list[TeacherReply]") -> str:
    """What was sent to the teacher and what came of it, in a sentence."""
    if not sent:
        return "nothing was sent to the teacher: the student abstained from no question"
    answered = sum(each.answer is not None for each in sent)
    tokens = sum(each.tokens_in + each.tokens_out for each in sent)
    known = [each.usd for each in sent if each.usd is not None]
    paid = f" (${sum(known):.4f})" if known else ""
    failure = next((f"; {each.error}" for each in sent if each.error), "")
    return f"{quantity(len(sent), 'question')} sent to the teacher, {answered} answered, {tokens} tokens{paid}{failure}"


def _typed() -> str | None:
    """A question from the terminal; None at the end of the input."""
    lines: list[str] = []
    try:
        while True:
            lines.append(input(PROMPT if not lines else "  "))
            if not lines[-1].endswith("\\"):
                return "\n".join(line.removesuffix("\\") for line in lines)
    except EOFError:
        return None


def _row(line: bytes, where: str, number: int) -> tuple[Any, dict[str, Any]]:
    """What is asked in a line, and what else stands in it. DataError names the line."""
    from mindsmirror.inference.question import Question, as_question

    try:
        text = text_of(line, number).strip()
        values = json.loads(text) if text.startswith("{") else {"question": text}
        own = {key: value for key, value in values.items() if key in Question.model_fields}
        others = {key: value for key, value in values.items() if key not in own}
        return as_question(own), {"gold" if key == "answer" else key: value for key, value in others.items()}
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: the line is no JSON object and no text: {error}.") from error
    except MindsMirrorError as error:
        raise DataError(f"{where}: {error}") from error


def _batches(lines: Iterable[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """Numbered lines, as many at a time as have come: somebody who types or pipes them slowly is answered at once."""
    came: queue.Queue[tuple[int, bytes] | BaseException | None] = queue.Queue(2 * TOGETHER)

    def read() -> None:
        try:
            for numbered in enumerate(lines, start=1):
                came.put(numbered)
            came.put(None)
        except Exception as error:
            came.put(error)

    threading.Thread(target=read, daemon=True).start()
    batch: list[tuple[int, bytes]] = []
    while True:
        if batch and (len(batch) == TOGETHER or came.empty()):
            yield batch
            batch = []
        found = came.get()
        if isinstance(found, BaseException):
            raise DataError(f"the questions cannot be read: {found}") from found
        if found is None:
            break
        batch.append(found)
    if batch:
        yield batch
