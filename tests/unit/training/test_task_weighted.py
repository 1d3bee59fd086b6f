"""The loss against numbers worked out by hand."""

import pytest
import torch

from mindsmirror.records import Tag
from mindsmirror.students.base import TERMS, LossKind, LossTerm
from mindsmirror.training.objectives.task_weighted import task_weighted_loss, term_factors, weight_totals

P, E, V, C = (
    TERMS.index(LossTerm(LossKind.LEARN, tag)) for tag in (Tag.PREDICT, Tag.EXPLAIN, Tag.VERDICT, Tag.CRITIQUE)
)
U = TERMS.index(LossTerm(LossKind.UNLEARN, Tag.EXPLAIN))
NLL = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
WEIGHT = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])
TASK = torch.tensor([P, P, E, E, V])
FACTORS = term_factors({Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7})


def loss(nll: torch.Tensor, weight: torch.Tensor, task: torch.Tensor, totals: torch.Tensor) -> float:
    return task_weighted_loss(nll, weight, task, totals, FACTORS).item()


def step(weight: torch.Tensor, term: torch.Tensor) -> dict[str, torch.Tensor]:
    """A batch in which every token counts."""
    return {"total": torch.zeros(len(TERMS)).index_add(0, term, weight)}


def test_factors_stand_in_the_order_of_the_terms() -> None:
    assert [term.name for term in TERMS] == [
        *("predict", "explain", "verdict", "critique"),
        *("unlearn_predict", "unlearn_explain", "unlearn_verdict", "unlearn_critique"),
        *("agree_predict", "agree_explain", "agree_verdict", "agree_critique"),
    ]
    weights = {Tag.CRITIQUE: 0.6, Tag.VERDICT: 0.4}
    assert term_factors(weights).tolist() == pytest.approx([0, 0, 0.4, 0.6] * 3)
    assert term_factors(weights, 0.5).tolist() == pytest.approx([0, 0, 0.4, 0.6, 0, 0, 0.2, 0.3, 0, 0, 0.4, 0.6])


def test_one_batch() -> None:
    """0.3 · (1·1 + 2·2) / 3 + 0.7 · (3 + 0.5·4) / 1.5; verdicts weigh nothing here."""
    totals = weight_totals([step(WEIGHT, TASK)])
    assert totals.tolist() == [3.0, 1.5, 1.0, *(0.0,) * 9]
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(0.5 + 0.7 * 5 / 1.5)
    assert loss(NLL, WEIGHT, TASK, totals) == pytest.approx(2.8333333)


def test_parts_of_a_step_add_up() -> None:
    """Denominators run over the step, so unequal batches count by their tokens."""
    parts = [slice(0, 1), slice(1, 5)]
    totals = weight_totals([step(WEIGHT[part], TASK[part]) for part in parts])
    first, second = (loss(NLL[part], WEIGHT[part], TASK[part], totals) for part in parts)
    assert first == pytest.approx(0.3 * 1 / 3)
    assert second == pytest.approx(0.3 * 4 / 3 + 0.7 * 5 / 1.5)
    assert first + second == pytest.approx(2.8333333)


def test_a_task_without_tokens_adds_nothing() -> None:
    only = TASK == E
    totals = weight_totals([step(WEIGHT[only], TASK[only])])
    assert loss(NLL[only], WEIGHT[only], TASK[only], totals) == pytest.approx(0.7 * 5 / 1.5)


def test_the_gradient_of_a_token_is_its_share() -> None:
    nll = NLL.clone().requires_grad_()
    totals = weight_totals([step(WEIGHT, TASK)])
    torch.autograd.backward(task_weighted_loss(nll, WEIGHT, TASK, totals, FACTORS))
    assert nll.grad is not None
    assert nll.grad.tolist() == pytest.approx([0.1, 0.2, 0.7 / 1.5, 0.35 / 1.5, 0.0])


def test_tokens_that_count_for_nothing_count_in_the_mean() -> None:
    """Two rows of four tokens each, two key tokens of the one and one of the other: over eight, not over three."""
    row = torch.tensor([0.0, 0.0, 0.0, 8.0])
    totals = weight_totals([{"total": torch.zeros(len(TERMS)).scatter(0, torch.tensor([E, U]), 4.0)}] * 2)
    factors = term_factors({Tag.EXPLAIN: 1.0}, unlearning=0.5)
    learnt = task_weighted_loss(row[2:], torch.ones(2), torch.tensor([E, E]), totals, factors)
    unlearnt = task_weighted_loss(row[3:], torch.ones(1), torch.tensor([U]), totals, factors)
    assert (learnt.item(), unlearnt.item()) == pytest.approx((1.0, 0.5))
