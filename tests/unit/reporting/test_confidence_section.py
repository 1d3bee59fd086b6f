"""What a report says of confidences, on predictions whose figures can be counted by hand."""

import pytest

from mindsmirror.evaluation.metrics import WithinQuestions
from mindsmirror.evaluation.result import CalibrationResult
from mindsmirror.inference.confidence import AnswerModel, Calibration
from mindsmirror.records import Mode, Prediction, Sample
from mindsmirror.reporting.confidence_section import confidence_report, confidences_told

FITTED = CalibrationResult(
    calibration=Calibration(temperature=0.5, modes={"vote": AnswerModel(slope=1.0, intercept=0.0)}, preferred="mirror"),
    questions=60,
    samples=120,
    judge=WithinQuestions(auroc=0.55, ci95=(0.4, 0.7), pairs=30, questions=20),
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


def answers(mode: Mode) -> list[Prediction]:
    """Eight that are given, one of them wrong, and two from which it abstains, one of them without an answer."""
    given = [prediction(n, mode, 0.9, right=n != 3, calibrated=True) for n in range(8)]
    held = [prediction(8, mode, 0.1, right=False, calibrated=True, abstained=True)]
    return [*given, *held, prediction(9, mode, None, right=False, abstained=True)]


def test_figures_and_sentences() -> None:
    found = confidence_report("m", {"mirror": answers("mirror")}, FITTED, 0.2, seed=0)
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
    assert "in mode mirror" in worth and "agreement of samples 0.50 and mean log-probability 0.50" in worth
    assert "abstains from 2 of 10" in promise and promise.endswith("the promise of at most 20.0 % held.")


def test_a_promise_that_did_not_hold_is_told() -> None:
    found = confidence_report("m", {"vote": answers("vote")}, FITTED, 0.1, seed=0)
    assert found.judge_counts is None
    assert list(confidences_told(found))[-1].endswith("was not kept.")
    silent = [each.model_copy(update={"abstained": True}) for each in answers("vote")]
    told = list(confidences_told(confidence_report("m", {"vote": silent}, FITTED, 0.1, seed=0)))
    assert "do not allow a promise" in told[-1]


def test_what_was_not_fitted_is_said_and_nothing_is_claimed() -> None:
    result = CalibrationResult(calibration=Calibration(temperature=0.7), questions=3, reason="three are too few")
    plain = [each.model_copy(update={"calibrated": False, "abstained": False}) for each in answers("vote")]
    found = confidence_report("m", {"vote": plain}, result, None, seed=0)
    assert found.answers == ()
    assert list(confidences_told(found)) == ['The confidences of arm "m" are not calibrated: three are too few.']
