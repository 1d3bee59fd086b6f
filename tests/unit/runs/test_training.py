"""The teacher's annotations and a student's own together: in their order, and read when they are needed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import DataError
from mindsmirror.records import Annotation, Example, Provenance
from mindsmirror.runs.training import BesideOwn
from mindsmirror.system.files import write_records
from mindsmirror.system.record_file import RecordFile

PROVENANCE = Provenance(teacher="t", judge="t", prompt="", temperature=1.0, tokens_in=0, tokens_out=0)
QUESTIONS = st.lists(st.sampled_from("abcdef"), max_size=8)


def annotated(questions: Sequence[str], split: str) -> list[Annotation]:
    """One annotation for each question; `split` says whose it is."""
    return [
        Annotation(
            example=Example(id=question, text=f"{question} {number}?"),
            split=split,
            rationales=(),
            evaluations=(),
            provenance=PROVENANCE,
        )
        for number, question in enumerate(questions)
    ]


@given(st.lists(st.sampled_from("abcdef"), max_size=6, unique=True), QUESTIONS)
def test_a_question_is_followed_by_what_the_student_wrote_of_it(taught: list[str], written: list[str]) -> None:
    teachers, own = annotated(taught, "train"), annotated(written, "own")
    both = BesideOwn(teachers, own)
    found = list(both)
    assert [each for each in found if each.split == "train"] == teachers
    assert sorted(each.example.text for each in found if each.split == "own") == sorted(e.example.text for e in own)
    ids = [each.example.id for each in found]
    for question in {*taught, *written}:
        first = ids.index(question)
        together = found[first : first + ids.count(question)]
        assert {each.example.id for each in together} == {question}
        assert [each for each in together if each.split == "own"] == [e for e in own if e.example.id == question]
        assert (together[0].split == "train") == (question in taught)
    assert list(both) == found and len(both) == len(found)
    assert [both[place] for place in range(-len(found), len(found))] == found + found
    assert both[1:-1] == tuple(found[1:-1])


def test_the_teachers_are_read_one_by_one(tmp_path: Path) -> None:
    """A line that is broken is noticed when it is reached, and not before."""
    path = tmp_path / "annotations.jsonl"
    write_records(path, annotated("abc", "train"))
    both = BesideOwn(RecordFile(path, Annotation), annotated("a", "own"))
    assert [each.example.id for each in both] == ["a", "a", "b", "c"]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"x" * (len(lines[1]) - 1) + b"\n" + lines[2])
    reading = iter(both)
    assert [next(reading).split for _ in range(2)] == ["train", "own"]
    with pytest.raises(DataError, match="Invalid JSON"):
        next(reading)
