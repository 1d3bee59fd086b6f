"""A rationale must state its answer in a sentence; a direct reply may be the answer alone."""

from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.answers import Number, Text
from mindsmirror.inference.reading import read_direct, read_rationale
from mindsmirror.records import Example, Parse
from mindsmirror.tasks import Splits, Task

EXAMPLE = Example(id="q", text="What is 3 + 4?", gold="7")
TASK = Task("sums", 1, "CC0", Number(), Splits((), (), (EXAMPLE,)))


def test_the_sentence_is_read_in_both() -> None:
    for read in (read_rationale, read_direct):
        reply = read(TASK, EXAMPLE, "3 + 4 = 7. The answer is 7.")
        assert reply.answer is not None and (reply.answer.text, reply.parse) == ("7", Parse.OK)


def test_an_answer_alone_is_read_where_it_was_asked_for() -> None:
    assert read_rationale(TASK, EXAMPLE, "7").answer is None
    direct = read_direct(TASK, EXAMPLE, "7")
    assert direct.answer is not None and direct.answer.text == "7" and direct.reasoning == ""
    assert read_direct(TASK, EXAMPLE, "no idea").parse is Parse.BAD_ANSWER
    assert read_direct(TASK, EXAMPLE, "").parse is Parse.EMPTY


def test_what_was_cut_in_the_answer_is_not_read() -> None:
    assert read_rationale(TASK, EXAMPLE, "So the answer is 7", truncated=True).parse is Parse.TRUNCATED
    assert read_rationale(TASK, EXAMPLE, "So the answer is 7").parse is Parse.OK


def test_a_text_that_was_cut_is_no_answer() -> None:
    task = Task("words", 1, "CC0", Text(), Splits((), (), (EXAMPLE,)))
    assert read_direct(task, EXAMPLE, "a long story", truncated=True).parse is Parse.TRUNCATED
    assert read_direct(task, EXAMPLE, "a long story").parse is Parse.OK


@given(st.text(), st.booleans())
def test_a_direct_reply_is_read_whenever_a_rationale_would_be(text: str, truncated: bool) -> None:
    thought = read_rationale(TASK, EXAMPLE, text, truncated=truncated)
    direct = read_direct(TASK, EXAMPLE, text, truncated=truncated)
    assert thought.answer is None or direct.answer == thought.answer
