"""The plan of batches: what is in it, in which order, and how much of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import AnnotationError, UnknownNameError
from mindsmirror.records import Tag, Target
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.flops import Component
from mindsmirror.students.seq2seq import Seq2SeqStudent
from mindsmirror.training.batches import Batches, with_repeated
from mindsmirror.training.config import Budget, TrainingConfig
from mindsmirror.training.cost import CostMeter, PlanCosts, token_count
from mindsmirror.training.encoding import encode
from mindsmirror.training.objectives.likelihood import Likelihood
from mindsmirror.training.objectives.registry import objective_of
from mindsmirror.training.plan import make_plan, whole_steps

WORDS = tiny.tokenizer(None)
STUDENT = Seq2SeqStudent(tiny.model("t5", len(WORDS)), WORDS, max_source=512, max_target=256)
"""Its sizes are easy to count: distinct sources and what is decoded from them."""
METER = CostMeter(STUDENT, dict.fromkeys(Component, 1))


def family(name: int, rows: int = 2, source: int = 10, target: int = 4) -> tuple[TokenisedTarget, ...]:
    """Targets with sources of their own."""
    return tuple(
        TokenisedTarget(
            str(name), Tag.EXPLAIN, (*range(source - 2), name, row), tuple(range(target)), rationale=row + 1
        )
        for row in range(rows)
    )


def settings(budget: Budget, batch_tokens: int = 64, accumulate: int = 1) -> TrainingConfig:
    return TrainingConfig(budget=budget, batch_tokens=batch_tokens, accumulate=accumulate)


def order(plan: Batches) -> list[str]:
    """Families in the order in which they are seen."""
    return [rows[0].family for batch in plan for rows in batch]


def counted(plan: Batches) -> Counter[TokenisedTarget]:
    return Counter(row for batch in plan for rows in batch for row in rows)


ROWS = tuple(family(name) for name in range(9))
"""Nine families of 28 tokens, two to a batch of 64."""


@pytest.mark.parametrize("passes", [1, 3])
def test_every_family_is_seen_once_in_each_pass(passes: int) -> None:
    plan = make_plan(ROWS, METER, settings(Budget(epochs=passes)), 1.0, seed=5)
    seen = order(plan)
    assert len(seen) == 9 * passes
    for start in range(0, len(seen), 9):
        assert sorted(seen[start : start + 9]) == [str(name) for name in range(9)]
    assert [len(batch) for batch in plan] == [2, 2, 2, 2, 1] * passes


def test_a_plan_is_a_function_of_its_seed() -> None:
    config = settings(Budget(epochs=2))
    plan = make_plan(ROWS, METER, config, 1.0, seed=5)
    assert tuple(make_plan(ROWS, METER, config, 1.0, seed=5)) == tuple(plan)
    assert order(make_plan(ROWS, METER, config, 1.0, seed=6)) != order(plan)
    assert order(plan)[:9] != order(plan)[9:]


@pytest.mark.parametrize(("steps", "accumulate", "batches"), [(7, 1, 7), (1, 1, 1), (4, 3, 12)])
def test_a_budget_of_steps(steps: int, accumulate: int, batches: int) -> None:
    config = settings(Budget(steps=steps), accumulate=accumulate)
    assert len(make_plan(ROWS, METER, config, 1.0, seed=0)) == batches


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_the_steps_of_all_stages_are_the_budget(accumulate: int) -> None:
    """Minds Mirror's shares: no stage ends on half a step, and the arm takes as many as any other arm."""
    config = settings(Budget(steps=10), accumulate=accumulate)
    stages = [len(make_plan(ROWS, METER, config, share, seed=0)) for share in (5 / 13, 8 / 13)]
    assert [batches / accumulate for batches in stages] == [4, 6]


def test_a_budget_of_tokens_is_met_to_half_a_batch() -> None:
    """Batches of 56 row tokens: 280 are five of them, and of 250 the nearest whole number is four and a half, cut."""
    rows = ROWS[:8]

    def spent(tokens: int, share: float = 1.0) -> int:
        plan = make_plan(rows, METER, settings(Budget(tokens=tokens)), share, seed=0)
        return PlanCosts(METER.cost(batch) for batch in plan).total().tokens

    assert [spent(tokens) for tokens in (280, 253, 251, 560)] == [280, 280, 224, 560]
    assert spent(560, share=0.5) == 280
    assert spent(1) == 56


