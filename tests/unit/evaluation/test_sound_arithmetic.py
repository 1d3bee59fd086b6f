"""Arithmetic in rationales, counted by hand."""

from mindsmirror.evaluation.sound_arithmetic import SoundArithmetic, sound_arithmetic
from mindsmirror.records import Prediction


def said(rationale: str, answer: str | None, right: bool | None) -> Prediction:
    return Prediction(example="q", mode="think", answer=answer, right=right, rationale=rationale)


def test_what_holds_and_what_follows_is_counted() -> None:
    found = sound_arithmetic(
        [
            said("5 * 6 = 30. 30 + 8 = 38. The answer is 38.", "38", True),
            said("5 * 6 = 30. 30 + 8 = 37. The answer is 37.", "37", False),
            said("5 * 4 = 20. 20 + 8 = 28. The answer is 28.", "28", False),
            said("5 * 6 = 30. The answer is 38.", "38", True),
            said("2 + 2 = 4, so it is b.", "b", None),
            said("It is 38.", "38", True),
            said("1 + 1 = 3", None, False),
        ]
    )
    assert found == SoundArithmetic(
        rationales=6,
        with_steps=5,
        steps=8,
        hold=7,
        right=2,
        right_sound=2,
        wrong=2,
        wrong_sound=1,
        stated=4,
        follow=3,
    )


def test_an_equation_follows_by_its_value() -> None:
    found = sound_arithmetic([said("8 - 3 = 5, so the answer is 8 - 3.", "8 - 3", True)])
    assert found is not None and (found.stated, found.follow) == (1, 1)


def test_without_steps_nothing_is_said() -> None:
    assert sound_arithmetic([said("It is so.", "5", True)]) is None
    assert sound_arithmetic([]) is None
