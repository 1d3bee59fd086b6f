"""Families that share what they have in common cost less and teach the same: loss and every gradient.

fp32 and no dropout, against the rows one by one (tests/plain.py).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import gradients, plain_loss

from mindsmirror.records import Tag
from mindsmirror.students.base import Student, TokenisedTarget
from mindsmirror.students.causal import CausalStudent
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.task_weighted import mean_weights, scales, task_weighted_loss

WEIGHTS = {Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7, Tag.VERDICT: 0.45, Tag.CRITIQUE: 0.55}
QUESTIONS = ("Tom has 3 nuts and 4 figs. How many?", "6 - 2?", "How many legs have 2 hens, 1 cow and 3 flies?")
THOUGHTS = ("3 + 4 = 7. The answer is 7.", "3 + 4 = 8. The answer is 8.", "All in all 7. The answer is 7.")


def families(student: Student) -> list[list[TokenisedTarget]]:
    """Three questions: k = 3 rationales that begin alike, m = 2 critiques of each; one row; repeated labels."""

    def row(family: int, tag: Tag, text: str, weight: float = 1.0, shown: str | None = None) -> TokenisedTarget:
        question = None if family == 1 and shown else QUESTIONS[family]
        return TokenisedTarget(str(family), tag, student.source(tag, question, shown), student.target(text), weight)

    first = [row(0, Tag.PREDICT, "7", weight=2.0), row(0, Tag.PREDICT, "8"), row(0, Tag.PREDICT, "7")]
    for thought in THOUGHTS:
        first.append(row(0, Tag.EXPLAIN, thought))
        first.append(row(0, Tag.VERDICT, "correct" if "7." in thought else "wrong", shown=thought))
        first += [row(0, Tag.CRITIQUE, text, 0.5, thought) for text in ("It adds up.", "It adds nuts to figs.")]
    second = [row(1, Tag.EXPLAIN, "6 - 2 = 4. The answer is 4.", weight=3.0), row(1, Tag.VERDICT, "wrong", shown="No")]
    third = [row(2, Tag.PREDICT, "26"), row(2, Tag.EXPLAIN, "4 + 4 + 18 = 26. The answer is 26.", weight=5.0)]
    return [first, second, third]


def packed_loss(student: Student, batches: Sequence[Sequence[Sequence[TokenisedTarget]]]) -> Any:
    """The loss as training computes it, over the batches of one step."""
    objective = Likelihood(student)
    collated = [objective.collate(batch) for batch in batches]
    means = mean_weights([objective.term_weights(batch) for batch in batches], steps=1)
    scale = scales(objective.factors(WEIGHTS), means)
    return sum(task_weighted_loss(student.losses(student.model, b), b["weight"], b["term"], scale) for b in collated)


def assert_same(student: Student, batches: Sequence[Sequence[Sequence[TokenisedTarget]]]) -> None:
    """Loss and gradients of the batches are those of their rows."""
    model = student.model.eval()
    rows = [row for batch in batches for family in batch for row in family]
    expected = plain_loss(model, rows, WEIGHTS)
    truth = gradients(model, expected)
    loss = packed_loss(student, batches)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    largest = max(float(grad.norm()) for grad in truth.values())
    for name, found in gradients(model, loss).items():
        # A gradient that is all rounding has no digits to compare: keys' biases barely matter to a softmax.
        room = 1e-5 * float(truth[name].norm()) + 1e-7 * largest
        assert float((found - truth[name]).norm()) <= room, name


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "gpt2"])
def test_a_batch_of_families_teaches_what_its_rows_teach(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind))
    assert_same(student, [families(student)])


@pytest.mark.parametrize("kind", tiny.FAMILIES)
def test_one_step_over_several_batches_is_one_big_batch(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind))
    first, second, third = families(student)
    assert_same(student, [[first], [second, third]])


@pytest.mark.parametrize("kind", tiny.CAUSAL)
def test_without_a_chat_template(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind, chat=False))
    assert_same(student, [families(student)])


def test_the_questions_are_longer_than_the_sliding_window(tiny_folder: Callable[..., Path]) -> None:
    """Otherwise the Gemma cases above would say nothing about windows."""
    student = tiny.load(tiny_folder("gemma3"))
    assert student.model.config.sliding_window == tiny.WINDOW
    assert "sliding_attention" in student.model.config.layer_types
    assert all(len(row.source) > tiny.WINDOW for family in families(student) for row in family)


@pytest.mark.parametrize("kind", [*tiny.CAUSAL, "gpt2"])
def test_the_probe_chooses_trees(kind: str, tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder(kind))
    assert isinstance(student, CausalStudent)
    assert student.trees
    whole = families(student)[0]
    assert student.size(whole) < 0.5 * sum(len(row.source) + len(row.target) for row in whole)


@pytest.mark.parametrize(("kind", "spread"), [("llama", 0.2), ("qwen2", 0.02), ("gemma3", 0.2)])
def test_eager_attention_falls_back_to_rows(kind: str, spread: float, tiny_folder: Callable[..., Path]) -> None:
    """It would add a boolean mask as 0 and 1, and nothing would fail but the model."""
    loaded = tiny.load(tiny_folder(kind, spread=spread))
    loaded.model.set_attn_implementation("eager")
    student = CausalStudent(loaded.model, loaded.tokenizer, max_source=512, max_target=256)
    assert not student.trees
    assert_same(student, [families(student)])


@pytest.mark.parametrize("kind", ["gemma2", "mistral"])
def test_models_that_take_no_block_mask_fall_back_to_rows(kind: str, tiny_folder: Callable[..., Path]) -> None:
    """Gemma2 has no sdpa; Mistral takes the mask as it is, and with it loses its sliding window."""
    student = tiny.load(tiny_folder(kind))
    assert isinstance(student, CausalStudent)
    assert not student.trees
    assert student.model.config.sliding_window == tiny.WINDOW
    assert_same(student, [families(student)])


def test_a_decoder_with_learnt_positions_falls_back_to_rows(tiny_folder: Callable[..., Path]) -> None:
    """Bart tells positions by their number and not by their distance."""
    student = tiny.load(tiny_folder("bart"))
    assert not student.trees
    whole = families(student)
    assert_same(student, [whole])
    rows = [row for family in whole for row in family]
    assert len(student.collate(whole)["input_ids"]) == len({row.source for row in rows}), "sources are shared even so"


def test_a_t5_decodes_what_begins_alike_as_one_tree(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("t5"))
    assert student.trees
    thoughts = [row for row in families(student)[0] if row.tag is Tag.EXPLAIN]
    first, second, third = thoughts
    assert len(student.collate([thoughts])["decoder_input_ids"]) == 2, "two of the three begin alike"
    apart = sum(len(row.source) + len(row.target) for row in (first, third))
    assert student.size(thoughts) == apart - len(first.source) + len(second.target) - len("3 + 4 = ") - 1


def test_rows_of_unlike_lengths_go_through_a_t5_in_passes(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("t5"))
    question, thought = "What is 1 + 1?", "One and one more. " * 12
    long = [
        TokenisedTarget(
            "0", Tag.EXPLAIN, student.source(Tag.EXPLAIN, question * n, None), student.target(thought + str(n))
        )
        for n in range(1, 9)
    ]
    short = [
        TokenisedTarget("1", Tag.PREDICT, student.source(Tag.PREDICT, question * n, None), student.target(str(n)))
        for n in range(1, 9)
    ]
    batch = student.collate([long, short])
    assert batch["bucket"].max() > 0
    assert batch["decoder_bucket"].max() > 0
    assert_same(student, [[long, short]])


def test_an_unknown_kind_of_layer_falls_back_to_rows(tiny_folder: Callable[..., Path]) -> None:
    loaded = tiny.load(tiny_folder("llama"))
    loaded.model.config.layer_types = ["full_attention", "chunked_attention"]
    student = CausalStudent(loaded.model, loaded.tokenizer, max_source=512, max_target=256)
    assert not student.trees
    assert_same(student, [families(student)])


def test_the_shared_encoder_runs_once_for_each_source(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("t5"))
    whole = families(student)
    seen: list[torch.Size] = []
    encoder = student.model.get_encoder()
    handle = encoder.register_forward_hook(lambda _, __, out: seen.append(out.last_hidden_state.shape))
    student.losses(student.model, student.collate(whole))
    handle.remove()
    rows = [row for family in whole for row in family]
    assert len(rows) == 19
    assert sum(shape[0] for shape in seen) == len({row.source for row in rows}) == 12
