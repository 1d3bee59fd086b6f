"""Which modes an arm has, and by which it is compared, follows from its method and its form."""

import pytest

from mindsmirror.evaluation.evaluate import main_mode, modes_of
from mindsmirror.methods import read_arm
from mindsmirror.records import Mode

ALL: tuple[Mode, ...] = ("predict", "think", "vote", "mirror")


@pytest.mark.parametrize(
    ("method", "settings", "main", "modes"),
    [
        ("standard", {}, "predict", ("predict",)),
        ("multi_cot", {}, "think", ("predict", "think", "vote")),
        ("multi_cot", {"form": "published"}, "predict", ("predict",)),
        ("minds_mirror", {}, "think", ALL),
        ("fine_tune_cot", {}, "think", ("think", "vote")),
    ],
)
def test_modes_of_an_arm(method: str, settings: dict[str, str], main: str, modes: tuple[str, ...]) -> None:
    arm = read_arm({"name": "a", "method": method, "labels": "gold", **settings})
    assert main_mode(arm) == main
    assert modes_of(arm, ALL) == modes


def test_an_untrained_student_is_asked_in_both_simple_modes() -> None:
    assert (main_mode(None), modes_of(None, ALL)) == ("think", ("predict", "think"))
