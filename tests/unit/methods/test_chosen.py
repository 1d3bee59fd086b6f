"""Targets that are chosen while they are read: the same each time, counted once, and never held."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mindsmirror.methods.chosen import ChosenTargets, beside, choose_targets, merged
from mindsmirror.records import Annotation, Example, Provenance, Stage, Tag, Target
from mindsmirror.system.files import write_records
from mindsmirror.system.record_file import RecordFile

PROVENANCE = Provenance(teacher="t", judge="t", prompt="", temperature=1.0, tokens_in=0, tokens_out=0)


def annotated(count: int) -> Iterator[Annotation]:
    """Questions whose texts are their numbers."""
    for number in range(count):
        example = Example(id=str(number), text=str(number))
        yield Annotation(example=example, split="train", rationales=(), evaluations=(), provenance=PROVENANCE)


def choose(annotation: Annotation, dropped: Counter[str]) -> Iterator[Target]:
    """A label twice, a rationale of even questions, nothing of every third."""
    number = int(annotation.example.id)
    if number % 3 == 0:
        dropped["third"] += 1
        return
    for tag, text in [(Tag.PREDICT, "yes")] * 2 + [(Tag.EXPLAIN, "so")] * (number % 2 == 0):
        yield Target(tag=tag, example=annotation.example.id, question=annotation.example.text, text=text)


def test_targets_are_those_of_each_question_with_equal_ones_merged() -> None:
    targets, dropped = choose_targets(list(annotated(5)), choose)
    expected = [("1", Tag.PREDICT, 2.0), ("2", Tag.PREDICT, 2.0), ("2", Tag.EXPLAIN, 1.0), ("4", Tag.PREDICT, 2.0)]
    expected.append(("4", Tag.EXPLAIN, 1.0))
    for _ in range(2):
        assert [(target.example, target.tag, target.weight) for target in targets] == expected
    assert (len(targets), dict(dropped)) == (5, {"third": 2})
    assert (targets[0], targets[-1], targets[1:3]) == ((every := tuple(targets))[0], every[4], every[1:3])
    with pytest.raises(IndexError):
        targets[5]


def test_two_annotations_of_a_question_are_one_question() -> None:
    """As where a student's own rationales stand beside the teacher's: labels merge, and kinds stay together."""
    first, other = list(annotated(5))[2], list(annotated(5))[4]
    targets, _ = choose_targets([first, first, other], choose)
    assert [(target.example, target.tag, target.weight) for target in targets] == [
        ("2", Tag.PREDICT, 4.0),
        ("2", Tag.EXPLAIN, 2.0),
        ("4", Tag.PREDICT, 2.0),
        ("4", Tag.EXPLAIN, 1.0),
    ]
    assert len(targets) == 4
    both = beside(targets, targets)
    assert [target.tag for target in both][:4] == [Tag.PREDICT, Tag.EXPLAIN] * 2


def test_none_is_none() -> None:
    targets, dropped = choose_targets(list(annotated(1)), choose)
    assert not targets
    assert dropped == {"third": 1}


def test_two_kinds_of_targets_stand_together_question_by_question() -> None:
    annotations = list(annotated(5))

    def more(annotation: Annotation, dropped: Counter[str]) -> list[Target]:
        return [Target(tag=Tag.VERDICT, example=annotation.example.id, question=None, rationale="so", text="correct")]

    first, _ = choose_targets(annotations, choose)
    second, _ = choose_targets(annotations, more)
    both = beside(first, second)
    assert len(both) == len(tuple(both)) == 10
    assert [target.example for target in both] == ["0", "1", "1", "2", "2", "2", "3", "4", "4", "4"]
    assert sorted(both, key=str) == sorted((*first, *second), key=str)
    assert beside(tuple(first), second) == (*first, *second)
    changed = first.changed(lambda target: target.model_copy(update={"weight": 7.0}))
    assert len(changed) == 5
    assert {target.weight for target in changed} == {7.0}
    assert merged([*first, *first]) == tuple(
        target.model_copy(update={"weight": 2 * target.weight}) for target in first
    )


def test_a_stage_holds_no_target(tmp_path: Path) -> None:
    """Neither while it is made nor while it is read."""
    write_records(tmp_path / "a.jsonl", annotated(3000))
    annotations: Sequence[Annotation] = RecordFile(tmp_path / "a.jsonl", Annotation)
    tracemalloc.start()
    targets, dropped = choose_targets(annotations, choose)
    stage = Stage(name="s", targets=targets, task_weights={Tag.PREDICT: 1.0}, dropped=dropped)
    count = sum(1 for _ in stage.targets)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(stage.targets, ChosenTargets)
    assert count == len(stage.targets) == 3000
    assert peak < 1_000_000