def test_a_share_of_the_epochs() -> None:
    half = make_plan(ROWS[:8], METER, settings(Budget(epochs=2)), 0.75, seed=0)
    assert len(order(half)) == 12


def test_a_large_family_is_taken_apart_and_a_large_row_stands_alone() -> None:
    big, long = family(1, rows=8), family(2, rows=1, source=100)
    plan = make_plan((big, long, family(3)), METER, settings(Budget(epochs=1)), 1.0, seed=0)
    assert counted(plan) == Counter([*big, *long, *family(3)])
    sizes = [sum(STUDENT.size(rows) for rows in batch) for batch in plan]
    assert [size for size in sizes if size > 64] == [104]
    assert max(len(batch) for batch in plan if batch[0][0].family == "2") == 1


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(2, 20), st.integers(1, 12)), min_size=1, max_size=12),
    st.integers(16, 120),
    st.integers(1, 3),
    st.integers(0, 3),
)
def test_any_plan_fits_its_batches_and_loses_nothing(
    shapes: Sequence[tuple[int, int, int]], room: int, passes: int, seed: int
) -> None:
    families = tuple(family(name, *shape) for name, shape in enumerate(shapes))
    config = settings(Budget(epochs=passes), batch_tokens=room)
    plan = make_plan(families, METER, config, 1.0, seed)
    assert counted(plan) == Counter({row: passes for rows in families for row in rows})
    for batch in plan:
        size = sum(STUDENT.size(rows) for rows in batch)
        assert size <= room or (len(batch) == 1 and len(batch[0]) == 1)
    whole = {rows for batch in plan for rows in batch}
    assert all(rows in whole for rows in families if STUDENT.size(rows) <= room)


UNITS = ("tokens", "target_tokens", "flops")


@pytest.mark.parametrize("unit", UNITS)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 6), st.integers(2, 20), st.integers(1, 12)), min_size=1, max_size=9),
    wanted=st.integers(1, 4000),
    room=st.integers(16, 120),
    seed=st.integers(0, 3),
)
def test_any_budget_is_met_to_half_a_batch(
    unit: str, shapes: Sequence[tuple[int, int, int]], wanted: int, room: int, seed: int
) -> None:
    """Half a batch of the one that comes next, at least one batch, and the same plan for the same budget."""
    rows = tuple(family(name, *shape) for name, shape in enumerate(shapes))
    config = settings(Budget.model_validate({unit: wanted}), batch_tokens=room)
    plan = make_plan(rows, METER, config, 1.0, seed)
    assert tuple(make_plan(rows, METER, config, 1.0, seed)) == tuple(plan)
    costs = [getattr(METER.cost(batch), unit) for batch in plan]
    assert len(costs) == 1 or sum(costs) - costs[-1] / 2 <= wanted
    beyond = make_plan(rows, METER, settings(Budget(steps=len(plan) + 1), batch_tokens=room), 1.0, seed)
    assert tuple(beyond[: len(plan)]) == tuple(plan)
    assert sum(costs) + getattr(METER.cost(beyond[-1]), unit) / 2 > wanted


@pytest.mark.parametrize("unit", UNITS)
def test_arms_of_other_shapes_are_given_the_same(unit: str) -> None:
    """Long rationales or short labels, one row a question or four: what is given is equal, the rest is not."""
    arms = [
        tuple(family(name, rows=1, target=2) for name in range(9)),
        tuple(family(name, rows=4, target=12) for name in range(9)),
    ]
    config = settings(Budget.model_validate({unit: 50_000}), batch_tokens=128)
    plans = [make_plan(rows, METER, config, 1.0, seed=0) for rows in arms]
    found = [PlanCosts(map(METER.cost, plan)).total() for plan in plans]
    for counts in found:
        assert getattr(counts, unit) == pytest.approx(50_000, rel=0.02)
    for other in {*UNITS, "rows"} - {unit}:
        assert getattr(found[0], other) != pytest.approx(getattr(found[1], other), rel=0.1)


def test_the_shares_of_a_budget() -> None:
    for unit in UNITS:
        config = settings(Budget.model_validate({unit: 28_000}))
        parts = [make_plan(ROWS, METER, config, share, seed=0) for share in (0.25, 0.75, 1.0)]
        quarter, rest, whole = (sum(getattr(METER.cost(batch), unit) for batch in plan) for plan in parts)
        assert quarter / whole == pytest.approx(0.25, abs=0.02)
        assert quarter + rest == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize("budget", [{}, {"tokens": 1, "flops": 1}, {"steps": 1, "target_tokens": 1}])
