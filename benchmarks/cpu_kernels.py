"""What each of `students/cpu_kernels.py` brings by itself, in training and in asking.

Peer: the same student with Transformers' own modules in place of one kernel, or of all. Shapes and families are from
`lessons.py`, weights are random and shared by all sides. A training step is forward and backward of one family, without
the optimizer; asking draws texts of a fixed length. All sides take turns, round by round. A ratio is that of two sides
in one round, above 1 where the kernel is faster; `fastest_ratio` is that of their fastest steps, which is steadier on a
machine that others use, since a short step is now and then left alone. Prints one JSON line for each kernel and case.

    python benchmarks/cpu_kernels.py [t5-training t5-asking smollm2-training smollm2-asking] [--each] [--rounds 15]
"""

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import torch
from lessons import families, model, student
from ratio import print_line

from mindsmirror.inference.predictor import asked_while_learning
from mindsmirror.students import causal, seq2seq
from mindsmirror.students.base import Student
from mindsmirror.students.cpu_kernels import KERNELS, use_cpu_kernels
from mindsmirror.students.decoding import SamplingParams

CASES = ("t5-training", "t5-asking", "smollm2-training", "smollm2-asking")
LIMIT, QUESTIONS = 4, 8
RATIONALES = 3
Step = Callable[[], None]


def sides(shape: str, asks: bool, each: bool) -> Iterator[tuple[str, frozenset[str]]]:
    """Which kernels each side has, by what it lacks: nothing, one, or all."""
    able = {"norm"} if shape == "smollm2" else {"norm", "gelu"} if asks else set(KERNELS)
    yield "nothing", KERNELS
    if each and len(able) > 1:
        yield from ((name, KERNELS - {name}) for name in sorted(able))
    yield "all", frozenset()


def with_kernels(shape: str, weights: Any, kernels: frozenset[str]) -> Student:
    """A student of the weights, which all sides share, with so many kernels."""
    shared = copy.deepcopy(weights, {id(weight): weight for weight in weights.parameters()})
    module, chosen = (seq2seq if shape == "t5" else causal), partial(use_cpu_kernels, kernels=kernels)
    with mock.patch.object(module, "use_cpu_kernels", chosen), mock.patch("lessons.model", lambda _: shared):
        return student(shape)


def training(learner: Any, shape: str, precision: str) -> Step:
    """Forward and backward of one family."""
    batch = learner.collate(families(shape, 1, RATIONALES, "drawn"))
    learner.model.train()

    def step() -> None:
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            losses = learner.losses(learner.model, batch)
        losses.sum().backward()
        learner.model.zero_grad(set_to_none=True)

    return step


def asking(learner: Any, shape: str, precision: str) -> Step:
    """Two texts of each question."""
    learner.tokenizer.decode = lambda *_, **__: ""
    learner.end = frozenset({10**6})
    sources = [family[0].source for family in families(shape, QUESTIONS, 1, "drawn")]

    def step() -> None:
        learner.generate(ready, sources, SamplingParams(LIMIT, 0.7, 2, range(len(sources))))

    with asked_while_learning(learner.model.eval(), precision) as ready:
        return step


def measure(case: str, precision: str, options: argparse.Namespace) -> None:
    """Print the lines of one case."""
    shape, _, what = case.partition("-")
    weights, steps = model(shape), {}
    for lacks, kernels in sides(shape, what == "asking", options.each):
        learner = with_kernels(shape, weights, kernels)
        steps[lacks] = (training if what == "training" else asking)(learner, shape, precision)
        steps[lacks]()
    rounds = []
    for number in range(options.rounds):
        # The order changes, so that nobody is always the one who comes after the slowest.
        order = list(steps) if number % 2 else list(steps)[::-1]
        rounds.append({lacks: timed(steps[lacks]) for lacks in order})
    fastest = {lacks: min(took[lacks] for took in rounds) for lacks in steps}
    for lacks in list(steps)[1:]:
        print_line(
            "cpu_kernels",
            "Transformers' modules",
            [took[lacks] / took["nothing"] for took in rounds],
            case=case,
            precision=precision,
            kernel=lacks,
            fastest_ratio=round(fastest[lacks] / fastest["nothing"], 2),
            seconds=round(fastest["nothing"], 3),
            threads=torch.get_num_threads(),
        )


def timed(step: Step) -> float:
    """Seconds."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--each", action="store_true", help="also without each kernel by itself")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", choices=["bf16", "fp32"], help="both by default")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    torch.set_num_threads(options.threads)
    for case in options.cases or CASES:
        for precision in [options.precision] if options.precision else ["bf16", "fp32"]:
            measure(case, precision, options)


if __name__ == "__main__":
    main()
