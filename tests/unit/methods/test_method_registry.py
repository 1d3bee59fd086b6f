"""Methods by name: the built-in ones, those of other packages, and what they need."""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from mindsmirror.errors import AnnotationError, RecipeError, UnknownNameError
from mindsmirror.methods import ArmConfig, Method, Needs, check_needs, method_named, method_names, read_arm
from mindsmirror.records import Annotation, Stage
from mindsmirror.system import plugins
from mindsmirror.tasks.base import Task

BUILT_IN = ("standard", "step_by_step", "multi_cot", "minds_mirror", "fine_tune_cot", "edit", "dynsdpb")


class Added(Method[ArmConfig]):
    """What another package would bring."""

    needs = Needs(rationales=3)
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ArmConfig) -> tuple[Stage, ...]:
        return (Stage(name=arm.name, targets=(), task_weights={}),)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with two entry points, one of another group."""
    points = EntryPoints(
        [
            EntryPoint("added", f"{__name__}:Added", "mindsmirror.methods"),
            EntryPoint("stranger", "nowhere:Nothing", "console_scripts"),
        ]
    )
    select: Callable[..., EntryPoints] = points.select
    monkeypatch.setattr(plugins, "entry_points", select)


def test_what_is_built_in() -> None:
    assert method_names()[: len(BUILT_IN)] == BUILT_IN
    methods = {name: method_named(name) for name in BUILT_IN}
    assert {name: (method.answers, method.thinks, method.judges) for name, method in methods.items()} == {
        "standard": (True, False, False),
        "step_by_step": (True, True, False),
        "multi_cot": (True, True, False),
        "minds_mirror": (True, True, True),
        "fine_tune_cot": (False, True, False),
        "edit": (False, True, False),
        "dynsdpb": (True, True, False),
    }


@pytest.mark.usefixtures("installed")
def test_another_package_can_add_a_method() -> None:
    assert method_names() == (*BUILT_IN, "added")
    method = method_named("added")
    assert isinstance(method, Added)
    with pytest.raises(AnnotationError, match=r"'mine'.*'added'.*rationales >= 3.*has 2"):
        check_needs(read_arm({"name": "mine", "method": "added"}), rationales=2, evaluations=0)


@pytest.mark.usefixtures("installed")
def test_an_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    with pytest.raises(UnknownNameError) as caught:
        method_named("mind_mirror")
    message = str(caught.value)
    assert "'mind_mirror'. Did you mean 'minds_mirror'?" in message
    assert all(name in message for name in (*BUILT_IN, "added"))
    assert "stranger" not in message


@pytest.mark.parametrize(
    ("method", "rationales", "evaluations", "lacks"),
    [
        ("standard", 0, 0, None),
        ("step_by_step", 1, 0, None),
        ("step_by_step", 0, 0, "rationales >= 1"),
        ("multi_cot", 2, 0, None),
        ("multi_cot", 1, 0, "rationales >= 2"),
        ("minds_mirror", 2, 1, None),
        ("minds_mirror", 1, 1, "rationales >= 2"),
        ("minds_mirror", 5, 0, "self_evaluations >= 1"),
    ],
)
def test_needs_are_checked_before_money_is_spent(
    method: str, rationales: int, evaluations: int, lacks: str | None
) -> None:
    arm = read_arm({"name": "a", "method": method})
    if lacks is None:
        check_needs(arm, rationales, evaluations)
        return
    with pytest.raises(AnnotationError) as caught:
        check_needs(arm, rationales, evaluations)
    assert lacks in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({"method": "step_by_step", "select": "majority"}, "select = 'majority' needs [annotation] rationales >= 2"),
        (
            {"method": "multi_cot", "select": "judged_correct"},
            "select = 'judged_correct' needs [annotation] self_evaluations >= 1, the file has 0",
        ),
    ],
)
def test_a_selection_has_needs_of_its_own(settings: dict[str, str], lacks: str) -> None:
    arm = read_arm({"name": "a", **settings})
    with pytest.raises(AnnotationError) as caught:
        check_needs(arm, rationales=2 if arm.method == "multi_cot" else 1, evaluations=0, where="the file")
    assert lacks in str(caught.value)


@pytest.mark.parametrize("method", ["fine_tune_cot", "edit"])
def test_a_method_that_keeps_what_is_right_by_gold_needs_gold_labels(method: str) -> None:
    def check(labels: str, rationales: int) -> None:
        arm = read_arm({"name": "a", "method": method, "labels": labels})
        check_needs(arm, rationales=rationales, evaluations=0, rectified=1, corrupted=1)

    with pytest.raises(RecipeError, match=rf"arm 'a': method '{method}' keeps .* Set labels = \"gold\""):
        check("teacher", 5)
    check("gold", 5)
    with pytest.raises(AnnotationError, match="rationales >= 1"):
        check("gold", 0)


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "a/b"])
def test_an_arms_name_is_a_folders_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        read_arm({"name": name, "method": "standard"})
