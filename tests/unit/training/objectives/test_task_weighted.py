"""The loss against numbers worked out by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from mindsmirror.records import Tag
from mindsmirror.training.objectives.dynsdpb import DynSDPBObjective
from mindsmirror.training.objectives.edit import EditObjective, EditParameters
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.task_weighted import task_weighted_loss, term_weights

P, E, V, C, U = 0, 1, 2, 3, 5
"""Four tasks, learnt and unlearnt."""
NLL = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
WEIGHT = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])
TASK = torch.tensor([P, P, E, E, V])
FACTORS = torch.tensor([0.3, 0.7, 0.0, 0.0] * 2)


def loss(nll: torch.Tensor, weight: torch.Tensor, task: torch.Tensor, totals: torch.Tensor) -> float:
    return task_weighted_loss(nll, weight, task, totals, FACTORS).item()


def step(weight: torch.Tensor, term: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch in which every token counts."""
    return {"term_weights": torch.zeros(8).index_add(0, term, weight)}


def test_factors_stand_in_the_order_of_the_terms(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("llama"))
    weights = {Tag.CRITIQUE: 0.6, Tag.VERDICT: 0.4}
    plain, edit, agree = (
        Likelihood(student),
        EditObjective(student, EditParameters(unlikelihood=0.5)),
        DynSDPBObjective(student),
    )
    tasks = ("predict", "explain", "verdict", "critique")
    assert plain.term_names == tasks and plain.factors(weights).tolist() == pytest.approx([0, 0, 0.4, 0.6])
    assert edit.term_names == (*tasks, *(f"unlearn_{task}" for task in tasks))
    assert edit.factors(weights).tolist() == pytest.approx([0, 0, 0.4, 0.6, 0, 0, 0.2, 0.3])
    assert agree.term_names == (*tasks, *(f"agree_{task}" for task in tasks))
    assert agree.factors(weights).tolist() == pytest.approx([0, 0, 0.4, 0.6] * 2)


def test_one_batch() -> None:
    """0.3 · (1·1 + 2·2) / 3 + 0.7 · (3 + 0.5·4) / 1.5; verdicts weigh nothing here."""
    totals = term_weights([step(WEIGHT, TASK)])
    assert totals.tolist() == [3.0, 1.5, 1.0, *(0.0,) * 5]
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(0.5 + 0.7 * 5 / 1.5)
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(2.8333333)


def test_parts_of_a_step_add_up() -> None:
    """Denominators run over the step, so unequal batches count by their tokens."""
    parts = [slice(0, 1), slice(1, 5)]
    totals = term_weights([step(WEIGHT[part], TASK[part]) for part in parts])
    first, second = (loss(NLL[part], WEIGHT[part], TASK[part], totals) for part in parts)
    assert first == pytest.approx(0.3 * 1 / 3)
    assert second == pytest.approx(0.3 * 4 / 3 + 0.7 * 5 / 1.5)
    assert first + second == pytest.approx(2.8333333)


def test_a_task_without_tokens_adds_nothing() -> None:
    only = TASK == E
    totals = term_weights([step(WEIGHT[only], TASK[only])])
    assert loss(NLL[only], WEIGHT[only], TASK[only], totals) == pytest.approx(0.7 * 5 / 1.5)


def test_the_gradient_of_a_token_is_its_share() -> None:
    nll = NLL.clone().requires_grad_()
    totals = term_weights([step(WEIGHT, TASK)])
    torch.autograd.backward(task_weighted_loss(nll, WEIGHT, TASK, totals, FACTORS))
    assert nll.grad is not None
    assert nll.grad.tolist() == pytest.approx([0.1, 0.2, 0.7 / 1.5, 0.35 / 1.5, 0.0])


def test_tokens_that_count_for_nothing_count_in_the_mean() -> None:
    """Two rows of four tokens each, two key tokens of the one and one of the other: over eight, not over three."""
    row = torch.tensor([0.0, 0.0, 0.0, 8.0])
    totals = term_weights([{"term_weights": torch.zeros(8).scatter(0, torch.tensor([E, U]), 4.0)}] * 2)
    factors = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0])
    learnt = task_weighted_loss(row[2:], torch.ones(2), torch.tensor([E, E]), totals, factors)
    unlearnt = task_weighted_loss(row[3:], torch.ones(1), torch.tensor([U]), totals, factors)
    assert (learnt.item(), unlearnt.item()) == pytest.approx((1.0, 0.5))
