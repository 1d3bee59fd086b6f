"""Methods of one's own, by entry points: from the recipe to the report, and nothing in our source knows them.

`focal_package` is a folder as pip would install it: a method with settings of its own and a loss of its own, used from
the command line. `TwoTeachers` is TinyLLM's objective (Tian et al., 2024, arXiv 2402.04616): the label, and each of two
teachers' rationales under a prefix of its own with a weight of its own.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from end_to_end import material
from end_to_end.console import real
from pydantic import Field

import mindsmirror
from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.methods import ArmConfig, Method, Needs
from mindsmirror.methods.chosen import merged
from mindsmirror.methods.targets import label, not_empty, usable
from mindsmirror.records import Annotation, Stage, Tag, Target
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.runs.training import stages_of
from mindsmirror.system import plugins
from mindsmirror.tasks.base import Task

SECOND = 0.25
"""Weight of every teacher after the first."""


class TwoTeachersSettings(ArmConfig):
    alpha: float = Field(0.5, ge=0, le=1)


class TwoTeachers(Method[TwoTeachersSettings]):
    """`predict: x -> label`, and for each teacher `explain: x, as that teacher -> its rationale`."""

    settings = TwoTeachersSettings
    needs = Needs(rationales=1, teachers=2)

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: TwoTeachersSettings) -> tuple[Stage, ...]:
        dropped: Counter[str] = Counter()
        targets = []
        for annotation in annotations:
            example, answer = annotation.example, label(annotation, task, arm)
            if answer is None:
                continue
            targets.append(Target(tag=Tag.PREDICT, example=example.id, question=example.text, text=answer))
            names = list(dict.fromkeys(rationale.teacher for rationale in annotation.rationales))
            for rationale in usable(annotation, dropped):
                asked = f"{example.text}\n\nas {rationale.teacher}"
                weight = SECOND if names.index(rationale.teacher) else 1.0
                targets.append(
                    Target(tag=Tag.EXPLAIN, example=example.id, question=asked, text=rationale.written, weight=weight)
                )
        weights = {Tag.PREDICT: arm.alpha, Tag.EXPLAIN: 1 - arm.alpha}
        stage = Stage(name="teachers", targets=merged(targets), task_weights=weights, dropped=dropped)
        return (not_empty(stage, arm),)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package had brought it."""
    points = EntryPoints([EntryPoint("two_teachers", f"{__name__}:TwoTeachers", "mindsmirror.methods")])
    select: Callable[..., EntryPoints] = points.select
    monkeypatch.setattr(plugins, "entry_points", select)


def recipe(folder: Path, student: Path, **annotation: object) -> mindsmirror.Recipe:
    data = material.write_rows(folder / "words.jsonl", material.word_problems())
    teacher = {"model": "teacher", "engine": "scripted"}
    return make_recipe(
        {
            "name": "two",
            "task": {"name": str(data)},
            "teacher": [teacher, {**teacher, "parameters": {"unparsed": 0.1}}],
            "annotation": {"rationales": 2, "self_evaluations": 0, **annotation},
            "student": {"model": str(student)},
            "training": {"budget": {"steps": 4}, "batch_tokens": 512, "precision": "fp32"},
            "arm": [{"name": "two", "method": "two_teachers"}],
            "evaluation": {"modes": ["predict"], "max_tokens": 12, "untrained": False},
        }
    )


@pytest.mark.usefixtures("installed")
def test_it_runs_from_recipe_to_report(tmp_path: Path, llama: Path) -> None:
    made = recipe(tmp_path, llama, teachers=[0, 1])
    report = mindsmirror.run(made, tmp_path / "runs")
    assert report.teacher == "teacher, teacher" and report.annotation.rationales == 2 * 2 * 10
    [arm] = report.arms
    assert (arm.name, arm.mode, arm.n) == ("two", "predict", material.TEST)
    pipeline = Pipeline(made, tmp_path / "runs")
    learnt = pipeline.annotations().where(lambda annotation: annotation.split == "train")
    [stage] = stages_of(made.arm[0], learnt, pipeline.task)
    asked = {(target.question or "").split("\n\n")[-1] for target in stage.targets if target.tag is Tag.EXPLAIN}
    assert asked == {"as teacher #0", "as teacher #1"}
    assert {t.weight for t in stage.targets if (t.question or "").endswith("#1")} <= {SECOND, 2 * SECOND}


