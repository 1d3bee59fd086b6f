"""What a report says of confidences, on predictions whose figures can be counted by hand."""

from collections.abc import Mapping

import pytest

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.result import CalibrationResult, JudgeQuality
from mindsmirror.evaluation.score_quality import ScoreQuality, score_quality
from mindsmirror.inference.confidence import AnswerModel, Calibration, Sparing
from mindsmirror.records import Mode, Prediction, Sample
from mindsmirror.reporting.accuracy_section import ArmPredictions
from mindsmirror.reporting.confidence_section import confidence_report, confidences_told

FITTED = CalibrationResult(
    calibration=Calibration(temperature=0.5, modes={"vote": AnswerModel(slope=1.0, intercept=0.0)}, preferred="mirror"),
    questions=60,
    samples=120,
    judge=WithinQuestions(auroc=0.55, ci95=(0.4, 0.7), pairs=30, questions=20),
)
JUDGE = JudgeQuality(
    n=20,
    auroc=1.0,
    auroc_ci95=None,
    balanced_accuracy=1.0,
    majority_baseline=0.7,
    agreement_with_teacher=None,
    agreement_n=0,
)


def prediction(number: int, mode: Mode, confidence: float | None, right: bool, **marks: bool) -> Prediction:
    """Two rationales each: one that is as right as the answer and is believed, one that is wrong and is not."""
    samples = (
        Sample(text="a", answer="5", right=right, p_correct=0.9, log_probability=-0.1, confidence=0.8),
        Sample(text="b", answer="6", right=False, p_correct=0.1, log_probability=-0.1, confidence=0.2),
    )
    answer = None if confidence is None else "5"
    return Prediction(
        example=str(number), mode=mode, answer=answer, right=right, confidence=confidence, samples=samples, **marks
    )


def arm(modes: Mapping[Mode, list[Prediction]], **measured: ScoreQuality) -> ArmPredictions:
    """One that judges, which is measured where it was asked by mirror."""
    judge = JUDGE if "mirror" in modes else None
    return ArmPredictions("m", "minds_mirror", "think", modes, judge=judge, baselines=measured)


def answers(mode: Mode) -> list[Prediction]:
    """Eight that are given, one of them wrong, and two from which it abstains, one of them without an answer."""
    given = [prediction(n, mode, 0.9, right=n != 3, calibrated=True) for n in range(8)]
    held = [prediction(8, mode, 0.1, right=False, calibrated=True, abstained=True)]
    return [*given, *held, prediction(9, mode, None, right=False, abstained=True)]


def test_figures_and_sentences() -> None:
    found = confidence_report(arm({"mirror": answers("mirror")}), FITTED, 0.2, seed=0)
    [answer] = found.answers
    assert (answer.n, answer.abstained, answer.wrong, answer.risk) == (10, 2, 1, 0.2)
    assert answer.auroc == pytest.approx((7 * 2 + 7 * 0.5) / 21)
    assert answer.accuracy_at_half == pytest.approx(7 / 8)
    assert found.judge_counts is False and found.samples.keys() == {
        "judge",
        "agreement",
        "log_probability",
        "confidence",
    }
    assert found.samples["judge"].within.auroc == 1.0
    assert found.samples["agreement"].auroc == found.samples["log_probability"].auroc == 0.5
    off, worth, promise = confidences_told(found)
    assert "so it does not count. Mirror goes by what else is known" in off and "AUROC 0.55" in off
    assert "in mode mirror" in worth and "rationales so: agreement 0.50, mean log-probability 0.50" in worth
    assert "abstains from 2 of 10" in promise and promise.endswith("the promise of at most 20.0 % held.")


def test_scores_stand_beside_those_that_were_measured_and_count_who_has_them() -> None:
    """Of three texts two have a step of arithmetic; the right one holds, and a probe was measured elsewhere."""
    texts = (("2 + 3 = 5", True), ("2 + 3 = 6", False), ("It is.", False))
    samples = tuple(Sample(text=text, answer="5", right=right) for text, right in texts)
    drawn = Prediction(example="q", mode="vote", answer="5", right=True, samples=samples)
    probe = score_quality([0.1, 0.9, 0.8], [False, True, True], "abc", seed=0)
    found = confidence_report(arm({"vote": [drawn]}, probe=probe), FITTED, None, seed=0).samples
    assert list(found) == ["probe", "arithmetic", "agreement"]
    assert (found["arithmetic"].n, found["agreement"].n) == (2, 3)
    assert (found["arithmetic"].auroc, found["probe"]) == (1.0, probe)


