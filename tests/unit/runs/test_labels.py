"""Arms that name no labels learn gold's where the data has them, and a run goes on with what it was begun with."""

import json
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material

from mindsmirror.answers.number import Number
from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.records import Example
from mindsmirror.runs.folder import Run
from mindsmirror.runs.labels import with_labels
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import Recipe, make_recipe
from mindsmirror.tasks.base import Splits, Task

STANDARD = {"name": "labels", "method": "standard"}
MIRROR = {"name": "mirror", "method": "minds_mirror"}
STRANGE = 3
"""A training question: one row in the middle of them."""


class Data:
    """A folder with questions, and the pipelines of recipes for them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, material.word_problems()

    def recipe(self, *arms: dict[str, Any], **tables: Any) -> Recipe:
        name = material.write_rows(self.folder / "words.jsonl", self.rows)
        document = {
            "name": "mine",
            "task": {"name": str(name), "answer": "number"},
            "teacher": [{"model": "teacher", "engine": "scripted"}],
            "student": {"model": "smollm2-135m-instruct"},
            "arm": arms or (STANDARD, MIRROR),
        }
        return make_recipe({key: value for key, value in (document | tables).items() if value is not None})

    def pipeline(self, *arms: dict[str, Any], **tables: Any) -> Pipeline:
        return Pipeline(self.recipe(*arms, **tables), self.folder / "runs")


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


def labels(recipe: Recipe) -> list[str | None]:
    return [arm.labels for arm in recipe.arm]


def test_gold_is_learnt_where_every_training_question_has_it(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    assert labels(data.recipe()) == [None, None], "a recipe by itself knows no data"
    found = data.pipeline().recipe
    assert labels(found) == ["gold", "gold"]
    assert found.judge.strategy == "informed", "what follows from gold in every arm follows here, too"
    assert capsys.readouterr().err == (
        "labels = gold: all 8 training questions have a gold answer; "
        'set labels = "teacher" to learn the teacher\'s answers instead\n'
    )


def test_the_teacher_is_learnt_from_where_one_question_has_no_gold(
    data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    data.rows[STRANGE]["answer"] = None
    found = data.pipeline().recipe
    assert labels(found) == ["teacher", "teacher"] and found.judge.strategy == "consensus"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("labels = teacher: training question 'w3' has no gold answer") and "None" in line


def test_gold_that_cannot_be_read_is_none(data: Data) -> None:
    strange = Example(id="a", text="How many?", gold="a few")
    unasked = Example(id="b", text="How many in all?", gold="many")
    task = Task("numbers", 1, "", Number(), Splits((strange.model_copy(update={"gold": "3"}),), (unasked,), ()))
    assert labels(with_labels(data.recipe(), Run(data.folder / "none"), task)) == ["gold", "gold"]
    task = Task("numbers", 1, "", Number(), Splits((strange,), (), ()))
    assert labels(with_labels(data.recipe(), Run(data.folder / "none"), task)) == ["teacher", "teacher"]


def test_labels_that_are_named_stand_and_need_no_data(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    named = data.pipeline(STANDARD | {"labels": "teacher"}, MIRROR | {"labels": "gold"}, task={"name": "nowhere.jsonl"})
    assert labels(named.recipe) == ["teacher", "gold"]
    mixed = data.pipeline(STANDARD | {"labels": "teacher"}, MIRROR).recipe
    assert labels(mixed) == ["teacher", "gold"] and mixed.judge.strategy == "consensus"
    assert capsys.readouterr().err.startswith("labels = gold for 'mirror': all 8")


def test_a_judge_that_is_named_stands(data: Data) -> None:
    assert data.pipeline(judge={"strategy": "plain"}).recipe.judge.strategy == "plain"
    kept = data.pipeline(judge={"max_tokens": 64}).recipe.judge
    assert (kept.strategy, kept.max_tokens) == ("informed", 64)
    assert data.pipeline(judge={"strategy": "informed"}).recipe.judge.strategy == "informed"


@pytest.mark.parametrize(
    ("arm", "tables", "named"),
    [
        (MIRROR, {"judge": {"strategy": "informed"}}, "judge.strategy"),
        (MIRROR, {"judge": {"strategy": "likelihood", "calibration": "gold"}}, "judge.calibration"),
        (MIRROR | {"select": "right"}, {}, "arm.1"),
        ({"name": "cot", "method": "fine_tune_cot"}, {}, "arm 'cot'"),
    ],
)
def test_what_needs_gold_is_refused_where_there_is_none(
    data: Data, arm: dict[str, Any], tables: dict[str, Any], named: str
) -> None:
    assert set(labels(data.pipeline(STANDARD, arm, **tables).recipe)) == {"gold"}
    data.rows[STRANGE]["answer"] = None
    with pytest.raises(RecipeError) as caught:
        data.pipeline(STANDARD, arm, **tables).check()
    message = str(caught.value)
    assert named in message and 'labels = "gold"' in message and "'w3' has no gold" in message


def test_a_run_goes_on_with_the_labels_it_was_begun_with(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    """As it was begun when the teacher's labels were what a recipe meant by silence."""
    before = data.recipe(STANDARD | {"labels": "teacher"}, MIRROR | {"labels": "teacher"})
    Run(data.folder / "runs" / "mine").begin(before)
    found = data.pipeline().recipe
    assert found == before and found.hash == before.hash and "was begun with them" in capsys.readouterr().err
    added = data.pipeline(STANDARD, MIRROR, {"name": "new", "method": "standard"}).recipe
    assert labels(added) == ["teacher"] * 3, "an arm that is added is compared with the others"
    assert labels(data.pipeline(STANDARD | {"labels": "gold"}, MIRROR).recipe) == ["gold", "teacher"]
    (data.folder / "runs" / "mine" / "recipe.json").write_text("{")
    assert labels(data.pipeline().recipe) == ["gold", "gold"]


def test_what_is_begun_names_its_labels_and_needs_its_data_no_more(data: Data) -> None:
    pipeline = data.pipeline()
    pipeline.begin()
    (data.folder / "words.jsonl").unlink()
    assert Pipeline.of(pipeline.run.folder).recipe == pipeline.recipe
    document = json.loads((pipeline.run.folder / "recipe.json").read_text())
    assert [arm["labels"] for arm in document["arm"]] == ["gold", "gold"]
    assert document["judge"]["strategy"] == "informed"


def test_of_a_file_of_annotations_its_own_questions_decide(data: Data) -> None:
    first = data.pipeline()
    first.annotate()
    written = (first.run.folder / "annotation" / "annotations.jsonl").read_text().splitlines(keepends=True)
    file = data.folder / "said.jsonl"
    file.write_text("".join(written))
    tables: dict[str, Any] = {"name": "again", "teacher": None, "annotation": {"file": str(file)}}
    taken = data.pipeline(**tables)
    assert labels(taken.recipe) == ["gold", "gold"] and len(taken.file_annotations) == len(written)
    data.rows[STRANGE]["answer"] = None
    file.write_text("".join(written[:STRANGE] + written[STRANGE + 1 :]))
    assert labels(data.pipeline(**tables).recipe) == ["gold", "gold"], "that question is not learnt from"
    plain = json.loads(written[STRANGE])
    plain["example"]["gold"] = None
    file.write_text(json.dumps(plain) + "\n" + written[0])
    with pytest.raises(AnnotationError, match=r"verdicts in .*said\.jsonl come from gold.*labels = \"gold\""):
        data.pipeline(**tables).check()
