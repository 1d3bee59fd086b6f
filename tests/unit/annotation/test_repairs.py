"""Replies that gave nothing to use are asked for again: in which words, with how much room, and never twice."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.budget import BudgetConfig
from mindsmirror.annotation.repairs import NOTHING, REQUESTS, VERDICT_REQUEST
from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Completion, Finish, Message, Request
from mindsmirror.engines.scripted import Script
from mindsmirror.records import Annotation, Example, Parse, Rationale, Verdict

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")
GOOD = "Add them. The answer is 8."


def after(first: str | Completion, then: str | Completion = GOOD) -> Script:
    """A script whose reply to the question is `first`, and to any request to mend it `then`."""

    def script(request: Request, key: str) -> str | Completion:
        again = request.messages[-1].content in (*REQUESTS.values(), VERDICT_REQUEST)
        reply = then if again else first
        return Completion(key, reply.text, reply.finish, tokens_out=7) if isinstance(reply, Completion) else reply

    return script


@pytest.mark.parametrize(
    ("first", "parse"),
    [("Three and five.", Parse.NO_ANSWER), ("The answer is blue.", Parse.BAD_ANSWER), (" ", Parse.EMPTY)],
)
def test_a_malformed_reply_is_shown_to_its_teacher(lab: "Lab", first: str, parse: Parse) -> None:
    teacher = lab.teacher(after(first))
    found = lab.annotate([EIGHT], k=2, m=0, teacher=teacher, repairs=1)["eight"]
    assert [(r.sample, r.parse, r.answer, r.repairs) for r in found.rationales] == [
        (0, Parse.OK, "8", 1),
        (1, Parse.OK, "8", 1),
    ]
    asked, *repairs = lab.engines[0].requests
    assert [r.messages[: len(asked.messages)] for r in repairs] == [asked.messages] * len(repairs)
    assert repairs[0].messages[-2:] == (
        Message("assistant", first.strip() or NOTHING),
        Message("user", REQUESTS[parse]),
    )
    assert len(lab.asked) == len(set(lab.asked)) == 4, "two that said the same are mended apart"
    with Store(lab.path) as store:
        ledger = store.failures(lab.asked)
    assert [(f.kind, f.reply, f.attempt, f.purpose) for f in ledger] == [(parse.value, first, 1, "rationale")] * 2
    assert all(f.reason for f in ledger)


def test_a_truncated_reply_is_given_twice_the_room_and_at_most_four_times(lab: "Lab") -> None:
    cut = Completion("", "Three and five make", Finish.LENGTH)
    found = lab.annotate([EIGHT], k=3, m=0, repairs=3, teacher=lab.teacher(after(cut)))["eight"]
    requests = lab.engines[0].requests
    assert [(r.sampling.max_tokens, len(r.keys)) for r in requests] == [(256, 3), (512, 3), (1024, 3)]
    assert {r.messages for r in requests} == {requests[0].messages}
    assert [(r.parse, r.repairs) for r in found.rationales] == [(Parse.TRUNCATED, 2)] * 3


def test_a_reply_is_asked_for_again_as_often_as_the_recipe_says(lab: "Lab") -> None:
    for repairs in (0, 1, 2):
        found = lab.annotate([EIGHT], k=1, m=0, repairs=repairs, teacher=lab.teacher(after("Hm.", "Hm.")))["eight"]
        assert [(r.parse, r.repairs) for r in found.rationales] == [(Parse.NO_ANSWER, repairs)]
        assert len(lab.asked) == 1, "one more than is stored"
    with Store(lab.path) as store:
        assert [f.attempt for f in store.failures(list(store.keys()))] == [1, 2, 3]


def test_refusals_stand(lab: "Lab") -> None:
    texts: list[str | Completion] = ["I am sorry, I cannot help.", Completion("", "Well", Finish.FILTERED), GOOD]
    found = lab.annotate([EIGHT], k=3, m=0, repairs=3, teacher=lab.teacher(lab.replies({EIGHT.text: texts})))
    assert [r.parse for r in found["eight"].rationales] == [Parse.REFUSED, Parse.REFUSED, Parse.OK]
    assert found["eight"].rationales[1].reason == "the endpoint withheld the reply"
    assert len(lab.asked) == 3


def test_a_self_evaluation_without_verdict_is_mended_and_one_with_it_is_left(lab: "Lab") -> None:
    verdict = "It adds.\nEvaluation result: the given answer is correct."

    def script(request: Request, key: str) -> str:
        if request.messages[-1].content == VERDICT_REQUEST:
            return verdict
        if "Is this solution correct" in request.messages[-1].content:
            return "It adds them up." if int(key, 16) % 2 else "Evaluation result: the given answer is wrong."
        return f"Thought {key[:6]}. The answer is 8."

    found = lab.annotate([EIGHT], k=8, m=2, strategy="plain", repairs=1, teacher=lab.teacher(script))["eight"]
    told = {(e.verdict, e.parse, e.critique, e.repairs) for e in found.evaluations}
    assert told == {
        (Verdict.CORRECT, Parse.OK, "It adds.", 1),
        (Verdict.WRONG, Parse.EMPTY, "", 0),
    }
    assert [(e.rationale, e.sample) for e in found.evaluations] == [(r, s) for r in range(8) for s in range(2)]


def test_a_critique_that_is_cut_is_given_room(lab: "Lab") -> None:
    def script(request: Request, key: str) -> str | Completion:
        if "solution is" in request.messages[-1].content:
            return Completion(key, "It adds", Finish.LENGTH)
        return GOOD

    found = lab.annotate([EIGHT], k=2, repairs=1, teacher=lab.teacher(script))["eight"]
    assert [r.sampling.max_tokens for r in lab.engines[0].requests] == [256, 96, 192]
    assert {(e.parse, e.verdict, e.repairs) for e in found.evaluations} == {(Parse.TRUNCATED, Verdict.CORRECT, 1)}


def test_a_repair_whose_request_fails_leaves_the_reply_and_is_asked_for_by_the_next_run(lab: "Lab") -> None:
    broken = lab.teacher(after("Hm.", Completion("", "", Finish.FAILED, error="no route")))
    (account,) = lab.accounts([EIGHT], k=2, m=0, repairs=1, teacher=broken).values()
    assert [r.parse for r in account.annotation.rationales] == [Parse.NO_ANSWER] * 2 and account.failed == 2
    (account,) = lab.accounts([EIGHT], k=2, m=0, repairs=1, teacher=lab.teacher(after("Hm."))).values()
    assert [r.parse for r in account.annotation.rationales] == [Parse.OK] * 2 and account.failed == 0
    assert len(lab.asked) == 2


def test_a_run_without_repairs_is_unchanged_by_those_that_are_stored(lab: "Lab") -> None:
    teacher = lab.teacher(malformed=0.4, unparsed=0.2)
    plain = lab.annotate(lab.sums(12), k=4, teacher=teacher)
    before = set(lab.asked)
    mended = lab.annotate(lab.sums(12), k=4, teacher=teacher, repairs=2)
    assert not before & set(lab.asked)
    rationales = [r for a in mended.values() for r in a.rationales]
    assert sum(r.parse is Parse.OK for r in rationales) > sum(
        r.parse is Parse.OK for a in plain.values() for r in a.rationales
    )
    assert {r.repairs for r in rationales} == {0, 1, 2}
    assert lab.annotate(lab.sums(12), k=4, teacher=teacher) == plain and lab.engines == []
    assert lab.annotate(lab.sums(12), k=4, teacher=teacher, repairs=2) == mended and lab.engines == []


@given(cut=st.lists(st.integers(0, 4000), max_size=4), repairs=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_a_run_that_is_cut_anywhere_comes_out_the_same(cut: list[int], repairs: int) -> None:
    """Caps stand for interruptions: each stops the loop at another place."""
    import tempfile
    from pathlib import Path

    from unit.annotation.conftest import Lab

    def annotate(lab: "Lab", budget: int | None) -> dict[str, Annotation]:
        teacher = lab.teacher(malformed=0.3, unparsed=0.2, refused=0.1)
        return lab.annotate(
            lab.sums(6),
            k=3,
            m=1,
            strategy="plain",
            teacher=teacher,
            repairs=repairs,
            budget=BudgetConfig(tokens=budget),
        )

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, cut_lab = Lab(Path(one)), Lab(Path(other))
        expected = annotate(whole, None)
        asked: list[str] = []
        for cap in sorted(cut):
            annotate(cut_lab, cap)
            asked += cut_lab.asked
        assert annotate(cut_lab, None) == expected
        asked += cut_lab.asked
        assert sorted(asked) == sorted(whole.asked), "nothing is asked for twice, and nothing else"


def test_one_poisoned_question_stops_nobody(lab: "Lab") -> None:
    """Whatever one question's teacher does, and whatever its text is, the others are annotated."""
    poison = Example(id="poison", text="\udc80 What is 3 + 5? " + "(" * 3000, gold="8")
    replies: list[str | Completion] = [
        "\udc80" * 50,
        "The answer is " + "9**" * 2000 + "9.",
        Completion("", "", Finish.FAILED, error="\udc80 context length exceeded"),
        "{" * 5000 + "\x00",
        Completion("", "", Finish.LENGTH),
        "A second reply to the last one is no better.",
    ]
    script = lab.replies({poison.text: replies})

    def answer(request: Request, key: str) -> str | Completion:
        if any(m.content == poison.text for m in request.messages):
            return script(request, key)
        return GOOD

    questions = [*lab.sums(3), poison, *lab.sums(3, first=3)]
    found = lab.annotate(questions, k=5, m=0, repairs=1, teacher=lab.teacher(answer))
    assert len(found) == 7
    assert all(r.parse is Parse.OK for id, a in found.items() if id != "poison" for r in a.rationales)
    poisoned = found["poison"].rationales
    assert [r.sample for r in poisoned] == list(range(5)) and poisoned[2].parse is Parse.FAILED
    assert all(Rationale.model_validate_json(r.model_dump_json()) == r for r in poisoned)
