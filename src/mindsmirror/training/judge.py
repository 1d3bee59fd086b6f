"""A judge as an adapter over a frozen thinker, trained on what the thinker has read.

The adapter works on the last few tokens of what a judge reads (`Student.read`, `Student.after`). All tokens before them
are computed by the thinker's own weights, so a rationale is read once, its keys and values are kept, and every pass
over it costs those few tokens. Asked later, the judge goes on from the very cache that the thinker leaves (an adapter
that begins late: Greenewald et al., 2025, arXiv 2504.12397). What is learnt is what is read off: the verdict's share
among the three words, each weighed as often as it was given.

    L = sum over rationales and verdicts of -w log share / sum of w

A step divides by the mean weight of a step and not by its own: a part of few or light rationales would else count as
much as any other, and the weights of verdicts would divide out.

Passes are few and short, so a training that was cut short begins anew; it comes to the same.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mindsmirror.records import Stage
from mindsmirror.students.base import Student
from mindsmirror.students.flops import Component, UnitFlops, Work, computed_tokens, forward_flops, training_flops
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.students.verdict_words import first_difference
from mindsmirror.system.hardware import peak_device_memory, peak_memory
from mindsmirror.system.progress import Progress
from mindsmirror.system.threads import half_the_threads
from mindsmirror.training.cost import Cost
from mindsmirror.training.result import StageLog

TOGETHER = 16
"""Rationales in a step."""
ROOM = 2**31
"""Bytes in which what was read is kept; what finds no room is read in every pass."""
WARMUP = 0.1
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Judged:
    """A rationale as the judge reads it, and how much each verdict on it weighs, in the order of VERDICT_WORDS."""

    source: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class JudgePlan:
    """All that training a judge takes."""

    student: Student
    model: Any
    """With the adapter (PEFT), its own weights in fp32, those under it as they compute."""
    rows: Sequence[Judged]
    passes: int
    rate: float
    seed: int
    label: str
    """What the progress line calls it."""

    @property
    def steps(self) -> int:
        """Optimizer steps of all passes."""
        return self.passes * len(parts_of(self.rows))


def judged_rows(stage: Stage, student: Student) -> list[Judged]:
    """What a stage's verdict targets come to, a row for each rationale, those of one question side by side."""
    questions: dict[str, dict[tuple[int, ...], list[float]]] = {}
    for target in stage.targets:
        if target.text in VERDICT_WORDS:
            source = student.source(target.tag, target.question, target.rationale)
            weights = questions.setdefault(target.example, {})
            found = weights.setdefault(source, [0.0] * len(VERDICT_WORDS))
            found[VERDICT_WORDS.index(target.text)] += target.weight
    # Neighbours are of one question, so much is shared, and of one length, so little is padded.
    families = sorted(questions.values(), key=lambda family: max(map(len, family)))
    return [Judged(source, tuple(found)) for family in families for source, found in family.items()]


def train_judge(plan: JudgePlan) -> tuple[StageLog, int]:
    """Train the plan's adapter in place; also how many tokens were read more than once, for want of memory."""
    begun, words = first_difference(plan.student)
    adapter = [value for value in plan.model.parameters() if value.requires_grad]
    mean_weight = mean_weight_of(plan.rows)
    optimizer = torch.optim.AdamW(adapter, lr=plan.rate, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, plan.steps))
    losses: list[float] = []
    done = 0
    with Progress(plan.label, plan.steps, "steps") as progress:
        parts = _Parts(plan)
        order = random.Random(plan.seed)
        for _ in range(plan.passes):
            summed = 0.0
            for number in order.sample(range(parts.count), parts.count):
                read, weights = parts[number]
                with half_the_threads():
                    logits = plan.student.after(plan.model.get_base_model(), read, begun, words)
                    loss = judge_loss(logits, weights, mean_weight)
                    optimizer.zero_grad()
                    torch.autograd.backward(loss)
                    torch.nn.utils.clip_grad_norm_(adapter, LARGEST_GRADIENT)
                    optimizer.step()
                    schedule.step()
                summed += float(loss.detach())
                done += 1
                progress.update(done, f"loss {summed / (done - len(losses) * parts.count):.3f}")
            losses.append(summed / parts.count)
        progress.close(done, f"loss {losses[-1]:.3f}")
    log = StageLog(
        steps=done,
        planned_steps=plan.steps,
        losses=tuple(losses),
        task_losses={"verdict": tuple(losses)},
        validation={},
        selected_step=done,
        selected_score=None,
        tokens_per_second=None,
        peak_memory=peak_memory(),
        peak_device_memory=peak_device_memory(),
    )
    return log, parts.read_again


