"""How a student is asked: for the answer alone, for one rationale, and for several.

Questions are asked in batches of similar length. `Predictor` holds what all modes share: the student, the model that
computes, the task that reads answers, and the limits. The model computes where and in what precision
`system/hardware.py` says; it is a copy only if it still learns and computes in another precision than it learns in.
"""

import copy
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from mindsmirror.answers.text import Text
from mindsmirror.inference.confidence import as_sample
from mindsmirror.inference.reading import Reading, read_direct, read_rationale
from mindsmirror.records import Example, Prediction, Sample, Tag
from mindsmirror.students.base import Student
from mindsmirror.students.compiled import CompiledModel
from mindsmirror.students.decoding import GeneratedText, SamplingParams
from mindsmirror.students.load import cast_weights
from mindsmirror.system import hardware
from mindsmirror.tasks.base import Task

DIRECT_TOKENS = 48
"""Room for an answer without a rationale: equations and choices are short. A text has as much as a rationale."""


@dataclass(frozen=True)
class Predictor:
    """A student that is ready to be asked."""

    student: Student
    model: Any
    task: Task
    max_tokens: int = 192
    batch: int = 64
    in_words: bool = False
    """Ask in words: the student was never taught the tags."""
    progress: Callable[[int], None] = lambda _: None
    """Called after each batch with the number of its texts."""
    watch: Callable[[int, str], None] | None = None
    """Called with an example's place and a piece of its greedy text, as soon as it is written."""
    judge: Any = None
    """The adapter over the model with which it judges (PEFT); None: the model judges as it thinks."""
    compiled: CompiledModel | None = None
    """What writes in place of the model; None: the model does."""

    @contextmanager
    def judging(self) -> Iterator[Any]:
        """The model as judge: with the adapter while this lasts, if there is one."""
        if self.judge is None:
            yield self.model
            return
        self.judge.base_model.enable_adapter_layers()
        try:
            yield self.model
        finally:
            self.judge.base_model.disable_adapter_layers()


def inference_model(model: Any, precision: str) -> Any:
    """The model itself, made ready to be asked: on the device, its weights cast, and without gradients."""
    return (
        cast_weights(model, hardware.dtype(precision)).eval().requires_grad_(requires_grad=False).to(hardware.device())
    )


@contextmanager
def asked_while_learning(model: Any, precision: str) -> Iterator[Any]:
    """A model that still learns, ready to be asked meanwhile: itself, or a copy if its weights have to be cast."""
    dtype = hardware.dtype(precision)
    if any(weight.dtype != dtype for weight in model.parameters()):
        # The copy is made with weights that are cast already: a copy in fp32 never exists.
        cast = {id(weight): nn.Parameter(weight.detach().to(dtype), False) for weight in model.parameters()}
        yield copy.deepcopy(model, cast).eval()
        return
    learns = model.training
    try:
        yield model.eval()
    finally:
        model.train(learns)


def predict(predictor: Predictor, examples: Sequence[Example]) -> list[Prediction]:
    """The answer without a rationale."""
    room = max(DIRECT_TOKENS, predictor.max_tokens) if isinstance(predictor.task.answers, Text) else DIRECT_TOKENS
    written = _ask(predictor, Tag.PREDICT, examples, SamplingParams(room))
    return [
        _prediction(predictor, example, "predict", texts[0], read_direct)
        for example, texts in zip(examples, written, strict=True)
    ]


def think(predictor: Predictor, examples: Sequence[Example]) -> list[Prediction]:
    """One rationale, greedy, and the answer that it reaches."""
    written = _ask(predictor, Tag.EXPLAIN, examples, SamplingParams(predictor.max_tokens))
    return [_reasoned(predictor, example, texts[0]) for example, texts in zip(examples, written, strict=True)]


def sample_rationales(
    predictor: Predictor, examples: Sequence[Example], samples: int, temperature: float, seed: int
) -> list[tuple[Sample, ...]]:
    """Several rationales for each question, sampled at `temperature`; the same for the same seed."""
    sampling = SamplingParams(predictor.max_tokens, temperature, samples)
    written = _ask(predictor, Tag.EXPLAIN, examples, sampling, seed)
    return [
        tuple(_sample(predictor, example, text) for text in texts)
        for example, texts in zip(examples, written, strict=True)
    ]


