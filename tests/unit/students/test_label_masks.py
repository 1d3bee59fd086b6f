"""Only what the student writes is predicted: never the question, the template, the tag or padding."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from mindsmirror.records import Tag
from mindsmirror.students.base import TASKS, TokenisedTarget
from mindsmirror.students.causal import CausalStudent


def rows(student: tiny.AnyStudent) -> list[list[TokenisedTarget]]:
    """Sources in capitals, targets in small letters."""

    def row(tag: Tag, question: str, text: str, weight: float = 1.0) -> TokenisedTarget:
        return TokenisedTarget(question, tag, student.source(tag, question, None), student.target(text), weight)

    first = [row(Tag.PREDICT, "QQQQ", "ab", 3.0), row(Tag.EXPLAIN, "QQQQ", "acd"), row(Tag.EXPLAIN, "QQQQ", "ace", 0.5)]
    return [first, [row(Tag.PREDICT, "LONG QUESTION", "z")]]


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "mistral"])
def test_each_target_token_is_predicted_with_its_weight_and_nothing_else(
    kind: str, tiny_folder: Callable[..., Path]
) -> None:
    student = tiny.load(tiny_folder(kind))
    families = rows(student)
    batch = student.collate(families)
    predicted: dict[tuple[int, Tag], float] = defaultdict(float)
    for token, task, weight in zip(
        batch["target"].tolist(), batch["term"].tolist(), batch["weight"].tolist(), strict=True
    ):
        predicted[token, TASKS[task]] += weight
    expected: dict[tuple[int, Tag], float] = defaultdict(float)
    for row in (row for family in families for row in family):
        for token in row.target:
            expected[token, row.tag] += row.weight
    assert predicted == expected


@pytest.mark.parametrize("kind", [*tiny.CAUSAL, "mistral"])
def test_predictions_start_at_the_last_token_that_is_read(kind: str, tiny_folder: Callable[..., Path]) -> None:
    """In every node that predicts, the student has read a whole source or a beginning of the target."""
    student = tiny.load(tiny_folder(kind))
    assert isinstance(student, CausalStudent)
    families = rows(student)
    batch = student.collate(families)
    begun = {(*row.source, *row.target[:place]) for f in families for row in f for place in range(len(row.target))}
    width = batch["input_ids"].shape[1]
    for node in batch["node"].tolist():
        row, column = divmod(node, width)
        seen = batch["mask"][row, column].nonzero().flatten() if student.trees else torch.arange(column + 1)
        assert tuple(batch["input_ids"][row, seen].tolist()) in begun


def test_an_encoder_batch_by_hand(tiny_folder: Callable[..., Path]) -> None:
    """Two of the three that are learnt from the first source begin alike, and one of those is there twice."""
    student = tiny.load(tiny_folder("t5"))
    sources = [(7, 8, 1), (9, 1)]
    made = [
        TokenisedTarget("a", Tag.EXPLAIN, sources[0], (20, 21, 1)),
        TokenisedTarget("a", Tag.PREDICT, sources[1], (22, 1), 2.0),
        TokenisedTarget("a", Tag.EXPLAIN, sources[0], (20, 23, 24, 1)),
        TokenisedTarget("a", Tag.EXPLAIN, sources[0], (20, 21, 1), 0.5),
        TokenisedTarget("a", Tag.EXPLAIN, sources[0], (25, 1)),
    ]
    batch = student.collate([made])
    assert batch["input_ids"].tolist() == [[7, 8, 1], [9, 1, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["decoder_input_ids"].tolist() == [[0, 20, 21, 23, 24], [0, 25, 0, 0, 0], [0, 22, 0, 0, 0]]
    assert batch["source"].tolist() == [0, 0, 1]
    assert batch["depth"].tolist() == [[0, 1, 2, 2, 3], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]]
    assert batch["seen"][0].int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 1, 0],
        [1, 1, 0, 1, 1],
    ]
    assert batch["bucket"].tolist() == [0, 0]
    assert batch["decoder_bucket"].tolist() == [0, 0, 0]
    places = [divmod(place, 5) for place in batch["node"].tolist()]
    tags = [TASKS[term] for term in batch["term"].tolist()]
    found = list(zip(places, batch["target"].tolist(), batch["weight"].tolist(), tags, strict=True))
    assert found == [
        ((0, 0), 20, 2.5, Tag.EXPLAIN),
        ((0, 1), 21, 1.5, Tag.EXPLAIN),
        ((0, 2), 1, 1.5, Tag.EXPLAIN),
        ((0, 1), 23, 1.0, Tag.EXPLAIN),
        ((0, 3), 24, 1.0, Tag.EXPLAIN),
        ((0, 4), 1, 1.0, Tag.EXPLAIN),
        ((1, 0), 25, 1.0, Tag.EXPLAIN),
        ((1, 1), 1, 1.0, Tag.EXPLAIN),
        ((2, 0), 22, 2.0, Tag.PREDICT),
        ((2, 1), 1, 2.0, Tag.PREDICT),
    ]
    assert student.size(made) == 3 + 2 + 5 + 2 + 2