def test_a_budget_is_given_in_one_unit(budget: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="exactly one of tokens, target_tokens, flops, steps, epochs"):
        Budget.model_validate(budget)


def test_counts_of_a_plan() -> None:
    """Three families whose rows have sources of their own: all is computed as often as it stands there."""
    plan: Batches = ((family(0), family(1, rows=1)), (family(2),))
    counts = PlanCosts(METER.cost(batch) for batch in plan).total()
    assert (counts.rows, counts.tokens, counts.target_tokens, counts.computed_tokens) == (5, 5 * 14, 20, 5 * 14)
    # Encoder 10, decoder 4, crossing 10, head 4; pairs 10 * 10, 4 * 5 / 2 and 10 * 4, at a price of 1 each.
    assert counts.flops == 5 * (10 + 4 + 10 + 4 + 100 + 10 + 40)
    assert token_count(family(0)[0]) == 14
    assert [(one.rows, one.tokens) for one in map(METER.cost, plan)] == [(3, 42), (2, 28)]
    assert PlanCosts(map(METER.cost, plan)).total(1).rows == 3


def test_what_rows_share_is_counted_once() -> None:
    shared = tuple(TokenisedTarget("0", Tag.EXPLAIN, tuple(range(10)), (1, 2, 3, number)) for number in range(3))
    counts = METER.cost((shared,))
    assert (counts.rows, counts.tokens, counts.computed_tokens) == (3, 3 * 14, 10 + 4)
    assert METER.cost((shared, shared)).computed_tokens == 10 + 4


def test_targets_become_families_of_rows(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("llama"))
    stage = tiny.lesson((Tag.PREDICT, "Q1", "5"), (Tag.PREDICT, "Q2", "6"), (Tag.EXPLAIN, "Q1", "3+2=5"))
    rows = encode(stage, objective_of(stage, student), max_target=256)
    assert [[row.tag for row in rows] for rows in rows.families] == [[Tag.PREDICT, Tag.EXPLAIN], [Tag.PREDICT]]
    first = rows.families[0][1]
    assert student.tokenizer.decode(first.source) == "<s><u>Q1\n\nexplain</s><r>"
    assert student.tokenizer.decode(first.target) == "3+2=5</s>"
    assert (first.family, first.weight, rows.lost["too long"]) == ("Q1", 1.0, 0)


def test_targets_too_long_are_left_out_and_counted(tiny_folder: Callable[..., Path]) -> None:
    student = tiny.load(tiny_folder("llama"))
    stage = tiny.lesson((Tag.PREDICT, "Q", "123"), (Tag.EXPLAIN, "Q", "1234"), (Tag.EXPLAIN, "R", "12345"))
    rows = encode(stage, objective_of(stage, student), max_target=4)
    assert rows.lost["too long"] == 2
    assert [row.tag for rows in rows.families for row in rows] == [Tag.PREDICT]


def test_a_task_that_weighs_nothing_costs_nothing(tiny_folder: Callable[..., Path]) -> None:
    stage = tiny.lesson((Tag.PREDICT, "Q", "1"), (Tag.EXPLAIN, "Q", "one"), alpha=1.0)
    rows = encode(stage, Likelihood(tiny.load(tiny_folder("llama"))), max_target=256)
    assert [row.tag for rows in rows.families for row in rows] == [Tag.PREDICT]
    assert rows.lost["too long"] == 0


def test_a_stage_with_nothing_to_learn_says_where_everything_went(tiny_folder: Callable[..., Path]) -> None:
    stage = tiny.lesson((Tag.PREDICT, "Q", "12345"), dropped={"rationale: truncated": 7})
    with pytest.raises(AnnotationError, match=r"'thinking'.*7 samples.*rationale: truncated.*'too long': 1"):
        encode(stage, Likelihood(tiny.load(tiny_folder("llama"))), max_target=4)


