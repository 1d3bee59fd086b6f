"""P(True) and last states against plain passes over one text at a time."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from mindsmirror.answers import Number
from mindsmirror.inference.predictor import Predictor
from mindsmirror.inference.without_judge import BEGUN, IS_IT_TRUE, last_states, p_true
from mindsmirror.records import Tag
from mindsmirror.tasks.base import Splits, Task

Folder = Callable[..., Path]
SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
SHOWN = [
    ("2+3?", "2 and 3 is 5. The answer is 5."),
    ("2+3?", "The answer is 6."),
    ("Tom has 7 nuts and eats 2 of them. How many are left?", "The answer is 9."),
    ("2+3?", "The answer is 6."),
]


@pytest.mark.parametrize(("kind", "chat"), [("llama", True), ("llama", False), ("gemma3", True)])
@pytest.mark.parametrize("batch", [1, 2, 64])
@torch.inference_mode()
def test_p_true_is_the_odds_of_a_against_b_after_the_whole_conversation(
    kind: str, chat: bool, batch: int, tiny_folder: Folder
) -> None:
    student = tiny.load(tiny_folder(kind, chat=chat))
    model, reads = student.model.eval(), student.tokenizer
    found = p_true(Predictor(student, model, SUMS, batch=batch, in_words=True), SHOWN)
    a, b = (reads(letter).input_ids[0] for letter in "AB")
    for (question, rationale), odds in zip(SHOWN, found, strict=True):
        asked = f"<s><u>{question}</s><u>{rationale}</s><u>{IS_IT_TRUE}</s><r>"
        plain = asked if chat else f"{question}\n\n{rationale}\n\n{IS_IT_TRUE}\n"
        logits = model(torch.tensor([reads(plain + BEGUN).input_ids])).logits[0, -1]
        assert odds == pytest.approx(float(logits[a] - logits[b]), abs=1e-4)


def test_an_encoder_decoder_can_be_asked_too(tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder("t5"))
    found = p_true(Predictor(student, student.model.eval(), SUMS, in_words=True), SHOWN)
    assert len(set(found)) == len(set(SHOWN))


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
@pytest.mark.parametrize("batch", [1, 2, 64])
@torch.inference_mode()
def test_last_states_are_what_the_head_is_given(kind: str, batch: int, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    model = student.model.eval()
    found = last_states(Predictor(student, model, SUMS, batch=batch), SHOWN)
    for (question, rationale), state in zip(SHOWN, found, strict=True):
        read = [*student.source(Tag.EXPLAIN, question, None), *student.tokenizer(rationale).input_ids]
        plain = model(torch.tensor([read]), output_hidden_states=True).hidden_states[-1][0, -1]
        assert state == pytest.approx(plain.tolist(), abs=1e-4)
