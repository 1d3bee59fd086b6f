"""How much faster a student learns by families than by the papers' own two passes over every row.

Ours: the project's trainer, batches of whole families. Peer: `two_pass.py`, the stock collator and two forwards a
batch of 16 rows. Both run Hugging Face's Trainer with the same settings (AdamW, clipping, an optimizer step about
every 16 rows), the same student, data, dropout rate, threads and precision, in one process and in turns; the first
step of each is not counted. For each case one JSON line: rows a second (a row is a question's label and one of its k
rationales), the ratio, and of each side the share of a matmul's speed that its arithmetic reaches, a matmul of the
same precision timed in the same run. Arithmetic is what the mathematics of that side needs, without its padding.

`memory` is the most that a fresh process holds for two steps of 16 rows of 200 tokens, libraries and optimizer
included. `growth` asks both questions for 1 to 10 rationales a question.

    python benchmarks/training.py [t5-bf16 t5-fp32 smollm2-bf16 smollm2-fp32 memory growth] [--questions 16] [--k 5]
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lessons import LESSONS, RATIONALE, Family, families, fixed_families, model, pairs, student
from ratio import median, print_line
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from two_pass import ALPHA, TwoPassTrainer

from mindsmirror.records import Tag
from mindsmirror.students.flops import unit_flops_of
from mindsmirror.system import hardware
from mindsmirror.training.batches import Batches
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.cost import CostMeter, PlanCosts
from mindsmirror.training.dataset import PlanDataset
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.plan import StagePlan, make_plan
from mindsmirror.training.trainer import StageTrainer

ROWS = 16
"""Rows a batch, and an optimizer step."""
PEER = "two passes over padded rows"
CASES = ("t5-bf16", "t5-fp32", "smollm2-bf16", "smollm2-fp32", "memory", "growth")
SQUARE = 1536
"""Width of the matrices whose product is the ceiling."""


class Stopwatch(TrainerCallback):
    """Seconds from the first batch to the end of the last step."""

    seconds = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock starts."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Of all steps the last one counts."""
        self.seconds = time.perf_counter() - self._began


class Side:
    """One of the two ways to learn a lesson."""

    def __init__(self, name: str, shape: str, precision: str, lesson: Sequence[Family]) -> None:
        self._watch = Stopwatch()
        arguments = TrainingArguments(
            output_dir=tempfile.mkdtemp(),
            num_train_epochs=1,
            per_device_train_batch_size=1 if name == "ours" else ROWS,
            learning_rate=1e-5,
            bf16=precision == "bf16",
            use_cpu=hardware.device() == "cpu",
            save_strategy="no",
            logging_steps=1_000,
            remove_unused_columns=False,
            disable_tqdm=True,
            report_to="none",
            dataloader_pin_memory=False,
        )
        self.rows = len(pairs(lesson))
        if name == "ours":
            learner = student(shape)
            plan = self._plan(CostMeter(learner, unit_flops_of(learner.model)), lesson)
            stage = StagePlan(
                objective=Likelihood(learner),
                model=learner.model,
                batches=plan,
                task_weights={Tag.PREDICT: ALPHA, Tag.EXPLAIN: 1 - ALPHA},
                config=TrainingConfig(),
                folder=Path(arguments.output_dir),
                seed=0,
                label=name,
            )
            self._trainer: Any = StageTrainer(stage, PlanDataset(plan, stage.objective), arguments, [self._watch])
        else:
            self._trainer = TwoPassTrainer(model(shape), pairs(lesson), arguments, callbacks=[self._watch])
        self._trainer.remove_callback(PrinterCallback)

    def learn(self, steps: int = -1) -> float:
        """Seconds for the whole lesson, or for so many steps of it."""
        self._trainer.args.max_steps = steps
        self._trainer.train()
        return self._watch.seconds

    def _plan(self, meter: CostMeter, lesson: Sequence[Family]) -> Batches:
        """Whole families in batches of ROWS rows as nearly as may be, one batch a step."""
        sizes = [meter.student.size(family) for family in lesson]
        room = max(math.ceil(sum(sizes) * ROWS / self.rows), *sizes, 16)
        config = TrainingConfig(budget=Budget(epochs=1), batch_tokens=room)
        return make_plan(lesson, meter, config, 1.0, seed=0)


def flops(shape: str, lesson: Sequence[Family]) -> tuple[int, int]:
    """What the mathematics needs of families, and of their rows one by one."""
    learner = student(shape)
    meter = CostMeter(learner, unit_flops_of(learner.model))
    alone = [(row,) for pair in pairs(lesson) for row in pair]
    families, rows = (PlanCosts(meter.cost([one]) for one in many).total() for many in (lesson, alone))
    return families.flops, rows.flops


