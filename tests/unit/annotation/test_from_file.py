"""A file of annotations in place of a teacher: whose questions they are, and what of a file is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from mindsmirror.annotation.from_file import annotations_of_file
from mindsmirror.annotation.imports.importing import import_annotations
from mindsmirror.answers import Number
from mindsmirror.errors import AnnotationError, DataError, RecipeError
from mindsmirror.methods import check_ready, read_arm
from mindsmirror.records import Annotation, Example
from mindsmirror.system.files import write_records
from mindsmirror.tasks.base import Splits, Task

A, B, C, D = (Example(id=name, text=f"Question {name}?", gold="2") for name in "abcd")
TASK = Task("letters", 1, "", Number(), Splits((A, B), (C,), (D,)))


@pytest.fixture
def annotations(tmp_path: Path) -> list[Annotation]:
    """Two rationales of every question, the test question too; one self-evaluation of each."""
    rows = [
        {"id": name, "rationale": f"{number}. The answer is 2.", "evaluations": [{"verdict": "correct"}]}
        for name in "dcba"
        for number in range(2)
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(import_annotations("jsonl", [path], TASK).annotations)


def written(folder: Path, annotations: list[Annotation]) -> Path:
    write_records(folder / "said.jsonl", annotations)
    return folder / "said.jsonl"


def test_training_and_validation_questions_are_taken_in_the_tasks_order(
    tmp_path: Path, annotations: list[Annotation]
) -> None:
    found = annotations_of_file(written(tmp_path, annotations[::-1]), TASK)
    assert [(a.example.id, a.split) for a in found] == [("a", "train"), ("b", "train"), ("c", "valid")]
    assert list(found) == annotations[:3] == found[:3]
    assert found[-1] == annotations[2] and len(found) == 3


def test_the_split_is_that_of_the_task_at_hand(tmp_path: Path, annotations: list[Annotation]) -> None:
    other = Task("letters", 1, "", Number(), Splits((D, C), (A,), ()))
    found = annotations_of_file(written(tmp_path, annotations), other)
    assert [(a.example.id, a.split) for a in found] == [("d", "train"), ("c", "train"), ("a", "valid")]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"text": "Question A?"}, "the text of question 'a'"), ({"gold": "3"}, "the gold of question 'a' is '2'.*'3'")],
)
def test_a_question_that_reads_otherwise_is_refused(
    tmp_path: Path, annotations: list[Annotation], change: dict[str, str], named: str
) -> None:
    task = Task("letters", 1, "", Number(), Splits((A.model_copy(update=change),), (), ()))
    with pytest.raises(DataError, match=rf"said\.jsonl, line 1: {named}.*Import it again"):
        annotations_of_file(written(tmp_path, annotations), task)


def test_a_file_without_training_questions_is_refused(tmp_path: Path, annotations: list[Annotation]) -> None:
    with pytest.raises(DataError, match=r"said\.jsonl: none of its 2 questions is a training question of the task let"):
        annotations_of_file(written(tmp_path, annotations[2:]), TASK)


def edited(annotation: Annotation, path: str, value: Any) -> str:
    document = json.loads(annotation.model_dump_json())
    table: Any = document
    *parents, last = path.split(".")
    for part in parents:
        table = table[int(part)] if isinstance(table, list) else table[part]
    table[last] = value
    return json.dumps(document) + "\n"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("rationales", [{"text": "x"}], r"this is not an annotation \(rationales\.0\.teacher: is missing\).*import"),
        ("schema", 2, "this is not an annotation"),
        ("stranger", 1, r"this is not an annotation \(stranger"),
        ("rationales.1.sample", 0, "two of its rationales have the same sample number"),
        ("evaluations.0.rationale", 7, "it evaluates a rationale 7, which it does not have"),
        ("example.id", "a", r"the question 'a' is also that of .*line 1"),
    ],
)
def test_a_row_that_is_wrong_is_named(
    tmp_path: Path, annotations: list[Annotation], path: str, value: Any, named: str
) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text(annotations[0].model_dump_json() + "\n" + edited(annotations[1], path, value))
    with pytest.raises(DataError, match=rf"said\.jsonl, line 2: {named}"):
        annotations_of_file(file, TASK)


def test_arms_need_of_the_file_what_they_need_of_a_recipe(annotations: list[Annotation]) -> None:
    mirror = read_arm({"name": "mirror", "method": "minds_mirror"})
    check_ready([mirror], annotations, "said.jsonl")
    single = [annotations[0].model_copy(update={"rationales": annotations[0].rationales[:1]})]
    with pytest.raises(AnnotationError, match=r"'mirror'.*rationales >= 2, said\.jsonl has 1"):
        check_ready([mirror], single, "said.jsonl")
    unjudged = [annotations[0].model_copy(update={"evaluations": ()})]
    with pytest.raises(AnnotationError, match=r"'mirror'.*self_evaluations >= 1, said\.jsonl has 0"):
        check_ready([mirror], unjudged, "said.jsonl")
    with pytest.raises(RecipeError, match="keeps the rationales that are right by gold"):
        fine = read_arm({"name": "fine", "method": "fine_tune_cot", "labels": "teacher"})
        check_ready([fine], annotations, "said.jsonl")


def test_verdicts_from_gold_need_gold_labels_in_every_arm(annotations: list[Annotation]) -> None:
    document = json.loads(edited(annotations[0], "evaluations.0.source", "informed"))
    informed = [Annotation.model_validate(document)]
    with pytest.raises(AnnotationError, match=r"'labels': verdicts in said\.jsonl come from gold"):
        check_ready([read_arm({"name": "labels", "method": "standard"})], informed, "said.jsonl")
    check_ready([read_arm({"name": "labels", "method": "standard", "labels": "gold"})], informed, "said.jsonl")
    weighed = json.loads(edited(annotations[0], "evaluations.0.calibration", "gold"))
    with pytest.raises(AnnotationError, match=r"'labels': verdicts in said\.jsonl come from gold"):
        check_ready(
            [read_arm({"name": "labels", "method": "standard"})], [Annotation.model_validate(weighed)], "said.jsonl"
        )
