"""What validation answers decide: the mode, the temperature, and whether the judge counts in the mirror."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mindsmirror.answers import Number
from mindsmirror.evaluation.calibrate import Fit, chosen_fit, fit, preferred_mode
from mindsmirror.inference.vote import mirror, vote
from mindsmirror.records import MODES, Example, Mode, Sample
from mindsmirror.tasks.base import Splits, Task

SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))


def flags(right: int, n: int = 100) -> list[bool]:
    return [place < right for place in range(n)]


@pytest.mark.parametrize(
    ("right", "preferred"),
    [
        ({"think": 50, "vote": 50, "mirror": 50}, "think"),
        ({"think": 50, "vote": 51, "mirror": 51}, "think"),
        ({"think": 50, "vote": 49, "mirror": 60}, "mirror"),
        ({"think": 50, "vote": 60, "mirror": 60}, "vote"),
        ({"predict": 70, "think": 50, "vote": 60}, "predict"),
        ({"predict": 30}, "think"),
        ({}, "think"),
    ],
)
def test_a_dearer_mode_must_be_better_by_its_standard_error(right: Mapping[Mode, int], preferred: Mode) -> None:
    """One question ahead of 100 has a standard error of 1 in 100, ten have one of 3."""
    assert preferred_mode("think", {mode: flags(number) for mode, number in right.items()}) == preferred


@pytest.mark.parametrize(("right", "chosen"), [((55, 50, 40), 0.5), ((51, 50, 51), 0.7), ((60, 50, 70), 1.0)])
def test_another_temperature_must_be_better_by_its_standard_error(right: Sequence[int], chosen: float) -> None:
    fits = [
        Fit(temperature, (), (), None, False, {}, {"vote": flags(number)}, {})
        for temperature, number in zip((0.5, 0.7, 1.0), right, strict=True)
    ]
    assert chosen_fit(fits).temperature == chosen


def questions(number: int, informative: float, seed: int) -> tuple[list[Example], list[tuple[Sample, ...]]]:
    """Questions with five samples each, of which the most frequent answer is often wrong."""
    random = np.random.default_rng(seed)
    examples, samples = [], []
    for place in range(number):
        rights = random.random(5) < random.beta(1, 1.5)
        examples.append(Example(id=str(place), text=f"Question {place}?", gold="5"))
        samples.append(
            tuple(
                Sample(
                    text="So it is.",
                    answer="5" if right else str(6 + int(random.integers(0, 2))),
                    right=bool(right),
                    p_correct=float(1 / (1 + np.exp(-(random.normal() + informative * (right - 0.5))))),
                    log_probability=float(random.normal()),
                    tokens=9,
                )
                for right in rights
            )
        )
    return examples, samples


def test_a_judge_that_knows_makes_the_mirror_better_than_the_vote_on_new_questions() -> None:
    found = fit(SUMS, *questions(120, 2.0, seed=1), 0.7, MODES, None, seed=0)
    model = found.models["mirror"].sample
    assert found.judge_counts and model is not None and "verdict" in model.weights
    assert "arithmetic" not in found.names
    examples, samples = questions(500, 2.0, seed=2)
    by_mirror = mirror(SUMS, examples, samples, found.models["mirror"])
    by_vote = vote(SUMS, examples, samples, found.models["vote"])
    assert sum(bool(p.right) for p in by_mirror) > sum(bool(p.right) for p in by_vote) + 25


def test_a_judge_that_knows_nothing_does_not_count() -> None:
    found = fit(SUMS, *questions(120, 0.0, seed=3), 0.7, MODES, None, seed=0)
    assert not found.judge_counts
    assert all("verdict" not in model.sample.weights for model in found.models.values() if model.sample is not None)
    # Whatever chance made of the other features on validation questions, on new ones they are worth nothing.
    examples, samples = questions(500, 0.0, seed=4)
    by_mirror = mirror(SUMS, examples, samples, found.models["mirror"])
    by_vote = vote(SUMS, examples, samples, found.models["vote"])
    assert abs(sum(bool(p.right) for p in by_mirror) - sum(bool(p.right) for p in by_vote)) < 40


@pytest.mark.parametrize("judges", [True, False])
def test_without_its_judge_the_mirror_goes_by_what_else_is_known(judges: bool) -> None:
    """Whether the judge knows nothing, or there is none."""
    examples, samples = questions(300, 0.0, seed=6)

    def told(of_one: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """With texts that are likelier where they are right."""
        return tuple(
            each.model_copy(
                update={
                    "log_probability": (each.log_probability or 0.0) + 3.0 * bool(each.right),
                    "p_correct": each.p_correct if judges else None,
                }
            )
            for each in of_one
        )

    likely = [told(of_one) for of_one in samples]
    found = fit(SUMS, examples[:120], likely[:120], 0.7, MODES, None, seed=0)
    assert not found.judge_counts and found.models["mirror"].strength > 0
    assert ("verdict" in found.names, found.judge is not None) == (judges, judges)
    by_mirror = mirror(SUMS, examples[120:], likely[120:], found.models["mirror"])
    by_vote = vote(SUMS, examples[120:], likely[120:], found.models["vote"])
    assert sum(bool(p.right) for p in by_mirror) > sum(bool(p.right) for p in by_vote) + 15


def test_where_all_is_right_nothing_is_fitted() -> None:
    examples, samples = questions(60, 1.0, seed=5)
    right = [tuple(each.model_copy(update={"answer": "5", "right": True}) for each in of_one) for of_one in samples]
    assert fit(SUMS, examples, right, 0.7, MODES, None, seed=0).models == {}
