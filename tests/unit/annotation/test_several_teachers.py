"""Several teachers write rationales of one question: whose is whose, what is asked for anew, and what it costs."""

from typing import TYPE_CHECKING

import pytest

from mindsmirror.annotation.annotate import AnnotationConfig, Teacher
from mindsmirror.annotation.estimate import QuestionUsages, estimated
from mindsmirror.engines.config import Price
from mindsmirror.records import DualKind, Example, Purpose, Verdict

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")
RIGHT, WRONG = "3 + 5 = 8. The answer is 8.", "3 + 5 = 9. The answer is 9."


def pair(lab: "Lab") -> tuple[Teacher, Teacher]:
    """One who is always right and one who is always wrong, at different prices."""
    one = lab.teacher(lab.replies({EIGHT.text: [RIGHT] * 5}), name="right", price=Price(input=1.0, output=1.0))
    other = lab.teacher(lab.replies({EIGHT.text: [WRONG] * 5}), name="wrong", price=Price(input=0.0, output=100.0))
    return one, other


def test_each_writes_k_and_samples_are_numbered_through(lab: "Lab") -> None:
    one, other = pair(lab)
    found = lab.annotate([EIGHT], k=2, m=1, teacher=one, others=[other], strategy="informed")["eight"]
    assert [(r.sample, r.teacher, r.answer) for r in found.rationales] == [
        (0, "right", "8"),
        (1, "right", "8"),
        (2, "wrong", "9"),
        (3, "wrong", "9"),
    ]
    assert [(e.rationale, e.verdict) for e in found.evaluations] == [
        (0, Verdict.CORRECT),
        (1, Verdict.CORRECT),
        (2, Verdict.WRONG),
        (3, Verdict.WRONG),
    ]
    assert found.provenance.teacher == "right, wrong"


def test_the_consensus_is_that_of_all_of_them(lab: "Lab") -> None:
    one, other = pair(lab)
    found = lab.annotate([EIGHT], k=2, m=1, teacher=one, others=[other], strategy="consensus")["eight"]
    assert {e.verdict for e in found.evaluations} == {Verdict.UNCERTAIN}, "two against two"


def test_one_more_teacher_asks_for_nothing_of_the_first(lab: "Lab") -> None:
    questions = lab.sums(5)
    first = lab.annotate(questions, k=3, m=0)
    before = set(lab.stored())
    both = lab.annotate(questions, k=3, m=0, others=[lab.teacher(name="second")])
    assert len(lab.asked) == 15 and not before & set(lab.asked)
    for name, annotation in first.items():
        assert both[name].rationales[:3] == annotation.rationales
        assert [r.teacher for r in both[name].rationales[3:]] == ["second"] * 3


def test_a_dual_is_asked_of_whoever_wrote_its_rationale(lab: "Lab") -> None:
    one, other = pair(lab)
    found = lab.annotate([EIGHT], k=1, m=0, teacher=one, others=[other], rectified=1, corrupted=1)["eight"]
    assert [(d.kind, d.of, d.teacher) for d in found.duals] == [
        (DualKind.CORRUPTED, 0, "right"),
        (DualKind.RECTIFIED, 1, "wrong"),
    ]


def test_each_is_paid_at_its_own_price(lab: "Lab") -> None:
    one, other = pair(lab)
    account = lab.accounts([EIGHT], k=2, m=0, teacher=one, others=[other])["eight"]
    read, wrote = sum(len(m.content.split()) for m in lab.engines[0].requests[0].messages), 2 * len(RIGHT.split())
    assert account.usage[Purpose.RATIONALE].tokens_out == 2 * wrote
    assert account.usage[Purpose.RATIONALE].usd == pytest.approx((read + wrote + 100 * wrote) / 1e6)
    assert lab.spending is not None and lab.spending.usage.usd == pytest.approx(account.total.usd)


def test_an_estimate_counts_all_of_them(lab: "Lab") -> None:
    one, other = lab.teacher(price=Price(input=1.0, output=1.0)), lab.teacher(name="second")
    accounts = lab.accounts(lab.sums(4), k=2, m=1, teacher=one, others=[other])
    usages = QuestionUsages.of(accounts.values(), 4)
    assert lab.spending is not None
    config = AnnotationConfig(rationales=2, self_evaluations=1, rectified=2, corrupted=1)
    found = estimated(usages, usages, config, [one, other, one], lab.spending, lab.tally)
    assert (found.writers, found.duals, found.samples) == (2, 2, 4 * 2 * 2 * (1 + 1 + 2))
    assert found.complete == 4 and found.usd is None, "the second has no price"
