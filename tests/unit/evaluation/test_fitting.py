"""Fits on simulated samples whose truth is known: what is found, what is not, and that no question judges itself."""

import numpy as np
import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from mindsmirror.evaluation.fitting import (
    Answered,
    Elected,
    can_fit,
    choose_strength,
    elected,
    feature_qualities,
    fit_answers,
    fit_samples,
    fit_sparing,
    held_out_log_odds,
    judge_within,
    samples_within,
)
from mindsmirror.evaluation.metrics import expected_calibration_error
from mindsmirror.inference.confidence import NEVER, AnswerModel, Candidate, Feature, Features, sigmoid

NAMES: list[Feature] = ["verdict", "log_probability", "arithmetic"]
SAMPLES = 4


def simulated(number: int, seed: int, informative: float = 2.0) -> list[Answered]:
    """Questions with four different answers each, one of which may be right; the verdict knows, the rest is noise."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        features: list[Features | None] = []
        rights = []
        right_one = random.integers(0, SAMPLES + 2)
        for place in range(SAMPLES):
            right = place == right_one
            features.append(
                {
                    "verdict": float(random.normal() + informative * right),
                    "log_probability": float(random.normal()),
                    "arithmetic": None if random.random() < 0.5 else float(random.random()),
                    "agreement": 0.0,
                }
            )
            rights.append(right)
        if random.random() < 0.2:
            features[-1], rights[-1] = None, False
        found = [Candidate(str(place), (place,)) for place, each in enumerate(features) if each is not None]
        made.append(Answered(features, rights, found))
    return made


def nothing(questions: list[Answered]) -> list[list[float]]:
    """Log-odds that tell nothing."""
    return [[0.0] * SAMPLES for _ in questions]


def test_a_judge_that_knows_is_found_and_noise_adds_nothing() -> None:
    questions = simulated(150, seed=1)
    judge = judge_within(questions, seed=0)
    assert judge is not None and judge.auroc is not None and judge.ci95 is not None
    assert judge.auroc == pytest.approx(0.92, abs=0.04) and judge.ci95[0] > 0.8
    model = fit_samples(questions, NAMES)
    assert model.weights["verdict"].weight > 1 > 5 * abs(model.weights["log_probability"].weight)
    whole = samples_within(questions, NAMES, seed=0)
    verdict, likely, _ = feature_qualities(questions, NAMES, model, whole, seed=0)
    assert verdict.adds is not None and verdict.adds > 0.3 and verdict.alone == pytest.approx(judge.auroc)
    assert likely.adds is not None and abs(likely.adds) < 0.03


def test_a_judge_that_knows_nothing_has_an_interval_around_one_half() -> None:
    found = judge_within(simulated(100, seed=2, informative=0.0), seed=0)
    assert found is not None and found.ci95 is not None
    assert found.ci95[0] < 0.5 < found.ci95[1]
    blind = [
        question._replace(features=[each and {**each, "verdict": None} for each in question.features])
        for question in simulated(3, seed=2)
    ]
    assert judge_within(blind, seed=0) is None


def test_no_question_decides_about_itself() -> None:
    questions = simulated(50, seed=3)
    before = held_out_log_odds(questions, NAMES, seed=0)
    for place in (0, 17, 49):
        changed = list(questions)
        changed[place] = questions[place]._replace(right=[not each for each in questions[place].right])
        after = held_out_log_odds(changed, NAMES, seed=0)
        assert after[place] == before[place]
        assert after != before


def test_stored_numbers_give_what_scikit_learn_gives() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    questions = simulated(80, seed=4)
    rows = [
        (each["verdict"], each["log_probability"], right)
        for question in questions
        for each, right in zip(question.features, question.right, strict=True)
        if each is not None
    ]
    values, right = np.array([row[:2] for row in rows], dtype=float), [row[2] for row in rows]
    scaler = StandardScaler().fit(values)
    expected = (
        LogisticRegression(C=1.0).fit(scaler.transform(values), right).decision_function(scaler.transform(values))
    )
    model = fit_samples(questions, ["verdict", "log_probability"])
    found = [model.log_odds({"verdict": row[0], "log_probability": row[1]}) for row in rows]
    assert found == pytest.approx(expected.tolist())


def test_a_good_judge_is_given_weight_and_its_probabilities_hold_on_new_questions() -> None:
    questions, new = simulated(300, seed=5), simulated(2000, seed=6)
    held_out = held_out_log_odds(questions, NAMES, seed=0)
    strength, accuracy = choose_strength(questions, held_out)
    by_vote = sum(
        each is not None and each.right for each in elected(questions, nothing(questions), 0.0, by_share=True)
    ) / len(questions)
    assert accuracy[strength] == max(accuracy.values()) > by_vote + 0.2
    sample = fit_samples(questions, NAMES)
    model = fit_answers(elected(questions, held_out, strength), sample, strength, risk=0.2)
    odds = [[0.0 if each is None else sample.log_odds(each) for each in question.features] for question in new]
    leaders = [each for each in elected(new, odds, strength) if each is not None]
    sure = [model.probability(each.score) for each in leaders]
    error = expected_calibration_error(sure, [each.right for each in leaders])
    assert error is not None and error < 0.06
    answered = [each.right for each, p in zip(leaders, sure, strict=True) if not model.abstains(p)]
    assert len(answered) > 200 and 1 - sum(answered) / len(answered) <= 0.2


def test_a_vote_elects_by_shares_and_is_sure_by_all_that_is_free() -> None:
    """The first answer has two of three samples and the lower log-odds."""
    question = Answered([{}, {}, {}], [False, False, True], [Candidate("a", (0, 1)), Candidate("b", (2,))])
    odds = [[-1.0, -2.0, 4.0]]
    [voted], [scored] = (elected([question], odds, 1.0, by_share=by_share) for by_share in (True, False))
    assert voted is not None and scored is not None
    assert not voted.right and voted.score == pytest.approx(np.log(2 / 3) - 1)
    assert scored.right and scored.score == pytest.approx(np.log(1 / 3) + 4)


def test_a_promise_that_cannot_be_kept_is_kept_by_silence() -> None:
    questions = simulated(60, seed=7, informative=0.0)
    model = fit_answers(elected(questions, nothing(questions), 0.0, by_share=True), None, 0.0, risk=0.05)
    assert model.threshold == NEVER and model.abstains(0.999999)


def test_where_a_score_says_nothing_the_share_of_right_answers_is_the_probability() -> None:
    """All shares are one quarter, so the vote's score is the same everywhere."""
    questions = simulated(100, seed=8)
    leaders = elected(questions, nothing(questions), 0.0, by_share=True)
    model = fit_answers(leaders, None, 0.0, None)
    assert [right for _, right in model.seen] == [each.right for each in leaders if each is not None]
    assert all(sure == pytest.approx(model.probability(0.0), abs=1e-4) for sure, _ in model.seen)
    right = sum(each is not None and each.right for each in leaders)
    assert model.probability(-1.0) == pytest.approx(right / len(leaders), abs=0.02)
    assert model.probability(-1.0) == pytest.approx(model.probability(-0.1))
    all_wrong = [question._replace(right=[False] * SAMPLES) for question in questions]
    assert fit_answers(elected(all_wrong, nothing(questions), 0.0, by_share=True), None, 0.0, None).probability(
        0.0
    ) == pytest.approx(1 / 102)