def think_and_sample(
    predictor: Predictor, examples: Sequence[Example], samples: int, temperature: float, seed: int
) -> tuple[list[Prediction], list[tuple[Sample, ...]]]:
    """What `think` gives, and of each question so many samples: the greedy rationale, then others as drawn.

    All texts of a question are written at once, so it is read once, and one question takes about as long as its longest
    text and not as that and the greedy one.
    """
    sampling = SamplingParams(predictor.max_tokens, temperature, samples, greedy_first=True)
    written = _ask(predictor, Tag.EXPLAIN, examples, sampling, seed)
    greedy = [_reasoned(predictor, example, texts[0]) for example, texts in zip(examples, written, strict=True)]
    return greedy, [
        (as_sample(first), *(_sample(predictor, example, text) for text in texts[1:]))
        for first, example, texts in zip(greedy, examples, written, strict=True)
    ]


def and_drawn(
    predictor: Predictor,
    examples: Sequence[Example],
    greedy: Sequence[Sample],
    samples: int,
    temperature: float,
    seed: int,
) -> list[tuple[Sample, ...]]:
    """So many samples of every question: its greedy one, which is there already, and the others that are drawn."""
    drawn: Sequence[tuple[Sample, ...]] = [()] * len(examples)
    if samples > 1:
        drawn = sample_rationales(predictor, examples, samples - 1, temperature, seed)
    return [(first, *others) for first, others in zip(greedy, drawn, strict=True)]


def _ask(
    predictor: Predictor, tag: Tag, examples: Sequence[Example], sampling: SamplingParams, seed: int = 0
) -> list[list[GeneratedText]]:
    """The texts of every question, batch by batch; seeds and listeners of each batch are added here."""
    samples = sampling.samples
    sources = [predictor.student.source(tag, example.text, None, in_words=predictor.in_words) for example in examples]
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    found: dict[int, list[GeneratedText]] = {}
    size = max(1, predictor.batch // samples)
    writer = predictor.compiled or predictor.model
    for start in range(0, len(order), size):
        part = order[start : start + size]
        # A seed for every question, so that what is drawn depends neither on the batch nor on what ran before.
        seeds = [zlib.crc32(f"{seed} {examples[index].id}".encode(errors="surrogatepass")) for index in part]
        watch = None
        if predictor.watch is not None and (sampling.greedy_first or sampling.temperature == 0):
            watch = partial(_told, predictor.watch, part, samples)
        own = sampling._replace(seeds=seeds, watch=watch)
        texts = predictor.student.generate(writer, [sources[index] for index in part], own)
        found.update(zip(part, texts, strict=True))
        predictor.progress(len(part) * samples)
    return [found[index] for index in range(len(sources))]


def _told(watch: Callable[[int, str], None], part: Sequence[int], samples: int, number: int, piece: str) -> None:
    """Pass on a piece of a question's first text by the place of its example among all of them."""
    if number % samples == 0:
        watch(part[number // samples], piece)


def _reasoned(predictor: Predictor, example: Example, text: GeneratedText) -> Prediction:
    return _prediction(predictor, example, "think", text, read_rationale)


def _prediction(predictor: Predictor, example: Example, mode: str, text: GeneratedText, read: Reading) -> Prediction:
    reply = read(predictor.task, example, text.text, truncated=not text.ended)
    return Prediction(
        example=example.id,
        mode=mode,
        answer=reply.answer.text if reply.answer else None,
        right=predictor.task.right(example, reply.answer),
        rationale=text.text if mode == "think" else "",
        unread=text.text if mode != "think" and reply.answer is None else "",
        parse=reply.parse,
        log_probability=text.log_probability,
        tokens=text.tokens,
    )


def _sample(predictor: Predictor, example: Example, text: GeneratedText) -> Sample:
    reply = read_rationale(predictor.task, example, text.text, truncated=not text.ended)
    return Sample(
        text=text.text,
        answer=reply.answer.text if reply.answer else None,
        right=predictor.task.right(example, reply.answer),
        log_probability=text.log_probability,
        tokens=text.tokens,
    )
