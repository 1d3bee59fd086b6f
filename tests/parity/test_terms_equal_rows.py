"""Weights of single tokens, unlearning and agreement teach what they teach row by row: loss and every gradient.

fp32 and no dropout, against the rows one by one (tests/plain.py). The batches hold what could go wrong: a token that
one row learns and another unlearns from the same place, equal rows, tokens that count for nothing at a shared
beginning, tasks of several kinds, and halves whose questions could share a tree.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import gradients, plain_agreement, plain_loss, row_logits
from torch import Tensor

from mindsmirror.methods.dynsdpb import Agreement
from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.training.dataset import PlanDataset
from mindsmirror.training.encoding import encode
from mindsmirror.training.families import Families
from mindsmirror.training.objectives.base import Objective
from mindsmirror.training.objectives.dynsdpb import DynSDPBObjective
from mindsmirror.training.objectives.edit import EditObjective, EditParameters
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.task_weighted import mean_weights, scales, task_weighted_loss

WEIGHTS = {Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7}
UNLEARNING = 0.4
KINDS = [*tiny.FAMILIES, "gemma2"]
"""Gemma2 takes no block mask: plain rows."""


def key_steps(student: tiny.AnyStudent) -> Families:
    """Pairs of two questions; the second pair of the first unlearns what the first learns."""
    targets = [
        *tiny.pair("3 nuts, 4 figs?", "3 + 4 = 7. So 7.", "3 + 4 = 8. So 8.", weight=2.0),
        *tiny.pair("3 nuts, 4 figs?", "3 and 4: 7.", "3 + 4 = 7. So 9."),
        *tiny.pair("3 nuts, 4 figs?", "3 + 4 = 8. So 8?", "3 + 5 = 8. So 8?"),
        *tiny.pair("6 - 2?", "6 - 2 is 4.", "6 + 2 is 8."),
        Target(tag=Tag.PREDICT, example="6 - 2?", question="6 - 2?", text="4", weight=3.0),
    ]
    stage = Stage(name="key_steps", targets=tuple(targets), task_weights=WEIGHTS, objective="edit")
    rows = encode(stage, EditObjective(student), max_target=256)
    assert rows.lost["no key token"] == 0
    return rows.families[:]


def assert_gradients(model: Any, loss: Tensor, expected: Tensor) -> None:
    truth = gradients(model, expected)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    largest = max(float(grad.norm()) for grad in truth.values())
    for name, found in gradients(model, loss).items():
        room = 1e-5 * float(truth[name].norm()) + 1e-7 * largest
        assert float((found - truth[name]).norm()) <= room, name


def step_loss(objective: Objective, model: Any, batches: Sequence[dict[str, Tensor]]) -> Any:
    """The loss of one step as training computes it."""
    means = mean_weights([batch["term_weights"].tolist() for batch in batches], steps=1)
    scale = scales(objective.factors(WEIGHTS), means)
    return sum(task_weighted_loss(*objective.losses(model, batch), scale) for batch in batches)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("together", [True, False])
def test_key_steps(kind: str, together: bool, tiny_folder: Callable[..., Path]) -> None:
    """In one batch, and in two of one step."""
    student = tiny.load(tiny_folder(kind))
    model = student.model.eval()
    families = key_steps(student)
    rows = [row for family in families for row in family]
    assert any(0.0 in row.factors and 1.0 in row.factors for row in rows) and any(row.kind for row in rows)
    objective = EditObjective(student, EditParameters(unlikelihood=UNLEARNING))
    batches = [objective.collate(part) for part in ([families] if together else [families[:1], families[1:]])]
    loss = step_loss(objective, model, batches)
    assert_gradients(model, loss, plain_loss(model, rows, WEIGHTS, UNLEARNING))


def test_what_counts_for_nothing_is_not_predicted(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("llama"))
    families = key_steps(student)
    batch = student.collate(families)
    counted = sum(sum(row.weights) for family in families for row in family)
    assert (batch["weight"] > 0).all() and batch["weight"].sum().item() == pytest.approx(counted)
    assert len(batch["target"]) < 0.5 * sum(len(row.target) for family in families for row in family)


QUESTIONS = ("3 nuts, 4 figs?", "6 - 2?", "2 hens, 1 cow?", "9 / 3?")


def thinking(student: tiny.AnyStudent) -> Families:
    """Labels and rationales of four questions; a repeated label and two rationales that begin alike."""
    targets = []
    for number, question in enumerate(QUESTIONS):
        for tag, text, weight in (
            (Tag.PREDICT, str(number), 2.0),
            (Tag.PREDICT, str(number), 1.0),
            (Tag.EXPLAIN, f"It is {number}. So {number}.", 1.0),
            (Tag.EXPLAIN, f"It is {number + 1}.", 0.5),
        ):
            targets.append(Target(tag=tag, example=question, question=question, text=text, weight=weight))
    return encode(
        Stage(name="t", targets=tuple(targets), task_weights=WEIGHTS), Likelihood(student), max_target=256
    ).families[:]


def shifted(model: Any, amount: float) -> None:
    """Another model than before, as after a step of training."""
    torch.manual_seed(5)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(amount * torch.randn_like(value))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_agreement_with_the_last_batch(
    kind: str, dynamic: bool, accumulate: int, tiny_folder: Callable[..., Path]
) -> None:
    """Cross-entropy of both halves and, on the repeated one, the divergence from what was said before the step."""
    student = tiny.load(tiny_folder(kind))
    model = student.model.eval()
    wanted = Agreement(weight=0.8, temperature=2.0, dynamic=dynamic)
    families = thinking(student)
    # Two steps: the new half of a batch of the second is one question, and so is the half that it repeats.
    plan = tuple((family,) for family in families[: 2 * accumulate])
    objective = DynSDPBObjective(student, wanted)
    dataset = PlanDataset(plan, objective, distance=accumulate)

    first = [dataset[number] for number in range(accumulate)]
    rows = [row for family in families[:accumulate] for row in family]
    before = [row_logits(model, row).detach() for row in rows]
    assert_gradients(model, step_loss(objective, model, first), plain_loss(model, rows, WEIGHTS))

    shifted(model, 0.05)
    second = [dataset[number] for number in range(accumulate, 2 * accumulate)]
    every = [row for family in families[: 2 * accumulate] for row in family]
    agreed = plain_agreement(model, rows, before, WEIGHTS, wanted)
    assert agreed > 0.01
    assert_gradients(model, step_loss(objective, model, second), plain_loss(model, every, WEIGHTS) + agreed)


def test_both_halves_go_through_the_model_together(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("llama"))
    plan = tuple((family,) for family in thinking(student)[:2])
    objective = DynSDPBObjective(student, Agreement())
    dataset = PlanDataset(plan, objective, distance=1)
    calls: list[int] = []
    handle = student.model.register_forward_hook(lambda *_: calls.append(1))
    for number in range(2):
        objective.losses(student.model, dataset[number])
    handle.remove()
    assert len(calls) == 2


def test_a_half_that_was_not_seen_is_learnt_without_agreement(tiny_folder: Callable[..., Path]) -> None:
    """As when a run's processes share its batches out anew: nothing is held against the wrong rows."""
    student = tiny.load(tiny_folder("llama"))
    plan = tuple((family,) for family in thinking(student)[:3])
    objective = DynSDPBObjective(student, Agreement())
    dataset = PlanDataset(plan, objective, distance=1)
    objective.losses(student.model, dataset[0])
    batch = dataset[2]
    assert len(objective.losses(student.model, batch).loss) == len(batch["target"])
    assert set(objective.state()) == {"2"}


def test_what_is_remembered_is_given_and_taken(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("t5"))
    plan = tuple((family,) for family in thinking(student)[:3])
    whole, other = (DynSDPBObjective(student, Agreement()) for _ in range(2))
    dataset = PlanDataset(plan, whole, distance=2)
    for number in range(2):
        whole.losses(student.model, dataset[number])
    assert set(whole.state()) == {"0", "1"}
    other.restore(whole.state())
    shifted(student.model, 0.05)
    for one, two in zip(whole.losses(student.model, dataset[2]), other.losses(student.model, dataset[2]), strict=True):
        assert torch.equal(one, two)


def test_a_row_by_itself_is_the_plain_one(tiny_folder: Callable[..., Path]) -> None:
    """Factors of one change nothing."""
    student = tiny.load(tiny_folder("llama"))
    source, target = student.source(Tag.EXPLAIN, "2+3?", None), student.target("It is 5.")
    rows = [TokenisedTarget("a", Tag.EXPLAIN, source, target, 2.0, factors) for factors in ((), (1.0,) * len(target))]
    first, second = (student.collate([[row]]) for row in rows)
    assert all(torch.equal(first[name], second[name]) for name in first)
