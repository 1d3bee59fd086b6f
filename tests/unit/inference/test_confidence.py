"""Features, scores and probabilities by hand, and who wins where the student's judge counts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.answers import Number
from mindsmirror.inference.confidence import (
    ALIKE,
    NEVER,
    SUREST,
    AnswerModel,
    Calibration,
    SampleModel,
    Weight,
    candidates,
    features_of,
    log_odds_of,
    sigmoid,
    with_confidence,
)
from mindsmirror.inference.vote import mirror, vote
from mindsmirror.records import Example, Prediction, Sample
from mindsmirror.tasks.base import Splits, Task

SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
QUESTION = Example(id="q", text="2+3?", gold="5")
VERDICT = SampleModel(intercept=0.5, weights={"verdict": Weight(mean=0.0, deviation=2.0, weight=4.0)})
"""Log-odds of a sample: 0.5 and twice those of its verdict."""


def sample(answer: str | None, p_correct: float | None = None, text: str = "", likely: float = -0.5) -> Sample:
    right = None if answer is None else answer == "5"
    return Sample(
        text=text or f"So {answer}.",
        answer=answer,
        right=right,
        p_correct=p_correct,
        log_probability=likely,
        tokens=7,
    )


def test_features_of_a_question() -> None:
    samples = [
        sample("5", 0.8, "2 + 3 = 5. 5 - 1 = 5."),
        sample("6", 0.5),
        sample(None),
        sample("5.0", None, likely=-2.0),
    ]
    found = candidates(SUMS, QUESTION, samples)
    assert [(each.key, each.members) for each in found] == [("5", (0, 3)), ("6", (1,))]
    first, second, none, last = features_of(samples, found)
    assert first == {
        "verdict": pytest.approx(math.log(4)),
        "log_probability": -0.5,
        "arithmetic": 0.5,
        "agreement": pytest.approx(1 / 3),
    }
    assert second == {"verdict": 0.0, "log_probability": -0.5, "arithmetic": None, "agreement": 0.0}
    assert none is None
    assert last is not None and (last["verdict"], last["log_probability"]) == (None, -2.0)


def test_one_sample_agrees_with_nobody() -> None:
    [alone] = features_of([sample("5")], candidates(SUMS, QUESTION, [sample("5")]))
    assert alone is not None and alone["agreement"] is None


def test_log_odds_of_a_sample() -> None:
    assert VERDICT.log_odds({"verdict": 1.5, "agreement": 9.0}) == pytest.approx(3.5)
    assert VERDICT.log_odds({"verdict": None}) == 0.5
    assert VERDICT.log_odds({"verdict": 1e9}) == SUREST


def test_the_best_sample_wins_where_it_counts_enough() -> None:
    """Three doubtful sixes against one five that the judge believes."""
    samples = (sample("6", 0.5), sample("6", 0.5), sample("5", 0.8, "Yes."), sample("6", 0.5))
    for strength, answer in ((0.1, "6"), (1.0, "5")):
        model = AnswerModel(sample=VERDICT, strength=strength, slope=0.5, intercept=-1.0)
        [found] = mirror(SUMS, [QUESTION], [samples], model)
        assert found.answer == answer
    odds = 0.5 + 2 * math.log(4)
    assert found.rationale == "Yes." and found.calibrated and not found.abstained
    assert found.confidence == pytest.approx(sigmoid(0.5 * (math.log(1 / 4) + odds) - 1.0))
    assert [each.confidence for each in found.samples] == pytest.approx(
        [sigmoid(0.5)] * 2 + [sigmoid(odds), sigmoid(0.5)]
    )


def test_a_vote_is_as_sure_as_its_share() -> None:
    model = AnswerModel(slope=2.0, intercept=1.0, threshold=0.6)
    samples = (sample("6"), sample("5"), sample("6"), sample(None))
    [found] = vote(SUMS, [QUESTION], [samples], model)
    assert found.answer == "6" and found.samples == samples
    assert found.confidence == pytest.approx(sigmoid(2 * math.log(1 / 2) + 1))
    assert found.confidence is not None and found.abstained is (found.confidence < 0.6)


def test_a_vote_may_be_sure_by_more_than_its_share() -> None:
    samples = (sample("6", 0.2), sample("5", 0.99), sample("6", 0.5))
    by_share = AnswerModel(sample=VERDICT, strength=1.0, by_share=True, slope=0.5, intercept=-1.0)
    [found] = vote(SUMS, [QUESTION], [samples], by_share)
    assert found.answer == "6" and found.confidence == pytest.approx(sigmoid(0.5 * (math.log(2 / 3) + 0.5) - 1))
    [scored] = mirror(SUMS, [QUESTION], [samples], by_share.model_copy(update={"by_share": False}))
    assert scored.answer == "5"


def test_who_promises_a_risk_abstains_below_it_and_where_there_is_no_answer() -> None:
    never = AnswerModel(slope=30.0, intercept=30.0, threshold=NEVER)
    plain = AnswerModel(slope=1.0, intercept=0.0)
    for model, abstained in ((never, True), (plain, False)):
        for samples in ((sample("5"),), (sample(None),)):
            [found] = vote(SUMS, [QUESTION], [samples], model)
            assert found.abstained is abstained


def test_a_thought_is_an_answer_of_one_sample() -> None:
    thought = Prediction(
        example="q", mode="think", answer="5", right=True, rationale="So 5.", log_probability=-0.5, tokens=7
    )
    assert with_confidence(thought, None) is thought
    model = AnswerModel(sample=VERDICT, strength=1.0, slope=0.5, intercept=-1.0, threshold=0.9)
    found = with_confidence(thought, model, 0.8)
    assert found.confidence == pytest.approx(sigmoid(0.5 * (0.5 + 2 * math.log(4)) - 1.0))
    assert found.calibrated and found.confidence is not None and found.abstained is (found.confidence < 0.9)
    silent = with_confidence(thought.model_copy(update={"answer": None}), model, 0.8)
    assert (silent.confidence, silent.calibrated, silent.abstained) == (None, False, True)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.8, 0.9, 0.95]), st.booleans()), max_size=60),
    st.floats(0, 1),
)
def test_a_confidence_is_held_against_those_nearest_to_it(seen: list[tuple[float, bool]], sure: float) -> None:
    model = AnswerModel(slope=1.0, intercept=0.0, seen=tuple(seen))
    assert model.alike(None) is None
    found = model.alike(sure)
    if not seen:
        assert found is None
        return
    assert found is not None and found.of >= min(ALIKE, len(seen))
    taken = [pair for pair in seen if found.least <= pair[0] <= found.most]
    # Whoever is as near as one that is counted is counted, too: no choice among equals.
    assert (found.of, found.right) == (len(taken), sum(right for _, right in taken))
    furthest = max(abs(pair[0] - sure) for pair in taken)
    assert all(abs(pair[0] - sure) > furthest for pair in seen if pair not in taken)
    assert sum(abs(pair[0] - sure) < furthest for pair in seen) < ALIKE


def test_what_was_fitted_survives_as_json() -> None:
    model = AnswerModel(sample=VERDICT, strength=2.0, slope=0.1, intercept=-0.3, threshold=0.25)
    calibration = Calibration(temperature=0.5, modes={"mirror": model}, preferred="think")
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


@given(st.floats(-SUREST, SUREST))
def test_log_odds_and_probabilities_are_inverse(odds: float) -> None:
    assert log_odds_of(sigmoid(odds)) == pytest.approx(odds, abs=1e-6)
    assert 0 < sigmoid(odds) < NEVER


@given(st.floats(allow_nan=False), st.floats(0, 1))
def test_no_number_is_too_large(value: float, probability: float) -> None:
    assert 0 < sigmoid(value) < NEVER
    assert abs(log_odds_of(probability)) <= SUREST
