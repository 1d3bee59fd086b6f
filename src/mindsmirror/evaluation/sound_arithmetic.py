"""Whether the arithmetic in an arm's rationales holds, and whether its answers follow from it.

A wrong answer behind steps that all hold was computed rightly from something wrong; where a step does not hold, the
adding was at fault. Only what the exact parser reads is counted (answers/steps.py).
"""

from collections.abc import Iterable

from pydantic import Field

from mindsmirror.answers.steps import arithmetic_steps, follows
from mindsmirror.records import Prediction, Record


class SoundArithmetic(Record):
    """What was found in rationales that reach an answer."""

    rationales: int = Field(description="those that reach an answer")
    with_steps: int = Field(description="of them, those with a step of arithmetic")
    steps: int
    hold: int = Field(description="steps that hold")
    right: int = Field(description="rationales with steps whose answer is right")
    right_sound: int = Field(description="of them, those whose steps all hold")
    wrong: int = Field(description="rationales with steps whose answer is wrong")
    wrong_sound: int = Field(description="of them, those whose steps all hold")
    stated: int = Field(description="rationales with steps whose answer is a number")
    follow: int = Field(description="of them, those whose answer is the result of the last step")


def sound_arithmetic(predictions: Iterable[Prediction]) -> SoundArithmetic | None:
    """Of the rationales that were given with answers; None where none of them has a step."""
    answered = [(each.rationale, each.answer, each.right) for each in predictions if each.answer is not None]
    computed = [(steps, answer, right) for text, answer, right in answered if (steps := arithmetic_steps(text))]
    if not computed:
        return None
    sound = [(all(step.holds for step in steps), right) for steps, _, right in computed]
    stated = [found for steps, answer, _ in computed if (found := follows(answer, steps)) is not None]
    return SoundArithmetic(
        rationales=len(answered),
        with_steps=len(computed),
        steps=sum(len(steps) for steps, _, _ in computed),
        hold=sum(step.holds for steps, _, _ in computed for step in steps),
        right=sum(right is True for _, right in sound),
        right_sound=sum(holds for holds, right in sound if right is True),
        wrong=sum(right is False for _, right in sound),
        wrong_sound=sum(holds for holds, right in sound if right is False),
        stated=len(stated),
        follow=sum(stated),
    )