def test_only_what_departs_from_its_counterpart_counts(tiny_folder: Callable[..., Path]) -> None:
    """A token is a byte here: 7 against 8, and an end that both have."""
    student = tiny.load(tiny_folder("llama"))
    right = Target(tag=Tag.EXPLAIN, example="Q", question="Q", text="So 7.", data={"contrast": "So 8."}, weight=2.0)
    wrong = right.model_copy(update={"text": "So 8.", "data": {"contrast": "So 7.", "unlearn": True}})
    alike = right.model_copy(update={"data": {"contrast": "So 7."}})
    stage = tiny.lesson().model_copy(update={"objective": "edit", "targets": (right, wrong, alike)})
    found = encode(stage, objective_of(stage, student), max_target=256)
    assert found.lost == {"no key token": 1, "too long": 0}
    [rows] = found.families
    assert [(row.factors, row.weights, row.kind) for row in rows] == [
        ((0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0, 0.0, 0.0), 0),
        ((0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0, 0.0, 0.0), 1),
    ]
    with pytest.raises(AnnotationError, match="'no key token': 1"):
        encode(stage.model_copy(update={"targets": (alike,)}), objective_of(stage, student), max_target=256)


def test_data_and_parameters_that_the_objective_does_not_know_are_refused(tiny_folder: Callable[..., Path]) -> None:
    """A method wrote them, so it is told of what the objective reads."""
    student = tiny.load(tiny_folder("llama"))
    stage = tiny.lesson((Tag.PREDICT, "Q", "1"))
    strange = stage.targets[0].model_copy(update={"data": {"contarst": "So 8."}})
    for objective, fault in (("likelihood", "there is no key 'contarst'"), ("edit", "Did you mean 'contrast'")):
        wrong = stage.model_copy(update={"objective": objective, "targets": (strange,)})
        with pytest.raises(AnnotationError, match=f"'thinking': a target's data, which '{objective}' reads: .*{fault}"):
            encode(wrong, objective_of(wrong, student), max_target=256)
    with pytest.raises(AnnotationError, match=r"'thinking': parameters of the objective 'edit': .*unlikelihood"):
        objective_of(stage.model_copy(update={"objective": "edit", "parameters": {"unlikely": 1}}), student)
    with pytest.raises(UnknownNameError, match=r"no objective is called 'likelyhood'. Did you mean 'likelihood'"):
        objective_of(stage.model_copy(update={"objective": "likelyhood"}), student)


@pytest.mark.parametrize("distance", [1, 2])
def test_each_half_is_new_once_and_repeated_once(distance: int) -> None:
    plan = make_plan(ROWS, METER, settings(Budget(epochs=4)), 1.0, seed=5, distance=distance)
    assert all(METER.cost(batch).computed_tokens <= 32 for batch in plan)
    learnt = [with_repeated(plan, number, distance) for number in range(len(plan))]
    for number, (families, repeated) in enumerate(learnt):
        assert families[repeated:] == plan[number]
        assert families[:repeated] == (plan[number - distance] if number >= distance else ())
    assert with_repeated(plan, 3, 0) == (plan[3], 0)


@pytest.mark.parametrize("budget", [{"epochs": 4}, {"tokens": 2000}, {"target_tokens": 400}, {"flops": 4000}])
def test_what_is_repeated_is_paid_for(budget: dict[str, float]) -> None:
    """Halves that are learnt twice: as much is spent as without, and about half as much of it is new."""
    unit = next(iter(budget))
    config = settings(Budget.model_validate(budget))
    spent = {}
    for distance in (0, 1):
        plan = make_plan(ROWS, METER, config, 1.0, seed=5, distance=distance)
        counts = PlanCosts(METER.cost(*with_repeated(plan, number, distance)) for number in range(len(plan))).total()
        spent[distance] = counts.tokens if unit == "epochs" else getattr(counts, unit)
        new = PlanCosts(METER.cost(batch) for batch in plan).total()
        assert new.tokens == pytest.approx(counts.tokens / (1 + distance), rel=0.1)
    limit = 4 * 9 * 28 if unit == "epochs" else budget[unit]
    assert spent[0] == pytest.approx(limit, rel=0.05) and spent[1] == pytest.approx(limit, rel=0.05)


@pytest.mark.parametrize(("size", "left"), [(0, 5), (1, 5), (2, 4), (3, 3), (5, 5), (6, 5)])
def test_a_step_that_is_repeated_is_whole(size: int, left: int) -> None:
    assert whole_steps(5, size) == left
    for epochs in range(1, 5):
        plan = make_plan(ROWS, METER, settings(Budget(epochs=epochs)), 1.0, seed=5, distance=size)
        assert size == 0 or len(plan) % size == 0 or len(plan) < size


def test_steps_are_steps_whatever_is_repeated() -> None:
    plan = make_plan(ROWS, METER, settings(Budget(steps=7), accumulate=2), 1.0, seed=5, distance=2)
    assert len(plan) == 14
