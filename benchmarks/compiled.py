"""How much faster a compiled student writes than the same student by PyTorch, by the number of texts in a batch.

Both go through our loop, with the same sources, random numbers and log-probabilities; only what computes is exchanged.
Give a trained student that is compiled (`runs/NAME/arms/ARM/model`). Interleaved pairs, median; one JSON line a size.

    python benchmarks/compiled.py MODEL [--texts 1 5 12 60 180] [--limit 64] [--pairs 3]
"""

import argparse
import time
from pathlib import Path
from typing import Any

from asking import TEMPERATURE
from ratio import median, print_line

from mindsmirror.inference.predictor import inference_model
from mindsmirror.records import Tag
from mindsmirror.students.base import Student
from mindsmirror.students.compiled import CompiledModel
from mindsmirror.students.config import COMPILED, StudentConfig
from mindsmirror.students.decoding import SamplingParams
from mindsmirror.students.load import load_student
from mindsmirror.tasks import TaskConfig, load_task

SAMPLES = 5
"""Texts of a question, where there are so many: a greedy one and others that are drawn."""


def seconds_a_token(student: Student, writer: Any, sources: list[tuple[int, ...]], samples: int, limit: int) -> float:
    """Of all texts of one batch together, reading their sources included."""
    sampling = SamplingParams(limit, TEMPERATURE, samples, range(len(sources)), greedy_first=True)
    began = time.perf_counter()
    written = student.generate(writer, sources, sampling)
    return (time.perf_counter() - began) / sum(text.tokens for texts in written for text in texts)


def main() -> None:
    """Measure and print one JSON line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=int, nargs="+", default=[1, 5, 12, 60, 180])
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    student = load_student(StudentConfig(model=str(options.model)))
    writers = inference_model(student.model, "auto"), CompiledModel(options.model / COMPILED)
    task = load_task(TaskConfig(name="reasoning_gym:leg_counting", train=1, valid=0, test=max(options.texts), seed=5))
    asked = [student.source(Tag.EXPLAIN, example.text, None) for example in task.splits.test]
    for texts in options.texts:
        samples = SAMPLES if texts % SAMPLES == 0 else 1
        sources = asked[: texts // samples]
        pairs = [
            [seconds_a_token(student, writer, sources, samples, options.limit) for writer in writers]
            for _ in range(options.pairs + 1)
        ][1:]
        print_line(
            f"compiled, {texts} texts",
            "the same loop over PyTorch",
            [plain / ours for plain, ours in pairs],
            tokens_per_second=median([1 / ours for _, ours in pairs]),
            peer_tokens_per_second=median([1 / plain for plain, _ in pairs]),
        )


if __name__ == "__main__":
    main()
