"""The student as judge: the probability that it gives to each verdict on a rationale."""

from collections.abc import Sequence

import torch

from mindsmirror.errors import ModelFileError
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.students.base import Student
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.system.progress import Progress


def verdict_probabilities(
    predictor: Predictor, asked: VerdictRequest, judged: Sequence[tuple[str, str]]
) -> list[tuple[float, ...]]:
    """P(correct), P(wrong), P(uncertain) for each (question, rationale), normalised over the three words.

    They are read at the first token in which the words differ, so one pass over the rationale is enough.
    """
    start, tokens = _first_difference(predictor.student)
    sources = [
        predictor.student.source(asked.tag, question if asked.sees_question else None, rationale)
        for question, rationale in judged
    ]
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    found: dict[int, tuple[float, ...]] = {}
    shown = Progress(f"judging as {asked.arm}", len(order), "rationales")
    with shown as progress, predictor.judging() as model:
        for begin in range(0, len(order), predictor.batch):
            part = order[begin : begin + predictor.batch]
            logits = predictor.student.next_logits(model, [sources[index] for index in part], start)
            shares = torch.softmax(logits[:, list(tokens)], dim=-1)
            found.update((index, tuple(row)) for index, row in zip(part, shares.tolist(), strict=True))
            progress.update(len(found))
    return [found[index] for index in range(len(sources))]


def _first_difference(student: Student) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens that all verdict words begin with, and the next token of each word."""
    words = [student.target(word) for word in VERDICT_WORDS]
    shared = 0
    while len({word[: shared + 1] for word in words}) == 1:
        shared += 1
    following = tuple(word[shared] for word in words)
    if len(set(following)) < len(words):
        raise ModelFileError(
            f"this student's tokenizer splits the words {VERDICT_WORDS} so that their first tokens are alike: the "
            "probability of a verdict cannot be read off. Choose another student."
        )
    return words[0][:shared], following