def ceiling(precision: str) -> float:
    """FLOPs a second of a matmul of large square matrices, the best of several."""
    one, other = torch.randn(2, SQUARE, SQUARE, dtype=hardware.dtype(precision), device=hardware.device())
    best = math.inf
    for _ in range(8):
        began = time.perf_counter()
        # Looked at, or a GPU would still be at it.
        torch.mm(one, other)[0, 0].item()
        best = min(best, time.perf_counter() - began)
    return 2 * SQUARE**3 / best


def race(shape: str, precision: str, lesson: Sequence[Family], rounds: int) -> tuple[dict[str, Any], list[float]]:
    """Figures of both sides and the ratio of each pair."""
    ours, peer = (Side(name, shape, precision, lesson) for name in ("ours", "peer"))
    for side in (ours, peer):
        side.learn(steps=1)
    taken = [(ours.learn(), peer.learn()) for _ in range(rounds)]
    most = ceiling(precision)
    needed, needed_by_peer = flops(shape, lesson)
    figures = {
        "rows": ours.rows,
        "rows_per_second": median([ours.rows / mine for mine, _ in taken]),
        "peer_rows_per_second": median([peer.rows / other for _, other in taken]),
        "utilisation": median([needed / mine / most for mine, _ in taken]),
        "peer_utilisation": median([needed_by_peer / other / most for _, other in taken]),
        "flops_a_row": round(needed / ours.rows / 1e9, 2),
        "peer_flops_a_row": round(needed_by_peer / peer.rows / 1e9, 2),
        "ceiling": round(most / 1e9),
        "threads": torch.get_num_threads(),
    }
    return figures, [other / mine for mine, other in taken]


def memory(name: str, shape: str, precision: str, rows: int, k: int) -> float:
    """GB that a fresh process of that side holds at most."""
    command = [sys.executable, __file__, "--hold", name, shape, precision, str(rows), str(k)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def hold(name: str, shape: str, precision: str, rows: str, k: str) -> None:
    """Be that process."""
    side = Side(name, shape, precision, fixed_families(shape, int(rows), int(k), 200))
    for _ in range(2):
        side.learn(steps=1)
    print(round(hardware.peak_memory() / 1e9, 2))


def measure(case: str, options: argparse.Namespace) -> None:
    """Print the lines of one case."""
    if case == "memory":
        for shape in ("smollm2", "t5"):
            held = [memory(name, shape, options.precision, ROWS, options.k) for name in ("ours", "peer")]
            print_line(
                "training memory",
                PEER,
                [held[1] / held[0]],
                student=shape,
                precision=options.precision,
                k=options.k,
                token_count=200,
                gigabytes=held[0],
                peer_gigabytes=held[1],
            )
        return
    if case == "growth":
        for k in (1, 2, 5, 10):
            lesson = families("t5", max(2, ROWS * 2 // k), k, "palm")
            figures, ratios = race("t5", options.precision, lesson, 1)
            held = [memory(name, "t5", options.precision, 2 * k, k) for name in ("ours", "peer")]
            figures |= {"gigabytes_for_2_questions": held[0], "peer_gigabytes_for_2_questions": held[1]}
            seconds = k / figures["rows_per_second"], k / figures["peer_rows_per_second"]
            figures |= {"seconds_a_question": round(seconds[0], 2), "peer_seconds_a_question": round(seconds[1], 2)}
            print_line("training growth", PEER, ratios, student="t5", precision=options.precision, k=k, **figures)
        return
    shape, precision = case.split("-")
    lesson = families(shape, options.questions, options.k, options.lesson, options.rationale)
    figures, ratios = race(shape, precision, lesson, options.pairs)
    settings: dict[str, Any] = {"student": shape, "precision": precision, "lesson": options.lesson, "k": options.k}
    if options.lesson == "drawn":
        settings["rationale_tokens"] = options.rationale
    print_line("training", PEER, ratios, **settings, **figures)


def main() -> None:
    """Measure and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--questions", type=int, default=16)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16", help="of memory and growth")
    parser.add_argument("--lesson", choices=LESSONS, default="sample", help="see lessons.py")
    parser.add_argument("--rationale", type=int, default=RATIONALE, help="mean tokens of a rationale, where drawn")
    parser.add_argument("--hold", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        hold(*options.hold)
        return
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    for case in options.cases or CASES:
        measure(case, options)


if __name__ == "__main__":
    main()
