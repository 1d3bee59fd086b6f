"""Duals: of which rationales they are asked for, in which words, and when they are of use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.engines.scripted import Script
from mindsmirror.records import Annotation, DualKind, Example, Parse, Purpose

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")
RIGHT, WRONG = "3 + 5 = 8. The answer is 8.", "3 + 5 = 9. The answer is 9."
MENDED, SPOILT = "3 + 5 = 8, so 8. The answer is 8.", "3 + 5 = 7. The answer is 7."


def script(
    rationales: Sequence[str], rectified: str | Completion = MENDED, corrupted: str | Completion = SPOILT
) -> Script:
    """The n-th rationale for the n-th sample; to what asks for a dual, the reply of its kind."""
    order: list[str] = []

    def reply(request: Request, key: str) -> str | Completion:
        said = request.messages[-1].content
        if "This solution is" not in said:
            if key not in order:
                order.append(key)
            return rationales[order.index(key)]
        dual = rectified if "is wrong" in said else corrupted
        return Completion(key, dual.text, dual.finish) if isinstance(dual, Completion) else dual

    return reply


def asked_for(lab: "Lab", purpose: str) -> list[str]:
    """The last messages of the requests that know the answer."""
    words = {"rectified": "This solution is wrong", "corrupted": "This solution is right"}[purpose]
    return [r.messages[-1].content for r in lab.engines[0].requests if words in r.messages[-1].content]


def test_wrong_rationales_are_rectified_and_right_ones_corrupted(lab: "Lab") -> None:
    teacher = lab.teacher(script([RIGHT, WRONG, "Hm.", "The answer is 9."]))
    found = lab.annotate([EIGHT], k=4, m=0, teacher=teacher, rectified=1, corrupted=2)["eight"]
    assert [(d.kind, d.of, d.sample, d.reasoning, d.answer, d.right, d.parse) for d in found.duals] == [
        (DualKind.CORRUPTED, 0, 0, "3 + 5 = 7.", "7", False, Parse.OK),
        (DualKind.CORRUPTED, 0, 1, "3 + 5 = 7.", "7", False, Parse.OK),
        (DualKind.RECTIFIED, 1, 0, "3 + 5 = 8, so 8.", "8", True, Parse.OK),
    ], "of what did not parse, or reasons nothing, there is none"
    [corrupted], [rectified] = asked_for(lab, "corrupted"), asked_for(lab, "rectified")
    assert EIGHT.text in rectified and WRONG in rectified and "the right answer is 8." in rectified
    assert RIGHT in corrupted and "the answer is 8." in corrupted
    assert found.provenance.dual_prompt == lab.prompts.dual_hash
    assert Annotation.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(("rectified", "corrupted"), [(1, 0), (0, 1)])
def test_only_what_the_recipe_names_is_asked_for(lab: "Lab", rectified: int, corrupted: int) -> None:
    teacher = lab.teacher(script([RIGHT, WRONG]))
    found = lab.annotate([EIGHT], k=2, m=0, teacher=teacher, rectified=rectified, corrupted=corrupted)["eight"]
    assert [d.kind for d in found.duals] == ["rectified"] * rectified + ["corrupted"] * corrupted


def test_without_gold_there_is_nothing_to_tell(lab: "Lab") -> None:
    unknown = EIGHT.model_copy(update={"gold": None})
    teacher = lab.teacher(script([RIGHT, WRONG]))
    found = lab.annotate([unknown], k=2, m=0, teacher=teacher, rectified=1, corrupted=1)["eight"]
    assert found.duals == () and len(lab.asked) == 2


@pytest.mark.parametrize(
    ("rectified", "corrupted", "parses", "reason"),
    [
        (SPOILT, RIGHT, [Parse.MISSED, Parse.MISSED], "it reaches '8', which is right"),
        ("Well.", SPOILT, [Parse.OK, Parse.NO_ANSWER], ""),
        (Completion("", "3 + 5", Finish.LENGTH), SPOILT, [Parse.OK, Parse.TRUNCATED], ""),
        ("I am sorry, I cannot.", SPOILT, [Parse.OK, Parse.REFUSED], ""),
    ],
)
def test_a_dual_that_ends_otherwise_is_kept_with_the_reason(
    lab: "Lab", rectified: str | Completion, corrupted: str, parses: list[Parse], reason: str
) -> None:
    teacher = lab.teacher(script([RIGHT, WRONG], rectified, corrupted))
    account = lab.accounts([EIGHT], k=2, m=0, teacher=teacher, rectified=1, corrupted=1)["eight"]
    duals = account.annotation.duals
    assert [d.parse for d in duals] == parses
    assert all((d.answer is None) == (d.right is None) == (d.parse is not Parse.OK) for d in duals)
    assert duals[0].reason == reason
    with Store(lab.path) as store:
        ledger = [(f.purpose, f.kind) for f in store.failures(lab.asked)]
    assert ledger == [(d.kind, d.parse) for d in duals if d.parse is not Parse.OK]


def test_one_that_missed_is_asked_for_again(lab: "Lab") -> None:
    again: list[str] = []

    def reply(request: Request, key: str) -> str:
        if request.messages[-1].content.startswith("That does not end with an answer that was asked for"):
            again.append(request.messages[-2].content)
            return MENDED
        return WRONG

    found = lab.annotate([EIGHT], k=1, m=0, teacher=lab.teacher(reply), rectified=1, repairs=1)["eight"]
    [dual] = found.duals
    assert (dual.parse, dual.answer, dual.repairs, again) == (Parse.OK, "8", 1, [WRONG])


def test_what_is_stored_is_not_asked_for_again(lab: "Lab") -> None:
    questions = lab.sums(6)
    first = lab.annotate(questions, k=3, m=1)
    before = set(lab.stored())
    found = lab.annotate(questions, k=3, m=1, rectified=1, corrupted=1)
    asked = set(lab.asked)
    assert asked and not asked & before and asked | before == set(lab.stored())
    assert all(found[name].rationales == each.rationales for name, each in first.items())
    assert all(found[name].evaluations == each.evaluations for name, each in first.items())
    kinds = [d.kind for each in found.values() for d in each.duals]
    assert set(kinds) == set(DualKind)
    again = lab.annotate(questions, k=3, m=1, rectified=1, corrupted=1)
    assert again == found and not lab.asked


def test_costs_are_those_of_their_own_steps(lab: "Lab") -> None:
    accounts = lab.accounts(lab.sums(6), k=3, m=1, rectified=1, corrupted=1)
    steps = [[a.usage[purpose] for purpose in Purpose] for a in accounts.values()]
    assert sum(step.samples for each in steps for step in each) == len(set(lab.asked)) == len(lab.stored())
    assert sum(step.tokens_out for each in steps for step in each) == lab.tally.came.tokens_out
    assert all(sum(each[i].samples for each in steps) > 0 for i in range(4))
    assert all(a.total.tokens_in == a.annotation.provenance.tokens_in for a in accounts.values())


def test_a_cap_leaves_duals_unasked_and_says_so(lab: "Lab") -> None:
    whole = lab.accounts(lab.sums(8), k=3, m=1, rectified=1, corrupted=1)
    spent = sum(a.total.tokens for a in whole.values())
    lab.path.unlink()
    budget = BudgetConfig(tokens=spent // 2)
    found = lab.accounts(lab.sums(8), k=3, m=1, rectified=1, corrupted=1, budget=budget, payer="me")
    assert 0 < sum(a.complete for a in found.values()) < 8
    assert any(a.unasked for a in found.values())
    for name, account in found.items():
        if account.complete:
            assert account.annotation == whole[name].annotation
