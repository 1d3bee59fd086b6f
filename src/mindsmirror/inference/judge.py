"""The student as judge: the probability that it gives to each verdict on a rationale."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.students.verdict_words import first_difference
from mindsmirror.system.progress import Progress


def verdict_probabilities(
    predictor: Predictor, asked: VerdictRequest, judged: Sequence[tuple[str, str]]
) -> list[tuple[float, ...]]:
    """P(correct), P(wrong), P(uncertain) for each (question, rationale), normalised over the three words.

    They are read at the first token in which the words differ, so one pass over the rationale is enough.
    """
    start, tokens = first_difference(predictor.student)
    sources = [
        predictor.student.source(asked.tag, question if asked.sees_question else None, rationale)
        for question, rationale in judged
    ]
    # Those about one question side by side: what they share is read once. If it is not shown, they share nothing.
    questions = [question if asked.sees_question else "" for question, _ in judged]
    order = sorted(
        range(len(sources)), key=lambda index: (len(questions[index]), questions[index], len(sources[index]))
    )
    found: dict[int, tuple[float, ...]] = {}
    shown = Progress(f"judging as {asked.arm}", len(order), "rationales")
    with shown as progress:
        for begin in range(0, len(order), predictor.batch):
            part = order[begin : begin + predictor.batch]
            logits = _logits(predictor, [sources[index] for index in part], start, tokens)
            shares = torch.softmax(logits, dim=-1)
            found.update((index, tuple(row)) for index, row in zip(part, shares.tolist(), strict=True))
            progress.update(len(found))
    return [found[index] for index in range(len(sources))]


def _logits(
    predictor: Predictor, sources: Sequence[tuple[int, ...]], begun: tuple[int, ...], words: tuple[int, ...]
) -> Tensor:
    """Logits of the words after each source and the tokens already written, [B, W]; an adapter works on the last."""
    student = predictor.student
    if predictor.judge is None:
        return student.next_logits(predictor.model, sources, begun)[:, list(words)]
    with torch.inference_mode():
        read = student.read(predictor.model, sources)
        with predictor.judging() as model:
            return student.after(model, read, begun, words)
