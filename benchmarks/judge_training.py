"""How much faster a judge's adapter learns than by Transformers' own attention, a whole head and all threads.

Both sides take the same steps: what the frozen thinker has read is kept, and an adapter learns on the last tokens of
sixteen rationales. Ours attends by `students/grouped_attention.py`, computes the logits of the verdicts' words alone,
steps by a fused AdamW and uses half of the threads. With `--neighbour` a busy process runs beside. Rationales are made
up, six of each question; the student is SmolLM2-135M. Interleaved pairs, median; prints one JSON line.

    python benchmarks/judge_training.py [--neighbour] [--questions 16] [--pairs 8]
"""

import argparse
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import torch
from contention import neighbours
from ratio import median, print_line

from mindsmirror.records import Tag
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import cast_weights, load_student, with_adapter
from mindsmirror.students.output_head import head_in_fp32
from mindsmirror.students.verdict_words import first_difference
from mindsmirror.system.hardware import dtype
from mindsmirror.system.threads import half_the_threads
from mindsmirror.tasks import TaskConfig, load_task

TOGETHER = 16
EACH = 6
"""Rationales of a question."""
WORDS = ("the", "cow", "has", "4", "legs", "so", "3", "cows", "have", "12", "and", "a", "bird")


def step_of(student: Any, model: Any, *, ours: bool) -> Callable[[Any, torch.Tensor], None]:
    """One optimizer step on what was read of some rationales, and the weights of their verdicts, [B, 3]."""
    begun, words = first_difference(student)
    adapter = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(adapter, lr=1e-4, weight_decay=0.0, fused=True if ours else None)

    def step(read: Any, weights: torch.Tensor) -> None:
        with half_the_threads() if ours else nullcontext():
            logits = student.after(model.get_base_model(), read, begun, words)
            logits = logits if ours else logits[:, list(words)]
            loss = -(weights * torch.log_softmax(logits, dim=-1)).sum() / weights.sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(adapter, 1.0)
            optimizer.step()

    return step


def parts_read(student: Any, model: Any, questions: int) -> list[tuple[Any, torch.Tensor]]:
    """What the thinker has read, sixteen rationales at a time, and made-up verdicts on them."""
    task = load_task(TaskConfig(name="reasoning_gym:leg_counting", train=1, valid=0, test=questions, seed=5))
    drawn = random.Random(0)
    sources = [
        student.source(Tag.VERDICT, example.text, " ".join(drawn.choices(WORDS, k=drawn.randint(35, 55))))
        for example in task.splits.test
        for _ in range(EACH)
    ]
    verdicts = torch.eye(3)[[drawn.randrange(2) for _ in sources]]
    with model.disable_adapter():
        return [
            (student.read(model.get_base_model(), sources[at : at + TOGETHER]), verdicts[at : at + TOGETHER])
            for at in range(0, len(sources), TOGETHER)
        ]


def timed(step: Callable[[Any, torch.Tensor], None], part: tuple[Any, torch.Tensor]) -> float:
    """Seconds of one step."""
    began = time.perf_counter()
    step(*part)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbour", action="store_true")
    parser.add_argument("--questions", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=8)
    given = parser.parse_args()
    student = load_student(StudentConfig(model="smollm2-135m-instruct"))
    torch.manual_seed(0)
    model = with_adapter(student.model, StudentConfig(model="smollm2-135m-instruct", adapter="lora"))
    cast_weights(model, dtype("auto"), frozen=True)
    parts = parts_read(student, model, given.questions)
    ours, theirs = (step_of(student, model, ours=ours) for ours in (True, False))
    plain = patch.multiple(
        "mindsmirror.students.causal",
        grouped_attention=lambda _: nullcontext(),
        head_in_fp32=lambda model, _: head_in_fp32(model),
    )
    seconds = []
    with neighbours(int(given.neighbour)):
        for number in range(given.pairs + 1):
            part = parts[number % len(parts)]
            mine = timed(ours, part)
            with plain:
                seconds.append((mine, timed(theirs, part)))
    # The first pair makes the optimizers' state.
    seconds = seconds[1:]
    print_line(
        "judge_training",
        "Transformers' own attention, a whole head, all threads",
        [peer / mine for mine, peer in seconds],
        rationales=TOGETHER,
        neighbours=int(given.neighbour),
        seconds_a_step=median([mine for mine, _ in seconds], 3),
        peer_seconds_a_step=median([peer for _, peer in seconds], 3),
    )


if __name__ == "__main__":
    main()
