"""Which modes an arm has, and by which it is compared, follows from its method and its form."""

import pytest

from mindsmirror.evaluation.config import Mode
from mindsmirror.evaluation.evaluate import main_mode, modes_of
from mindsmirror.methods import ArmConfig, method_named

ALL: tuple[Mode, ...] = ("predict", "think", "vote", "mirror")


@pytest.mark.parametrize(
    ("method", "form", "main", "modes"),
    [
        ("standard", "default", "predict", ("predict",)),
        ("multi_cot", "default", "think", ("predict", "think", "vote")),
        ("multi_cot", "published", "predict", ("predict",)),
        ("minds_mirror", "default", "think", ALL),
        ("fine_tune_cot", "default", "think", ("think", "vote")),
    ],
)
def test_modes_of_an_arm(method: str, form: str, main: str, modes: tuple[str, ...]) -> None:
    arm = ArmConfig.model_validate({"name": "a", "method": method, "form": form, "labels": "gold"})
    assert main_mode(method_named(method), arm) == main
    assert modes_of(method_named(method), arm, ALL) == modes


def test_an_untrained_student_is_asked_in_both_simple_modes() -> None:
    assert (main_mode(None, None), modes_of(None, None, ALL)) == ("think", ("predict", "think"))