def judge_loss(logits_BV: Tensor, weights_BV: Tensor, mean_weight: float) -> Tensor:
    """A step's part of L, in nats: of B rationales and the V verdicts. The mean over all steps of a pass is L."""
    return -(weights_BV * torch.log_softmax(logits_BV.float(), dim=-1)).sum() / mean_weight


def mean_weight_of(rows: Sequence[Judged]) -> float:
    """What the verdicts of a step weigh on average."""
    return sum(sum(row.weights) for row in rows) / len(parts_of(rows))


def judge_cost(rows: Sequence[Judged], passes: int, student: Student, units: UnitFlops, read_again: int = 0) -> Cost:
    """What training a judge costs: each rationale is read once, and its last tokens are learnt from in every pass.

    `read_again` are tokens that were read more often.
    """
    lengths = [len(row.source) for row in rows]
    encodes = bool(student.model.config.is_encoder_decoder)
    ends = sum((_end(length, student.adapted, encodes) for length in lengths), Counter())
    read = sum((student.reading_work([row.source for row in part]) for part in parts_of(rows)), Counter())
    again = 1 + read_again / sum(lengths)
    return Cost(
        rows=passes * len(rows),
        tokens=passes * (sum(lengths) + len(rows)),
        target_tokens=passes * len(rows),
        computed_tokens=round(computed_tokens(read) * again) + passes * len(rows) * student.adapted,
        flops=round(forward_flops(read, units) * again) + passes * training_flops(ends, units),
    )


def parts_of(rows: Sequence[Judged]) -> list[Sequence[Judged]]:
    """The rationales of each step."""
    return [rows[begin : begin + TOGETHER] for begin in range(0, len(rows), TOGETHER)]


def _end(length: int, adapted: int, encodes: bool) -> Work:
    """What one pass over a rationale of so many tokens computes."""
    if encodes:
        parts = {Component.CROSSING: length, Component.CROSSING_PAIRS: length}
    else:
        parts = {Component.DECODER_PAIRS: adapted * length}
    return Work({Component.DECODER: adapted, Component.HEAD: 1, **parts})


class _Parts:
    """The rationales in parts of TOGETHER, each read by the thinker and kept as long as there is room."""

    def __init__(self, plan: JudgePlan) -> None:
        self._plan = plan
        self._parts = parts_of(plan.rows)
        self._kept: dict[int, Any] = {}
        self._room = ROOM
        self._read: set[int] = set()
        self.read_again = 0
        """Tokens."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._parts)

    def __getitem__(self, number: int) -> tuple[Any, Tensor]:
        """What was read of a part, and the weights of its verdicts [B, 3]."""
        plan, rows = self._plan, self._parts[number]
        read = self._kept.get(number)
        if read is None:
            with plan.model.disable_adapter():
                read = plan.student.read(plan.model.get_base_model(), [row.source for row in rows])
            self.read_again += sum(len(row.source) for row in rows) if number in self._read else 0
            self._read.add(number)
            if read.nbytes <= self._room:
                self._kept[number] = read
                self._room -= read.nbytes
        return read, torch.tensor([row.weights for row in rows], device=plan.model.device)


def _rate(step: int, steps: int) -> float:
    """The share of the highest learning rate: it rises for the first tenth, then falls linearly to 0."""
    rising = max(1, round(WARMUP * steps))
    return min((step + 1) / rising, max(0.0, (steps - step) / max(1, steps - rising)))
