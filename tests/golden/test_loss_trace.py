"""Ten steps of training whose losses are known: whatever changes them was meant to, or is a bug.

A tiny Llama from a fixed seed, two tasks, a weight, warm-up, two batches a step. The literals were printed by this
very test; change them only together with the reason why the mathematics changed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.config import StudentConfig
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.stages import ArmPlan, train_arm

LOSSES = (7.216486, 5.265094, 4.661445, 5.499767, 3.128703, 3.703298, 4.054834, 3.498435, 2.751527, 3.952473)
"""The same to 1e-6 with and without AVX2 and AVX-512."""


def lesson() -> Stage:
    """Sums of two numbers: the answer, and two ways to it, of which one counts double."""
    said = []
    for one, other in ((2, 3), (4, 1), (7, 8), (5, 5), (9, 0)):
        question, answer = f"What is {one} + {other}?", str(one + other)
        for tag, text, weight in (
            (Tag.PREDICT, answer, 3.0),
            (Tag.EXPLAIN, f"{one} and {other} make {answer}. The answer is {answer}.", 2.0),
            (Tag.EXPLAIN, f"Count on from {one}. The answer is {answer}.", 1.0),
        ):
            said.append(Target(tag=tag, example=question, question=question, text=text, weight=weight))
    return Stage(name="thinking", targets=tuple(said), task_weights={Tag.PREDICT: 0.4, Tag.EXPLAIN: 0.6})


def test_ten_steps(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    config = TrainingConfig(
        learning_rate=5e-3,
        warmup=0.2,
        weight_decay=0.01,
        budget=Budget(steps=10),
        batch_tokens=256,
        accumulate=2,
        precision="fp32",
    )
    student = StudentConfig(model=str(tiny_folder("llama")))
    [report] = train_arm(ArmPlan([lesson()], student, config, tmp_path, seed=0, label="golden", validate=None)).stages
    assert report.losses == pytest.approx(LOSSES, rel=1e-4), report.losses
    assert report.steps == 10
