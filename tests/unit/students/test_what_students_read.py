"""Tags, templates and truncation: the very characters that a student reads and writes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny

from mindsmirror.records import Tag
from mindsmirror.students.text import IN_WORDS, prompt_text

Folder = Callable[..., Path]
QUESTION, RATIONALE = "What is 2+3?", "2+3=5. The answer is 5."


def read(folder: Path, tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False) -> str:
    student = tiny.load(folder)
    decoded: str = student.tokenizer.decode(student.source(tag, question, rationale, in_words=in_words))
    return decoded


@pytest.mark.parametrize("kind", tiny.CAUSAL)
@pytest.mark.parametrize("tag", Tag)
def test_a_decoder_reads_the_tag_after_the_question_in_its_template(kind: str, tag: Tag, tiny_folder: Folder) -> None:
    shown = read(tiny_folder(kind), tag, QUESTION, None)
    assert shown == f"<s><u>What is 2+3?\n\n{tag.value}</s><r>"


@pytest.mark.parametrize("kind", tiny.CAUSAL)
def test_a_decoder_judges_by_reading_on_from_the_thought(kind: str, tiny_folder: Folder) -> None:
    shown = read(tiny_folder(kind), Tag.VERDICT, QUESTION, RATIONALE)
    assert shown == "<s><u>What is 2+3?\n\nexplain</s><r>2+3=5. The answer is 5.</s><u>verdict</s><r>"
    student = tiny.load(tiny_folder(kind))
    thought = (*student.source(Tag.EXPLAIN, QUESTION, None), *student.target(RATIONALE))
    for tag in (Tag.VERDICT, Tag.CRITIQUE):
        assert student.source(tag, QUESTION, RATIONALE)[: len(thought)] == thought


def test_a_decoder_judges_a_rationale_alone_as_published(tiny_folder: Folder) -> None:
    alone = read(tiny_folder("llama"), Tag.PREDICT, None, RATIONALE)
    assert alone == "<s><u>2+3=5. The answer is 5.\n\npredict</s><r>"


def test_a_decoder_without_a_template_reads_plain_lines(tiny_folder: Folder) -> None:
    folder = tiny_folder("llama", chat=False)
    assert read(folder, Tag.EXPLAIN, QUESTION, None) == "What is 2+3?\n\nexplain\n"
    shown = read(folder, Tag.VERDICT, QUESTION, RATIONALE)
    assert shown == "What is 2+3?\n\nexplain\n2+3=5. The answer is 5.\n\nverdict\n"


@pytest.mark.parametrize("tag", Tag)
def test_an_encoder_reads_the_tag_first(tag: Tag, tiny_folder: Folder) -> None:
    assert read(tiny_folder("t5"), tag, QUESTION, None) == f"{tag.value}: What is 2+3?</s>"


def test_an_encoder_judges_question_and_rationale(tiny_folder: Folder) -> None:
    both = read(tiny_folder("t5"), Tag.CRITIQUE, QUESTION, RATIONALE)
    assert both == "critique: What is 2+3?\n\n2+3=5. The answer is 5.</s>"
    assert read(tiny_folder("t5"), Tag.PREDICT, None, RATIONALE) == "predict: 2+3=5. The answer is 5.</s>"


@pytest.mark.parametrize("tag", Tag)
def test_the_untrained_are_asked_in_words(tag: Tag, tiny_folder: Folder) -> None:
    assert read(tiny_folder("llama"), tag, "Q", None, in_words=True) == f"<s><u>Q\n\n{IN_WORDS[tag]}</s><r>"
    assert read(tiny_folder("t5"), tag, "Q", None, in_words=True) == f"Q\n\n{IN_WORDS[tag]}</s>"


@pytest.mark.parametrize("kind", tiny.FAMILIES)
def test_what_is_written_ends_with_the_end_of_sequence(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    written = student.target("ab")
    assert student.tokenizer.decode(written) == "ab</s>"
    assert len(written) == 3


def test_questions_too_long_lose_their_beginning_and_keep_the_tag(tiny_folder: Folder) -> None:
    question = "x" * 50 + " How many?"
    causal = tiny.load(tiny_folder("llama"), max_source=24)
    ids = causal.source(Tag.PREDICT, question, None)
    assert len(ids) == 24
    assert causal.tokenizer.decode(ids) == "xxx How many?\n\npredict</s><r>"
    encoder = tiny.load(tiny_folder("t5"), max_source=24)
    ids = encoder.source(Tag.PREDICT, question, None)
    assert len(ids) == 24
    assert encoder.tokenizer.decode(ids) == "predict:xxxxx How many?</s>"
    ids = encoder.source(Tag.EXPLAIN, question, None, in_words=True)
    assert encoder.tokenizer.decode(ids) == " where X is the answer.</s>"


def test_the_shortest_room_still_holds_something(tiny_folder: Folder) -> None:
    encoder = tiny.load(tiny_folder("t5"), max_source=8)
    assert encoder.tokenizer.decode(encoder.source(Tag.CRITIQUE, "Q" * 30, None)) == "critique:</s>"


@pytest.mark.parametrize("kind", [*tiny.CAUSAL, "t5", "bart"])
@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("asked", [(QUESTION, None), (QUESTION, RATIONALE), (None, RATIONALE)])
@pytest.mark.parametrize("tag", Tag)
def test_a_prompt_as_text_is_what_the_student_reads(
    kind: str, chat: bool, asked: tuple[str | None, str | None], tag: Tag, tiny_folder: Folder
) -> None:
    student = tiny.load(tiny_folder(kind, chat=chat))
    encoder_decoder = kind in tiny.SEQ2SEQ
    text = prompt_text(student.tokenizer, tag, *asked, encoder_decoder=encoder_decoder)
    read = student.source(tag, *asked)
    assert tuple(student.tokenizer(text, add_special_tokens=encoder_decoder).input_ids) == read
