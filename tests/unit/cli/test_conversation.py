"""Questions that are typed or piped: when they are answered, and what is said where there is no answer."""

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mindsmirror.cli.conversation import TOGETHER, _batches, answer_lines, converse, reply_lines
from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.inference.question import Reply, TeacherReply
from mindsmirror.records import Parse
from mindsmirror.runs.student import TrainedStudent


def reply(question: str, answer: str | None, text: str) -> Reply:
    return Reply(
        question=question,
        arm="mirror",
        mode="think",
        answer=answer,
        text=text,
        rationale=text,
        verdict=None,
        p_correct=None,
        confidence=None,
        calibrated=False,
        abstained=False,
        parse=Parse.OK if answer else Parse.NO_ANSWER,
        tokens=3,
    )


def test_an_answer_that_cannot_be_read_comes_with_its_text() -> None:
    assert reply_lines(reply("2?", None, "Who knows.")) == [
        "answer: none that can be read. The student wrote: Who knows."
    ]
    assert reply_lines(reply("2?", "2", "It is 2.")) == ["answer: 2", "rationale: It is 2."]


def test_a_teachers_answer_says_whose_it_is_and_what_the_student_would_say() -> None:
    unsure = reply("2?", "3", "It is 3.").model_copy(update={"abstained": True, "confidence": 0.25, "calibrated": True})
    said = TeacherReply(name="large", answer="2", text="One and one. The answer is 2.", tokens_in=30, tokens_out=8)
    assert reply_lines(unsure.sent(said)) == [
        "answer: 2",
        "rationale: One and one. The answer is 2.",
        "by the teacher large, with 38 tokens",
        "the student abstains; it would say 3 (confidence 0.25)",
    ]
    unread = reply("2?", None, "Who knows.").model_copy(update={"abstained": True})
    assert reply_lines(unread.sent(said.model_copy(update={"usd": 0.5})))[2:] == [
        "by the teacher large, with 38 tokens ($0.5000)",
        "the student abstains; it has no answer that can be read",
    ]
    assert reply_lines(unsure.sent(TeacherReply(name="large", error="the server is down"))) == [
        *reply_lines(unsure),
        "its teacher large was asked and gave no answer: the server is down",
    ]


def test_a_line_that_has_come_is_answered_before_the_next_one_comes() -> None:
    coming: queue.Queue[bytes | None] = queue.Queue()

    def lines() -> Iterator[bytes]:
        while (line := coming.get()) is not None:
            yield line

    batches = _batches(lines())
    for number in range(1, 4):
        coming.put(b"q")
        assert next(batches) == [(number, b"q")]
    coming.put(None)
    assert list(batches) == []


@pytest.mark.parametrize("count", [0, 1, TOGETHER, 3 * TOGETHER + 1])
def test_all_lines_come_in_order(count: int) -> None:
    batches = list(_batches(str(number).encode() for number in range(count)))
    assert [int(line) for batch in batches for _, line in batch] == list(range(count))
    assert [number for batch in batches for number, _ in batch] == list(range(1, count + 1))
    assert all(0 < len(batch) <= TOGETHER for batch in batches)


def test_what_cannot_be_read_is_said() -> None:
    def lines() -> Iterator[bytes]:
        yield b"q"
        raise OSError("the disk is gone")

    with pytest.raises(DataError, match="the disk is gone"):
        list(_batches(lines()))


class Echo:
    """A student that repeats what it is asked, as far as a prompt needs one."""

    def ask(self, question: str, mode: str | None = None, escalate: bool = False) -> Reply:
        if question == "fail":
            raise UnknownNameError("mode", "fail", ["think"])
        said = TeacherReply(name="large", answer=question.upper(), text="So it is.")
        return reply(question, question, "").sent(said) if escalate else reply(question, question, "")


def test_a_prompt_goes_on_until_the_input_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["one", "", "two \\", "three", "fail", "four"])

    def read(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    converse(cast(TrainedStudent, Echo()), None)
    out, err = capsys.readouterr()
    assert out.splitlines() == ["answer: one", "answer: two ", "three", "answer: four"]
    assert "no mode is called 'fail'" in err


def test_a_prompt_sends_to_the_teacher_if_it_should(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = iter(["one"])

    def read(_: str) -> str:
        if (line := next(typed, None)) is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", read)
    converse(cast(TrainedStudent, Echo()), None, escalate=True)
    assert capsys.readouterr().out.startswith("answer: ONE\n")


def test_a_mark_of_the_encoding_is_no_part_of_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    class Student:
        def ask_many(self, questions: list[Any], **_: Any) -> list[Reply]:
            asked.extend(question.question for question in questions)
            return [reply(question.question, "2", "It is 2.") for question in questions]

    file = tmp_path / "asked.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"question": "1 + 1?", "answer": 2}\nAnd 2 + 2?\n')
    answer_lines(cast("TrainedStudent", Student()), None, file)
    assert asked == ["1 + 1?", "And 2 + 2?"]
    assert json.loads(capsys.readouterr().out.splitlines()[0])["gold"] == 2
    with pytest.raises(DataError, match="a table's rows are not read as questions here"):
        answer_lines(cast("TrainedStudent", Student()), None, tmp_path / "asked.CSV")
