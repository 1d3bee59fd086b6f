"""What sending brings, against counting it by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.evaluation.escalation import SHARES, Asked, escalation

CONFIDENCE = st.none() | st.floats(0, 1)
ASKED = st.builds(
    Asked,
    CONFIDENCE,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 500),
    st.none() | st.floats(0, 1),
)


def one(confidence: float | None, student: bool, teacher: bool, **more: bool) -> Asked:
    return Asked(confidence, student, teacher, more.get("abstained", False), tokens=10, usd=0.5)


def test_the_least_sure_go_first() -> None:
    asked = [one(0.9, True, False), one(0.1, False, True), one(None, False, True), one(0.8, False, False)]
    found = escalation(asked, promised=False)
    assert found is not None
    assert (found.student, found.teacher) == (0.25, 0.5)
    # A tenth of four questions is none, a quarter the one without an answer, half the two that the teacher knows.
    assert [sent.calls for sent in found.sent] == [0, 0, 1, 2, 4]
    assert [sent.accuracy for sent in found.sent] == [0.25, 0.25, 0.5, 0.75, 0.5]
    assert [sent.usd for sent in found.sent] == [0, 0, 0.5, 1.0, 2.0]
    assert [sent.tokens for sent in found.sent] == [0, 0, 10, 20, 40]
    assert found.threshold is None
    assert found.curve == ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.75), (1.0, 0.5))


def test_what_is_withheld_is_sent() -> None:
    asked = [one(0.9, True, False), one(0.6, False, True, abstained=True), one(0.5, True, True, abstained=True)]
    found = escalation(asked, promised=True)
    assert found is not None and found.threshold is not None
    assert (found.threshold.calls, found.threshold.accuracy) == (2, 1.0)
    assert found.threshold.difference == pytest.approx(1 / 3)


@given(st.lists(ASKED, min_size=1, max_size=70))
def test_all_that_is_sent_is_the_teachers(asked: list[Asked]) -> None:
    found = escalation(asked, promised=True)
    assert found is not None and found.threshold is not None
    n = len(asked)
    none, *_, every = found.sent
    assert none.accuracy == found.student == sum(each.student for each in asked) / n
    assert every.accuracy == found.teacher == sum(each.teacher for each in asked) / n
    assert none.difference == 0
    # Whatever the order, one more question changes at most one answer.
    assert found.curve[0] == (0, found.student) and found.curve[-1] == (1, found.teacher)
    for (share, accuracy), (more, after) in zip(found.curve, found.curve[1:], strict=False):
        assert abs(after - accuracy) <= more - share + 1e-9
    withheld = sum(each.teacher if each.abstained else each.student for each in asked)
    assert found.threshold.accuracy == withheld / n
    least = sorted(asked, key=lambda each: -1.0 if each.confidence is None else each.confidence)
    for share, sent in zip(SHARES, found.sent, strict=True):
        calls = round(share * n)
        hits = sum(each.teacher for each in least[:calls]) + sum(each.student for each in least[calls:])
        assert (sent.calls, sent.accuracy) == (calls, hits / n)
        priced = all(each.usd is not None for each in asked)
        assert sent.usd == (sum(each.usd or 0 for each in least[:calls]) if priced else None)


def test_no_questions() -> None:
    assert escalation([], promised=True) is None
