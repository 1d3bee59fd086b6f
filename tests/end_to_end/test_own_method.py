"""A method of one's own that learns from two teachers, by an entry point: from the recipe to the report.

It is TinyLLM's objective (Tian et al., 2024, arXiv 2402.04616) in the few lines that a method takes: the label, and
each teacher's rationale under a prefix of its own with a weight of its own.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from end_to_end import material
from pydantic import Field

import mindsmirror
from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.methods import ArmConfig, Method, Needs
from mindsmirror.methods.targets import label, merged, not_empty, usable
from mindsmirror.records import Annotation, Stage, Tag, Target
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
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
            for thought in usable(annotation, dropped):
                asked = f"{example.text}\n\nas {thought.teacher}"
                weight = SECOND if names.index(thought.teacher) else 1.0
                targets.append(
                    Target(tag=Tag.EXPLAIN, example=example.id, question=asked, text=thought.written, weight=weight)
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
    [stage] = pipeline.stages(made.arm[0], pipeline.annotations())
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
    ("teachers", "message"), [([0, 2], "no teacher 2, only 2"), ([1, 1], "each teacher is named once")]
)
def test_teachers_that_there_are_not(tmp_path: Path, llama: Path, teachers: list[int], message: str) -> None:
    with pytest.raises(RecipeError, match=rf"annotation\.teachers: .*{message}"):
        recipe(tmp_path, llama, teachers=teachers)
