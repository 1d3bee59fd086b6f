"""How much faster our loop draws a student's trains of thought than Transformers' `generate`.

Peer: `generate` of the same model, the same sources in the same batches, `num_return_sequences` samples of each at
the same temperature over the whole vocabulary. What the two draw differs, so the figure is texts a second, with the
tokens of a text beside it. Give a trained student (`runs/NAME/arms/ARM/model`): one that was never taught to stop
always writes to the limit. Interleaved pairs, median; prints one JSON line.

    python benchmarks/asking.py [MODEL] [--questions 32] [--samples 3] [--limit 96] [--pairs 3]
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from ratio import median, print_line

from mindsmirror.inference.predictor import inference_model
from mindsmirror.records import Tag
from mindsmirror.students.base import Student, pad
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.decoding import GeneratedText, SamplingParams, read_generated
from mindsmirror.students.load import load_student
from mindsmirror.tasks import TaskConfig, load_task

BATCH = 192
TEMPERATURE = 0.7


def ours(student: Student, model: Any, part: list[tuple[int, ...]], samples: int, limit: int) -> list[GeneratedText]:
    """Texts of one batch by our loop."""
    drawn = student.generate(model, part, SamplingParams(limit, TEMPERATURE, samples, range(len(part))))
    return [text for of_source in drawn for text in of_source]


@torch.inference_mode()
def peer(
    student: Any, model: Any, part: list[tuple[int, ...]], samples: int, limit: int, temperature: float = TEMPERATURE
) -> list[GeneratedText]:
    """Texts of one batch by `generate`, greedy at a temperature of 0."""
    drawing = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    tokens, mask = pad(part, student.tokenizer.eos_token_id, left=True)
    out = model.generate(
        input_ids=tokens.to(model.device),
        attention_mask=mask.to(model.device),
        pad_token_id=student.tokenizer.eos_token_id,
        eos_token_id=sorted(student.end),
        max_new_tokens=limit,
        num_return_sequences=samples,
        **(drawing if temperature else {"do_sample": False}),
    )
    return [read_generated(student.tokenizer, row, end=student.end) for row in out[:, tokens.shape[1] :]]


def timed(
    write: Any, student: Student, model: Any, sources: list[tuple[int, ...]], options: Any
) -> tuple[float, float]:
    """Seconds for all batches, and tokens of a text."""
    size = max(1, BATCH // options.samples)
    began = time.perf_counter()
    texts = [
        text
        for start in range(0, len(sources), size)
        for text in write(student, model, sources[start : start + size], options.samples, options.limit)
    ]
    return time.perf_counter() - began, statistics.mean(text.tokens for text in texts)


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--limit", type=int, default=96)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    task = load_task(TaskConfig(name="reasoning_gym:leg_counting", train=1, valid=0, test=options.questions, seed=5))
    student = load_student(StudentConfig(model="smollm2-135m-instruct"), options.model)
    model = inference_model(student.model, "auto")
    words = options.model is None
    sources = sorted((student.source(Tag.EXPLAIN, e.text, None, in_words=words) for e in task.splits.test), key=len)
    timed(ours, student, model, sources[:2], options)
    pairs = [
        (timed(ours, student, model, sources, options), timed(peer, student, model, sources, options))
        for _ in range(options.pairs)
    ]
    ratios = [plain[0] / mine[0] for mine, plain in pairs]
    texts = options.questions * options.samples
    print_line(
        "asking",
        "transformers generate",
        ratios,
        texts=texts,
        texts_per_second=median([texts / mine[0] for mine, _ in pairs]),
        peer_texts_per_second=median([texts / plain[0] for _, plain in pairs]),
        tokens_a_text=round(statistics.mean(mine[1] for mine, _ in pairs), 1),
        peer_tokens_a_text=round(statistics.mean(plain[1] for _, plain in pairs), 1),
    )


if __name__ == "__main__":
    main()
