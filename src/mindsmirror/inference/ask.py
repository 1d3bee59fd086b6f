"""How a student is asked: directly, by thinking once, and by thinking several times.

Questions are asked in batches of similar length. `Reader` holds what all modes share: the student, the model that
computes (a bf16 copy where the processor has bf16), the task that reads answers, and the limits.
"""

import copy
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mindsmirror.answers.base import Reply
from mindsmirror.answers.reply import read_reply
from mindsmirror.records import Example, Parse, Prediction, Sample, Tag
from mindsmirror.students.base import Student
from mindsmirror.students.decoding import Drawing, Generated
from mindsmirror.tasks.base import Task

DIRECT_TOKENS = 48
"""Room for an answer without a rationale: equations and choices are short."""


@dataclass(frozen=True)
class Reader:
    """A student that is ready to be asked."""

    student: Student
    model: Any
    task: Task
    max_tokens: int = 192
    batch: int = 64
    in_words: bool = False
    """Ask in words: the student was never taught the tags."""
    progress: Callable[[int], None] = lambda _: None
    """Called with the number of texts that each batch has brought."""


def inference_model(model: Any, *, bf16: bool) -> Any:
    """A copy for asking: it does not learn, and computes in bf16 if so told."""
    ready = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
    return ready.to(torch.bfloat16) if bf16 else ready


def predict(reader: Reader, examples: Sequence[Example]) -> list[Prediction]:
    """The answer without a rationale."""
    written = _ask(reader, Tag.PREDICT, examples, DIRECT_TOKENS)
    return [
        _prediction(reader, example, "predict", texts[0], _read_direct(reader, example, texts[0]))
        for example, texts in zip(examples, written, strict=True)
    ]


def think(reader: Reader, examples: Sequence[Example]) -> list[Prediction]:
    """One train of thought, greedy, and the answer that it reaches."""
    written = _ask(reader, Tag.EXPLAIN, examples, reader.max_tokens)
    return [
        _prediction(reader, example, "think", texts[0], _read_thought(reader, example, texts[0]))
        for example, texts in zip(examples, written, strict=True)
    ]


def thoughts(
    reader: Reader, examples: Sequence[Example], samples: int, temperature: float, seed: int
) -> list[tuple[Sample, ...]]:
    """Several trains of thought for each question, drawn at `temperature`; the same for the same seed."""
    written = _ask(reader, Tag.EXPLAIN, examples, reader.max_tokens, samples, temperature, seed)
    return [
        tuple(_sample(reader, example, text) for text in texts)
        for example, texts in zip(examples, written, strict=True)
    ]


def _ask(
    reader: Reader,
    tag: Tag,
    examples: Sequence[Example],
    max_tokens: int,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[list[Generated]]:
    sources = [reader.student.source(tag, example.text, None, in_words=reader.in_words) for example in examples]
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    found: dict[int, list[Generated]] = {}
    size = max(1, reader.batch // samples)
    for start in range(0, len(order), size):
        part = order[start : start + size]
        # A seed for every question, so that what is drawn depends neither on the batch nor on what ran before.
        seeds = [zlib.crc32(f"{seed} {examples[index].id}".encode(errors="surrogatepass")) for index in part]
        texts = reader.student.generate(
            reader.model, [sources[index] for index in part], Drawing(max_tokens, temperature, samples, seeds)
        )
        found.update(zip(part, texts, strict=True))
        reader.progress(len(part) * samples)
    return [found[index] for index in range(len(sources))]


def _read_thought(reader: Reader, example: Example, text: Generated) -> Reply:
    return read_reply(text.text, lambda raw: reader.task.read(example, raw), truncated=not text.ended)


def _read_direct(reader: Reader, example: Example, text: Generated) -> Reply:
    """An answer alone, or in the answer sentence."""
    reply = _read_thought(reader, example, text)
    if reply.answer is not None or not text.text:
        return reply
    answer = reader.task.read(example, text.text)
    if answer is None:
        return Reply("", None, Parse.BAD_ANSWER, "what was written is no answer of the task's kind")
    return Reply("", answer, Parse.OK)


def _prediction(reader: Reader, example: Example, mode: str, text: Generated, reply: Reply) -> Prediction:
    return Prediction(
        example=example.id,
        mode=mode,
        answer=reply.answer.text if reply.answer else None,
        right=reader.task.right(example, reply.answer),
        rationale=text.text if mode == "think" else "",
        unread=text.text if mode != "think" and reply.answer is None else "",
        parse=reply.parse,
        tokens=text.tokens,
    )


def _sample(reader: Reader, example: Example, text: Generated) -> Sample:
    reply = _read_thought(reader, example, text)
    return Sample(
        text=text.text,
        answer=reply.answer.text if reply.answer else None,
        right=reader.task.right(example, reply.answer),
        tokens=text.tokens,
    )
