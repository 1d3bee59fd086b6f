"""What is read off a student about a rationale without its having been taught to judge.

`p_true` asks a student in words whether the rationale is true, as Kadavath et al. (2022, arXiv 2207.05221) ask large
ones. `last_states` is what its head is given at the rationale's last token, for a linear probe.
"""

from collections.abc import Sequence
from typing import Any

import torch

from mindsmirror.inference.predictor import Predictor
from mindsmirror.records import Tag
from mindsmirror.students.base import pad
from mindsmirror.students.output_head import selected_states
from mindsmirror.students.text import body, conversation
from mindsmirror.system.progress import Progress

IS_IT_TRUE = "Is this solution:\n(A) True\n(B) False"
BEGUN = "The solution is: ("
"""How the student's reply begins; what it would write next is A or B."""

Shown = tuple[str, str]
"""A question, and a rationale for it."""


@torch.inference_mode()
def p_true(predictor: Predictor, shown: Sequence[Shown]) -> list[float]:
    """Log-odds of "A" against "B" as the next token, in nats, for each rationale.

    Those of one question should stand side by side: what they share is read once.
    """
    student = predictor.student
    begun = _tokens(student.tokenizer, BEGUN)
    true, false = (_tokens(student.tokenizer, letter)[0] for letter in "AB")
    sources = [_tokens(student.tokenizer, _asked(student.tokenizer, *each)) for each in shown]
    found: list[float] = []
    with Progress("asking whether they are true", len(sources), "rationales") as progress:
        for begin in range(0, len(sources), predictor.batch):
            logits = student.next_logits(predictor.model, sources[begin : begin + predictor.batch], begun)
            found += (logits[:, true] - logits[:, false]).tolist()
            progress.update(len(found))
    return found


@torch.inference_mode()
def last_states(predictor: Predictor, shown: Sequence[Shown]) -> list[list[float]]:
    """What the head of a decoder-only student is given at the last token of each rationale, [N][D]."""
    student = predictor.student
    sources = [
        (*student.source(Tag.EXPLAIN, question, None), *_tokens(student.tokenizer, rationale))
        for question, rationale in shown
    ]
    # Several samples of a question may be one text, which is read once.
    distinct = sorted(dict.fromkeys(sources), key=len)
    found: dict[tuple[int, ...], list[float]] = {}
    with Progress("reading what was written", len(distinct), "texts") as progress:
        for begin in range(0, len(distinct), predictor.batch):
            part = distinct[begin : begin + predictor.batch]
            # Padded on the left, so that the last token of every row stands in the last column.
            padded = pad(part, 0, left=True)
            tokens, mask = (each.to(predictor.model.device) for each in padded)
            last = torch.arange(tokens.shape[1] - 1, tokens.numel(), tokens.shape[1])
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            states = selected_states(
                predictor.model, last, input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False
            )
            found.update(zip(part, states.float().tolist(), strict=True))
            progress.update(len(found))
    return [found[source] for source in sources]


def _tokens(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)


def _asked(tokenizer: Any, question: str, rationale: str) -> str:
    """Question, rationale and what is asked of it, ready for the reply."""
    if not tokenizer.chat_template:
        return f"{body(question, rationale)}\n\n{IS_IT_TRUE}\n"
    return conversation(tokenizer, ("user", question), ("assistant", rationale), ("user", IS_IT_TRUE))
