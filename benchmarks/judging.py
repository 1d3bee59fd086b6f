"""How much faster a judge reads a student's rationales when it reads what they share once.

Peer: one pass of Transformers over each batch of whole sources, padded, the shortest first. Ours reads the words of the
task once for a batch and each question once for its rationales (students/causal_state.py), and then the last tokens, on
which an adapter would work. Both give the logits after the first tokens of a verdict, and these are compared. The
rationales are those that an arm of a run wrote for its test questions. Interleaved pairs, median; prints one JSON line.

    python benchmarks/judging.py RUN [--arm minds_mirror] [--questions 40] [--batch 64] [--pairs 3]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from ratio import median, print_line
from torch import Tensor

from mindsmirror.inference.predictor import inference_model
from mindsmirror.records import Tag
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.predictions import read_predictions
from mindsmirror.students.base import Student, pad
from mindsmirror.students.load import load_student
from mindsmirror.students.output_head import head_in_fp32
from mindsmirror.students.verdict_words import first_difference

Source = tuple[int, ...]
Judge = Callable[[Student, Any, Sequence[Source], Source, Source], Tensor]


def ours(student: Student, model: Any, batch: Sequence[Source], begun: Source, words: Source) -> Tensor:
    """Logits of the words, [B, W], of one batch by reading what is shared once."""
    with torch.inference_mode():
        return student.after(model, student.read(model, batch), begun, words)


@torch.inference_mode()
def peer(student: Student, model: Any, batch: Sequence[Source], begun: Source, words: Source) -> Tensor:
    """The same by one padded pass over all of it."""
    tokens, mask = pad([(*source, *begun) for source in batch], student.tokenizer.eos_token_id, left=True)
    with head_in_fp32(model, words):
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        out = model(input_ids=tokens, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=False)
    logits: Tensor = out.logits[:, -1].float()
    return logits


def timed(judge: Judge, student: Student, model: Any, sources: Sequence[Source], size: int) -> Any:
    """Seconds for all sources, and their logits of the verdicts' words, [N, W]."""
    begun, words = first_difference(student)
    began = time.perf_counter()
    parts = [judge(student, model, sources[at : at + size], begun, words) for at in range(0, len(sources), size)]
    return time.perf_counter() - began, torch.cat(parts)


def sources_of(run: Path, arm: str, questions: int, student: Student) -> list[Source]:
    """What the judge reads: all rationales of each of so many questions, side by side."""
    examples = {example.id: example for example in Pipeline.of(run).task.splits.test}
    found = read_predictions(run / "predictions" / arm / "mirror.jsonl")[:questions]
    return [
        student.source(Tag.VERDICT, examples[each.example].text, sample.text)
        for each in found
        for sample in each.samples
    ]


def main() -> None:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm", default="minds_mirror")
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    student = load_student(Pipeline.of(given.run).recipe.student, given.run / "arms" / given.arm / "model")
    model = inference_model(student.model, "auto")
    sources = sources_of(given.run, given.arm, given.questions, student)
    # Each side in the order that suits it.
    order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
    by_length = [sources[place] for place in order]
    ratios, seconds, apart = [], [], 0.0
    for _ in range(given.pairs):
        mine, found = timed(ours, student, model, sources, given.batch)
        plain, expected = timed(peer, student, model, by_length, given.batch)
        seconds.append((mine, plain))
        ratios.append(plain / mine)
        shares = torch.softmax(found[order], -1), torch.softmax(expected, -1)
        apart = max(apart, float((shares[0] - shares[1]).abs().max()))
    print_line(
        "judging",
        "one padded pass of Transformers over each batch",
        ratios,
        rationales=len(sources),
        tokens_each=round(statistics.mean(map(len, sources)), 1),
        seconds=median([mine for mine, _ in seconds]),
        peer_seconds=median([plain for _, plain in seconds]),
        largest_difference=round(apart, 4),
        batch=given.batch,
    )


if __name__ == "__main__":
    main()
