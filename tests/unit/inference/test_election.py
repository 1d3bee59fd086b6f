"""Votes on hand-made samples: who wins, with which share, and what a tie or silence means."""

import pytest

from mindsmirror.answers import Number
from mindsmirror.inference.vote import mirror, vote
from mindsmirror.records import Example, Parse, Prediction, Sample
from mindsmirror.tasks.base import Splits, Task

SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
QUESTION = Example(id="q", text="2+3?", gold="5")


def sample(answer: str | None, p_correct: float | None = None, text: str = "") -> Sample:
    right = None if answer is None else answer == "5"
    return Sample(text=text or f"So {answer}.", answer=answer, right=right, p_correct=p_correct, tokens=10)


def elected(*samples: Sample) -> tuple[Prediction, Prediction]:
    [by_vote] = vote(SUMS, [QUESTION], [samples])
    [by_mirror] = mirror(SUMS, [QUESTION], [samples])
    return by_vote, by_mirror


def test_weights_turn_the_majority_over() -> None:
    """Three doubtful sixes against two fives that the student stands by."""
    samples = (sample("6", 0.1), sample("5", 0.7), sample("6", 0.2), sample("5", 0.9), sample("6", 0.1))
    by_vote, by_mirror = elected(*samples)
    assert (by_vote.mode, by_vote.answer, by_vote.right) == ("vote", "6", False)
    assert by_vote.confidence == pytest.approx(3 / 5)
    assert (by_mirror.mode, by_mirror.answer, by_mirror.right) == ("mirror", "5", True)
    assert by_mirror.confidence == pytest.approx(1.6 / 2.0)
    assert by_vote.tokens == by_mirror.tokens == 50
    assert by_vote.samples == by_mirror.samples == samples
    assert (by_vote.example, by_vote.parse) == ("q", Parse.OK)


def test_the_rationale_is_the_winners_best() -> None:
    by_vote, by_mirror = elected(
        sample("5", 0.2, "First."), sample("5", 0.9, "Best."), sample("6", 0.95, "Other."), sample("5", 0.9, "Later.")
    )
    assert by_vote.rationale == "First."
    assert by_mirror.rationale == "Best."


def test_of_equals_the_first_wins() -> None:
    by_vote, by_mirror = elected(sample("6", 0.4), sample("5", 0.4), sample("7", 0.1))
    assert by_vote.answer == by_mirror.answer == "6"
    assert by_vote.confidence == pytest.approx(1 / 3)
    assert by_mirror.confidence == pytest.approx(0.4 / 0.9)


def test_answers_equal_in_value_vote_together() -> None:
    by_vote, _ = elected(sample("6"), sample("5"), sample("6"), sample("5.0"), sample("10/2"))
    assert by_vote.answer == "5"
    assert by_vote.confidence == pytest.approx(3 / 5)


def test_silence_counts_against_confidence_but_elects_nobody() -> None:
    by_vote, by_mirror = elected(sample(None), sample(None), sample("5", 0.5))
    assert by_vote.answer == by_mirror.answer == "5"
    assert by_vote.confidence == pytest.approx(1 / 3)
    assert by_mirror.confidence == pytest.approx(1.0)


def test_without_a_judge_and_a_model_the_mirror_is_the_vote() -> None:
    by_vote, by_mirror = elected(sample("6"), sample("5"), sample("5"))
    assert by_mirror.model_copy(update={"mode": "vote"}) == by_vote
    assert by_mirror.answer == "5"
    assert by_mirror.confidence == pytest.approx(2 / 3)


def test_no_answer_at_all() -> None:
    for found in elected(sample(None), sample(None)):
        assert (found.answer, found.right, found.confidence) == (None, False, None)
        assert (found.parse, found.tokens, found.rationale) == (Parse.NO_ANSWER, 20, "")


def test_a_student_that_believes_none_of_it_still_answers() -> None:
    _, by_mirror = elected(sample("6", 0.0), sample("5", 0.0))
    assert (by_mirror.answer, by_mirror.confidence) == ("6", None)


def test_without_gold_right_is_not_known() -> None:
    open_question = Example(id="q", text="2+3?")
    said = Sample(text="So 5.", answer="5", right=None, tokens=3)
    [found] = vote(SUMS, [open_question], [(said,)])
    [silent] = vote(SUMS, [open_question], [()])
    assert (found.answer, found.right) == ("5", None)
    assert (silent.answer, silent.right, silent.tokens) == (None, None, 0)