@pytest.mark.usefixtures("installed")
def test_a_recipe_that_asks_one_teacher_says_so_before_anything_is_paid(tmp_path: Path, llama: Path) -> None:
    with pytest.raises(
        AnnotationError, match=r"'two'.*rationales of 2 teachers, the recipe has those of 1.*teachers.*\[0, 1\]"
    ):
        recipe(tmp_path, llama)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("teachers", "message"), [([0, 2], "no teacher 2; the last is 1"), ([1, 1], "name each teacher once")]
)
def test_teachers_that_there_are_not(tmp_path: Path, llama: Path, teachers: list[int], message: str) -> None:
    with pytest.raises(RecipeError, match=rf"annotation\.teachers: .*{message}"):
        recipe(tmp_path, llama, teachers=teachers)


FOCAL = Path(__file__).with_name("focal_package")
INSTALLED = {"PYTHONPATH": os.pathsep.join([str(FOCAL), *filter(None, [os.environ.get("PYTHONPATH")])])}
FOCAL_RECIPE = """
name = "focal"
task = {{ name = "words.jsonl" }}
teacher = [{{ model = "teacher", engine = "scripted" }}]
annotation = {{ rationales = 2, self_evaluations = 0 }}
student = {{ model = "{student}" }}
training = {{ budget = {{ steps = 6 }}, batch_tokens = 512, precision = "fp32" }}
evaluation = {{ modes = ["predict", "think", "mirror"], max_tokens = 12, untrained = false }}
[[arm]]
name = "plain"
method = "focal_cot"
gamma = 0
[[arm]]
name = "focal"
method = "focal_cot"
"""


@pytest.fixture
def focal(tmp_path: Path, llama: Path) -> Path:
    """A folder with questions and a recipe of the package's method."""
    material.write_rows(tmp_path / "words.jsonl", material.word_problems())
    (tmp_path / "recipe.toml").write_text(FOCAL_RECIPE.format(student=llama), encoding="utf-8")
    return tmp_path


def test_a_package_adds_a_method_with_settings_and_a_loss_of_its_own(focal: Path) -> None:
    ended = real("run", "recipe.toml", "--json", cwd=focal, environment=INSTALLED)
    assert ended.code == 0, ended.err
    run = focal / "runs" / "focal"
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert {(arm["name"], arm["mode"]) for arm in report["arms"]} == {
        (name, mode) for name in ("plain", "focal") for mode in ("predict", "think", "mirror")
    }
    stages = {
        name: json.loads((run / "arms" / name / "stages/1-focal/stage.json").read_text()) for name in ("plain", "focal")
    }
    losses = {name: stage["task_losses"] for name, stage in stages.items()}
    assert losses["focal"].keys() == losses["plain"].keys() == {"predict", "focal_explain"}
    # The same start and batches: what is let go of is taken off the loss.
    assert 0 < losses["focal"]["focal_explain"][0] < losses["plain"]["focal_explain"][0]
    assert losses["focal"]["predict"][0] == pytest.approx(losses["plain"]["predict"][0])
    written = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    assert [arm["gamma"] for arm in written["arm"]] == [0.0, 2.0]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("arm.1.gamma=11", 10, "arm.1.gamma: must be at most 10, not 11"),
        ("arm.1.gama=1", 10, "method 'focal_cot' has no key 'gama' (arm 'focal'). Did you mean 'gamma'?"),
        ("arm.1.alpha=0.3", 10, "method 'focal_cot' (arm 'focal') does not read it; it is a key of step_by_step"),
        ("arm.1.method=fokal_cot", 12, "Did you mean 'focal_cot'?"),
        ("annotation.rationales=0", 10, "annotation.rationales"),
    ],
)
def test_its_settings_are_checked_like_ours(focal: Path, change: str, code: int, words: str) -> None:
    ended = real("annotate", "recipe.toml", "--set", change, cwd=focal, environment=INSTALLED)
    assert (ended.code, words in ended.err) == (code, True), ended.err


def test_it_is_listed_and_in_the_schema_where_it_is_installed(focal: Path) -> None:
    listed = json.loads(real("list", "methods", "--json", cwd=focal, environment=INSTALLED).out)
    assert "focal_cot" in {row["name"] for row in listed}
    schema = json.loads(real("schema", cwd=focal, environment=INSTALLED).out)
    arm = schema["properties"]["arm"]["items"]
    assert "focal_cot" in arm["properties"]["method"]["enum"]
    without = real("annotate", "recipe.toml", cwd=focal)
    assert without.code == 12 and "no method is called 'focal_cot'" in without.err