def test_both_kinds_must_come_from_enough_questions() -> None:
    questions = simulated(60, seed=9)
    assert can_fit(questions)
    few = [
        question._replace(right=question.right if place < 5 else [False] * SAMPLES)
        for place, question in enumerate(questions)
    ]
    assert not can_fit(few) and not can_fit([])


def test_a_fold_of_one_kind_gives_the_share_of_that_kind() -> None:
    questions = [question._replace(right=[False] * SAMPLES) for question in simulated(10, seed=10)]
    model = fit_samples(questions, NAMES)
    rows = sum(each is not None for question in questions for each in question.features)
    assert model.weights == {} and sigmoid(model.intercept) == pytest.approx(1 / (rows + 2))


ONE = st.one_of(st.none(), st.builds(Elected, st.floats(-3, 3), st.booleans()))


@generated(pairs=st.lists(st.tuples(ONE, ONE), max_size=60), risk=st.sampled_from([None, 0.1, 0.4]))
def test_nothing_that_drawing_put_right_would_have_been_spared(
    pairs: list[tuple[Elected | None, Elected | None]], risk: float | None
) -> None:
    think, mirror = AnswerModel(slope=1.0, intercept=0.5), AnswerModel(slope=2.0, intercept=-0.5)
    first, leaders = [one for one, _ in pairs], [drawn for _, drawn in pairs]
    found = fit_sparing(first, think, leaders, mirror, risk)
    given = []
    for one, drawn in pairs:
        sure = None if one is None else think.probability(one.score)
        if one is not None and drawn is not None and drawn.right and not one.right:
            assert not found.stops(sure)
        if one is not None and found.stops(sure):
            given.append((sure, one.right))
        elif drawn is not None:
            given.append((mirror.probability(drawn.score), drawn.right))
    assert found.enough >= 0.5 and not found.stops(0.5) and not found.stops(None)
    assert [right for _, right in found.seen] == [right for _, right in given]
    assert [sure for sure, _ in found.seen] == pytest.approx([sure for sure, _ in given], abs=1e-3)
    assert (found.threshold is None) is (risk is None)
    if found.threshold is not None and found.threshold < NEVER:
        assert sum(not right for sure, right in given if sure is not None and sure >= found.threshold) <= 0.4 * len(
            given
        )
