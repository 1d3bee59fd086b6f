"""The loss against numbers worked out by hand."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Tag
from mindsmirror.training.objectives.dynsdpb import DynSDPBObjective
from mindsmirror.training.objectives.edit import EditObjective, EditParameters
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.task_weighted import derivatives, mean_weights, scales, task_weighted_loss

P, E, V, C, U = 0, 1, 2, 3, 5
"""Four tasks, learnt and unlearnt."""
NLL = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
WEIGHT = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])
TASK = torch.tensor([P, P, E, E, V])
FACTORS = torch.tensor([0.3, 0.7, 0.0, 0.0] * 2)


def scale(*batches: tuple[torch.Tensor, torch.Tensor], steps: int = 1) -> torch.Tensor:
    """Of a plan of batches, each as the weights and terms of its tokens."""
    sums = [torch.zeros(8).index_add(0, term, weight).tolist() for weight, term in batches]
    return scales(FACTORS, mean_weights(sums, steps))


def loss(part: slice | torch.Tensor, by: torch.Tensor) -> float:
    """Of some of the tokens."""
    return task_weighted_loss(NLL[part], WEIGHT[part], TASK[part], by).item()


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


ALL = slice(0, 5)


def test_one_batch() -> None:
    """0.3 · (1·1 + 2·2) / 3 + 0.7 · (3 + 0.5·4) / 1.5; verdicts weigh nothing here, unlearnt labels have no token."""
    by = scale((WEIGHT, TASK))
    assert by.tolist() == pytest.approx([0.1, 0.7 / 1.5, *(0.0,) * 6])
    assert loss(ALL, by) == pytest.approx(0.5 + 0.7 * 5 / 1.5) == pytest.approx(2.8333333)


def test_parts_of_a_step_add_up() -> None:
    """Denominators are those of the whole, so unequal batches count by their tokens."""
    parts = [slice(0, 1), slice(1, 5)]
    by = scale(*((WEIGHT[part], TASK[part]) for part in parts))
    first, second = (loss(part, by) for part in parts)
    assert first == pytest.approx(0.3 * 1 / 3)
    assert second == pytest.approx(0.3 * 4 / 3 + 0.7 * 5 / 1.5)
    assert first + second == pytest.approx(2.8333333)


def test_the_mean_of_unequal_steps_is_the_loss_of_all() -> None:
    """A token counts the same in a step that has few of its term and in one that has many."""
    parts = [slice(0, 1), slice(1, 3), slice(3, 5)]
    by = scale(*((WEIGHT[part], TASK[part]) for part in parts), steps=3)
    assert [loss(part, by) for part in parts] == pytest.approx([0.3, 1.2 + 4.2, 2.8])
    assert sum(loss(part, by) for part in parts) / 3 == pytest.approx(2.8333333)


def test_a_task_without_tokens_adds_nothing() -> None:
    only = TASK == E
    assert loss(only, scale((WEIGHT[only], TASK[only]))) == pytest.approx(0.7 * 5 / 1.5)


def test_the_gradient_of_a_token_is_its_share() -> None:
    nll = NLL.clone().requires_grad_()
    by = scale((WEIGHT, TASK))
    torch.autograd.backward(task_weighted_loss(nll, WEIGHT, TASK, by))
    assert nll.grad is not None
    assert nll.grad.tolist() == pytest.approx([0.1, 0.2, 0.7 / 1.5, 0.35 / 1.5, 0.0])
    assert torch.equal(nll.grad, derivatives(WEIGHT, TASK, by))


def test_tokens_that_count_for_nothing_count_in_the_mean() -> None:
    """Two rows of four tokens each, two key tokens of the one and one of the other: over eight, not over three."""
    row = torch.tensor([0.0, 0.0, 0.0, 8.0])
    means = mean_weights([torch.zeros(8).scatter(0, torch.tensor([E, U]), 4.0).tolist()] * 2, 1)
    by = scales(torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0]), means)
    learnt = task_weighted_loss(row[2:], torch.ones(2), torch.tensor([E, E]), by)
    unlearnt = task_weighted_loss(row[3:], torch.ones(1), torch.tensor([U]), by)
    assert (learnt.item(), unlearnt.item()) == pytest.approx((1.0, 0.5))


@given(st.lists(st.lists(st.floats(0, 1e4), min_size=3, max_size=3), min_size=1, max_size=20), st.randoms())
def test_means_do_not_depend_on_the_order_of_the_batches(batches: list[list[float]], shuffled: random.Random) -> None:
    """To the digit: processes that see the plan in other parts agree."""
    order = list(batches)
    shuffled.shuffle(order)
    assert torch.equal(mean_weights(batches, 3), mean_weights(order, 3))
