"""Caps: what is spent never passes them by more than what is in flight, and the next run goes on where one stopped."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.annotate import Teacher
from mindsmirror.annotation.budget import BudgetConfig, TokenRatios, most
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Completion, Message, Request, Sampling
from mindsmirror.engines.config import Price
from mindsmirror.engines.counting import SURE_AFTER
from mindsmirror.engines.scripted import ScriptedEngine
from mindsmirror.errors import EngineError, MissingExtraError
from mindsmirror.records import Parse

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

PRICE = Price(input=1.0, output=10.0)


def paid(lab: "Lab", payer: str = "") -> tuple[int, int]:
    """Tokens read and written that the store was charged for."""
    with Store(lab.path) as store:
        payments = store.paid(payer).values()
    return sum(p.tokens_in for p in payments), sum(p.tokens_out for p in payments)


def test_a_cap_stops_the_run_and_what_is_complete_is_whole(lab: "Lab") -> None:
    whole = lab.annotate(lab.sums(20), k=3)
    everything, asked = sum(paid(lab)), set(lab.asked)
    lab.path.unlink()
    budget = BudgetConfig(tokens=everything // 2)
    accounts = lab.accounts(lab.sums(20), k=3, budget=budget)
    assert list(accounts) and len(accounts) == 20, "every question is accounted for"
    complete = {id for id, account in accounts.items() if account.complete}
    assert 2 < len(complete) < 18
    assert all(accounts[id].annotation == whole[id] for id in complete)
    for id, account in accounts.items():
        rationales = account.annotation.rationales
        assert all(r.parse is Parse.OK for r in rationales), "what was never asked for has not failed"
        assert rationales == tuple(r for r in whole[id].rationales if r in rationales)
        assert account.complete or account.unasked > 0
    assert {len(a.annotation.rationales) for a in accounts.values()} >= {0, 3}
    first = set(lab.asked)
    assert sorted(first) == lab.stored(), "what was in flight was stored"

    again = lab.annotate(lab.sums(20), k=3)
    assert again == whole
    assert not first & set(lab.asked) and first | set(lab.asked) == asked


def test_the_same_cap_again_opens_no_engine_and_finds_the_same(lab: "Lab") -> None:
    budget = BudgetConfig(tokens=3000)
    first = lab.accounts(lab.sums(20), budget=budget)
    assert sum(paid(lab)) >= 3000
    assert lab.accounts(lab.sums(20), budget=budget) == first and lab.engines == []
    assert lab.spending is not None
    assert "of annotation.budget.tokens = 3000 used over this store" in lab.spending.reached


@pytest.mark.parametrize("budget", [BudgetConfig(tokens=0), BudgetConfig(usd=0), BudgetConfig(minutes=0)])
def test_a_cap_of_nothing_reads_what_is_stored(lab: "Lab", budget: BudgetConfig) -> None:
    whole = lab.annotate(lab.sums(4), k=2, payer="another")
    accounts = lab.accounts(lab.sums(6), k=2, budget=budget, payer="mine")
    assert lab.engines == []
    assert {id: a.annotation for id, a in accounts.items() if a.complete} == whole
    assert [(a.unasked, a.annotation.rationales) for a in accounts.values() if not a.complete] == [(2, ())] * 2


def test_only_what_this_name_paid_counts(lab: "Lab") -> None:
    lab.annotate(lab.sums(6), payer="another")
    budget = BudgetConfig(tokens=sum(paid(lab, "another")) * 9 // 10)
    accounts = lab.accounts(lab.sums(9), payer="mine", budget=budget)
    assert all(account.complete for account in accounts.values()), "six of nine were paid for by another"
    assert lab.accounts(lab.sums(40), payer="mine", budget=budget)
    assert sum(paid(lab, "mine")) >= budget.tokens if budget.tokens else False
    assert lab.spending is not None and "'mine'" in lab.spending.reached


def test_money_counts_both_ways_of_tokens_and_earlier_payments_are_priced_now(lab: "Lab") -> None:
    lab.annotate(lab.sums(3), k=2, m=0, teacher=lab.teacher())
    tokens_in, tokens_out = paid(lab)
    with Store(lab.path) as store:
        annotator = lab.annotator(store, teacher=lab.teacher(price=PRICE))
        assert annotator.spending.usage.usd == pytest.approx((tokens_in * 1.0 + tokens_out * 10.0) / 1e6)
        # A teacher of the past that the recipe no longer has stays at the price that it had then.
        other = lab.annotator(store, teacher=lab.teacher(name="other", price=PRICE))
        assert other.spending.usage.usd == 0.0
    lab.annotate(lab.sums(4), k=2, m=0, teacher=lab.teacher(price=PRICE))
    with Store(lab.path) as store:
        found = lab.annotator(store, teacher=lab.teacher(name="other")).spending
    more_in, more_out = (now - then for now, then in zip(paid(lab), (tokens_in, tokens_out), strict=True))
    assert found.usage.usd == pytest.approx((more_in * 1.0 + more_out * 10.0) / 1e6)


def test_minutes_stop_too_and_count_over_runs(lab: "Lab") -> None:
    budget = BudgetConfig(minutes=0.15 / 60)
    accounts = lab.accounts(lab.sums(60), k=2, teacher=lab.teacher(delay=0.01, capacity=2), budget=budget)
    served = len(lab.asked)
    assert 0 < served < 80 and not all(account.complete for account in accounts.values())
    assert lab.spending is not None and "minutes of annotation.budget.minutes = 0.0025" in lab.spending.reached
    lab.annotate(lab.sums(60), k=2, budget=budget)
    assert lab.asked == []


def test_a_question_whose_rationales_lack_is_not_judged(lab: "Lab") -> None:
    lab.annotate(lab.sums(1), k=2, m=1)
    (account,) = lab.accounts(lab.sums(1), k=3, m=1, budget=BudgetConfig(tokens=0)).values()
    assert len(account.annotation.rationales) == 2 and account.annotation.evaluations == ()
    assert account.unasked == 1


def test_failures_are_not_lost_under_a_cap(lab: "Lab") -> None:
    accounts = lab.accounts(lab.sums(20), teacher=lab.teacher(failed=0.3), budget=BudgetConfig(tokens=4000))
    rationales = [r for a in accounts.values() for r in a.annotation.rationales]
    failed = sum(r.parse is Parse.FAILED for r in rationales)
    failed += sum(e.parse is Parse.FAILED for a in accounts.values() for e in a.annotation.evaluations)
    assert failed == sum(a.failed for a in accounts.values()) > 0
    assert any(a.unasked for a in accounts.values())


def test_what_was_in_flight_at_an_interruption_counts_as_paid_at_its_most(lab: "Lab") -> None:
    with Store(lab.path) as store:
        annotator = lab.annotator(store, k=2, m=0, teacher=lab.teacher(capacity=8))
        accounts = annotator.accounts(("train", example) for example in lab.sums(9))
        account = next(accounts)
        accounts.close()
    (engine,) = lab.engines
    lost = [most(request, None) for request in engine.requests if not set(request.keys) <= set(engine.keys)]
    assert len(lost) == 4
    tokens_in = account.total.tokens_in + sum(cost.tokens_in for cost in lost)
    assert paid(lab) == (tokens_in, account.total.tokens_out + sum(cost.tokens_out for cost in lost))


@pytest.mark.parametrize("lacks", [False, True])
def test_what_an_engine_has_not_written_is_not_paid(lab: "Lab", lacks: bool) -> None:
    def opened() -> ScriptedEngine:
        if lacks:
            raise MissingExtraError("torch")
        return Broken("teacher")

    class Broken(ScriptedEngine):
        def poll(self) -> Any:
            raise EngineError("refuses the key")

    teacher = Teacher("m", {"model": "m"}, opened)
    with pytest.raises(MissingExtraError if lacks else EngineError), Store(lab.path) as store:
        list(lab.annotator(store, teacher=teacher).run(("train", example) for example in lab.sums(3)))
    assert paid(lab) == (0, 0)


class Watched:
    """What an engine sees in flight, and what it is paid."""

    def __init__(self) -> None:
        self.in_flight: dict[str, int] = {}
        self.paid = self.dearest = 0

    def submit(self, request: Request) -> None:
        self.in_flight[request.id] = most(request, PRICE).tokens

    def end(self, request: Request, completions: tuple[Completion, ...]) -> None:
        del self.in_flight[request.id]
        cost = sum(c.tokens_in + c.tokens_out for c in completions)
        self.paid, self.dearest = self.paid + cost, max(self.dearest, cost)


@given(cap=st.integers(0, 9000), capacity=st.integers(1, 40), k=st.integers(1, 4), m=st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_a_cap_is_passed_by_no_more_than_one_request(cap: int, capacity: int, k: int, m: int) -> None:
    from unit.annotation.conftest import Counted, Lab

    watched = Watched()

    class Engine(Counted):
        def submit(self, request: Request) -> None:
            assert watched.paid < cap, "nothing is sent once the cap is reached"
            watched.submit(request)
            super().submit(request)

        def poll(self) -> Any:
            ended = super().poll()
            for request, completions in ended:
                watched.end(request, completions)
            return ended

    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        teacher = lab.teacher()

        def opened() -> Counted:
            lab.engines.append(Engine("teacher", identity=teacher.identity, capacity=capacity))
            return lab.engines[-1]

        budget = BudgetConfig(tokens=cap)
        accounts = lab.accounts(
            lab.sums(12), k=k, m=m, teacher=Teacher(teacher.name, teacher.identity, opened), budget=budget
        )
        assert len(accounts) == 12 and not watched.in_flight
        assert watched.paid < cap + max(1, watched.dearest)
        assert watched.paid == sum(paid(lab))
        whole = lab.annotate(lab.sums(12), k=k, m=m, teacher=teacher)
        assert {id: a.annotation for id, a in accounts.items() if a.complete} == {
            id: whole[id] for id, a in accounts.items() if a.complete
        }
        assert len(lab.stored()) == len(set(lab.stored()))


def test_the_most_that_a_request_can_cost() -> None:
    request = Request("1", (Message("user", "x" * 300),), Sampling(max_tokens=50), ("a", "b"))
    cost = most(request, PRICE)
    # A token a byte, 16 a message and 64 for the template, once for each sample; and all the room.
    assert (cost.tokens_in, cost.tokens_out) == (2 * (300 + 16 + 64), 100)
    assert cost.usd == pytest.approx((760 + 1000) / 1e6) and most(request, None).usd is None
    counts = TokenRatios(room=400)
    assert most(request, PRICE, counts).tokens_out == 800, "what the teacher's own parameters allow for"
    for _ in range(SURE_AFTER):
        counts.read.learn(190, 760)
        counts.written.learn(1200, 800)
    cost = most(request, PRICE, counts)
    assert (cost.tokens_in, cost.tokens_out) == (760 * 3 // 8, 1200), "as the teacher has counted so far"
