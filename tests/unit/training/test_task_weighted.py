"""The loss against numbers worked out by hand."""

import pytest
import torch

from mindsmirror.records import Tag
from mindsmirror.students.base import TASKS
from mindsmirror.training.objectives.task_weighted import task_factors, task_weighted_loss, weight_totals

P, E, V, C = (TASKS.index(tag) for tag in (Tag.PREDICT, Tag.EXPLAIN, Tag.VERDICT, Tag.CRITIQUE))
NLL = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
WEIGHT = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])
TASK = torch.tensor([P, P, E, E, V])
FACTORS = task_factors({Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7})


def loss(nll: torch.Tensor, weight: torch.Tensor, task: torch.Tensor, totals: torch.Tensor) -> float:
    return task_weighted_loss(nll, weight, task, totals, FACTORS).item()


def test_factors_stand_in_the_order_of_the_tasks() -> None:
    assert TASKS == (Tag.PREDICT, Tag.EXPLAIN, Tag.VERDICT, Tag.CRITIQUE)
    assert task_factors({Tag.CRITIQUE: 0.6, Tag.VERDICT: 0.4}).tolist() == pytest.approx([0, 0, 0.4, 0.6])


def test_one_batch() -> None:
    """0.3 · (1·1 + 2·2) / 3 + 0.7 · (3 + 0.5·4) / 1.5; verdicts weigh nothing here."""
    totals = weight_totals([{"weight": WEIGHT, "task": TASK}])
    assert totals.tolist() == [3.0, 1.5, 1.0, 0.0]
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(0.5 + 0.7 * 5 / 1.5)
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(2.8333333)


def test_parts_of_a_step_add_up() -> None:
    """Denominators run over the step, so unequal batches count by their tokens."""
    parts = [slice(0, 1), slice(1, 5)]
    totals = weight_totals([{"weight": WEIGHT[part], "task": TASK[part]} for part in parts])
    first, second = (loss(NLL[part], WEIGHT[part], TASK[part], totals) for part in parts)
    assert first == pytest.approx(0.3 * 1 / 3)
    assert second == pytest.approx(0.3 * 4 / 3 + 0.7 * 5 / 1.5)
    assert first + second == pytest.approx(2.8333333)


def test_a_task_without_tokens_adds_nothing() -> None:
    only = TASK == E
    totals = weight_totals([{"weight": WEIGHT[only], "task": TASK[only]}])
    assert loss(NLL[only], WEIGHT[only], TASK[only], totals) == pytest.approx(0.7 * 5 / 1.5)


def test_the_gradient_of_a_token_is_its_share() -> None:
    nll = NLL.clone().requires_grad_()
    totals = weight_totals([{"weight": WEIGHT, "task": TASK}])
    torch.autograd.backward(task_weighted_loss(nll, WEIGHT, TASK, totals, FACTORS))
    assert nll.grad is not None
    assert nll.grad.tolist() == pytest.approx([0.1, 0.2, 0.7 / 1.5, 0.35 / 1.5, 0.0])