def test_answers_of_one_value_agree_however_they_are_written() -> None:
    def of(number: int, *said: tuple[str, bool]) -> Prediction:
        samples = tuple(Sample(text="t", answer=answer, right=right) for answer, right in said)
        return Prediction(example=str(number), mode="mirror", answer="1", right=True, samples=samples)

    asked = [of(n, ("1/2", True), ("0.5", True), ("7", False)) for n in range(8)]
    value = {"1/2": "0.5"}
    by_value = confidence_report(arm({"mirror": asked}), FITTED, None, 0, lambda _, answer: value.get(answer, answer))
    assert by_value.samples["agreement"].auroc == 1.0
    assert confidence_report(arm({"mirror": asked}), FITTED, None, 0).samples["agreement"].auroc == 0.5


def test_a_promise_that_did_not_hold_is_told() -> None:
    found = confidence_report(arm({"vote": answers("vote")}), FITTED, 0.1, seed=0)
    assert found.judge_counts is None
    assert list(confidences_told(found))[-1].endswith("was not kept.")
    silent = [each.model_copy(update={"abstained": True}) for each in answers("vote")]
    told = list(confidences_told(confidence_report(arm({"vote": silent}), FITTED, 0.1, seed=0)))
    assert "do not allow a promise" in told[-1]


def test_what_was_not_fitted_is_said_and_nothing_is_claimed() -> None:
    result = CalibrationResult(calibration=Calibration(temperature=0.7), questions=3, reason="three are too few")
    plain = [each.model_copy(update={"calibrated": False, "abstained": False}) for each in answers("vote")]
    found = confidence_report(arm({"vote": plain}), result, None, seed=0)
    assert found.answers == ()
    assert list(confidences_told(found)) == ['The confidences of arm "m" are not calibrated: three are too few.']


def test_what_asking_spares_is_counted_on_the_test_answers() -> None:
    """Of ten first rationales the first six are sure, one of them wrongly where the mirror is right."""
    sparing = Calibration(temperature=0.5, preferred="mirror", sparing=Sparing(enough=0.7))
    alone = [
        prediction(n, "think", 0.9 if n < 6 else 0.7 if n < 9 else None, right=n not in (2, 7), calibrated=True)
        for n in range(10)
    ]
    alone = [each.model_copy(update={"tokens": 10, "samples": ()}) for each in alone]
    drawn = [prediction(n, "mirror", 0.8, right=n != 4, calibrated=True) for n in range(10)]
    drawn = [each.model_copy(update={"tokens": 20}) for each in drawn]
    fitted = FITTED.model_copy(update={"calibration": sparing})
    found = confidence_report(arm({"think": alone, "mirror": drawn}), fitted, None, seed=0)
    assert found.spared is not None
    assert (found.spared.stopped, found.spared.rationales, found.spared.tokens) == (6, 1.4, 14.0)
    assert (found.spared.right, found.spared.right_always) == (9, 9)
    assert (found.spared.gained, found.spared.lost) == (1, 1)
    assert any(
        "surer than 70.0 %: 1.4 rationales and 14 tokens a test question instead of 20, with 9 instead of 9 of 10 right"
        in told
        for told in confidences_told(found)
    )
    assert found.spared.risk is None
    held = sparing.model_copy(update={"sparing": Sparing(enough=0.7, threshold=0.85)})
    promised = confidence_report(
        arm({"think": alone, "mirror": drawn}), FITTED.model_copy(update={"calibration": held}), 0.2, seed=0
    )
    assert promised.spared is not None
    assert (promised.spared.risk, promised.spared.abstained, promised.spared.wrong) == (0.2, 4, 1)
    assert any(
        told.startswith('So asked arm "m" abstains from 4 of 10') and told.endswith("at most 20.0 % held.")
        for told in confidences_told(promised)
    )
    assert confidence_report(arm({"mirror": drawn}), fitted, None, seed=0).spared is None
    assert confidence_report(arm({"think": alone, "mirror": drawn}), FITTED, None, seed=0).spared is None
