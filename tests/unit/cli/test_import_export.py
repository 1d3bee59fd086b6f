"""`import` and `export` as verbs: from others' rationales to a run's stages, and out again as a data set."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from end_to_end import material

from mindsmirror.annotation.imports.formats import FORMATS as IMPORTED
from mindsmirror.annotation.imports.importing import import_annotations
from mindsmirror.cli.export import TASK
from mindsmirror.cli.main import cli
from mindsmirror.delivery import FORMATS
from mindsmirror.delivery.formats import STUDENT_FORMATS
from mindsmirror.errors import AnnotationError, DataError
from mindsmirror.reporting.annotation_totals import AnnotationTotals
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.recipe import make_recipe
from mindsmirror.runs.results import _judge, _teacher, _usd
from mindsmirror.runs.training import stages_of


def command(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def said(row: dict[str, Any], number: int) -> dict[str, Any]:
    """What somebody's model said: right, right in other words, and wrong, each judged."""
    answer = row["answer"] + (number == 2)
    verdict = "wrong" if number == 2 else "correct"
    return {
        "id": row["id"],
        "rationale": f"Ann has some, {number}. The answer is {answer}.",
        "teacher": "pupil",
        "evaluations": [f"It says {answer}.\nEvaluation result: the given answer is {verdict}."],
    }


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with word problems, and what somebody said to all of them but the first."""
    monkeypatch.chdir(tmp_path)
    rows = material.word_problems()
    material.write_rows(tmp_path / "words.jsonl", rows)
    material.write_rows(tmp_path / "said.jsonl", [said(row, number) for row in rows[1:] for number in range(3)])
    return tmp_path


def recipe(**annotation: Any) -> dict[str, Any]:
    return {
        "name": "imported",
        "task": {"name": "words.jsonl"},
        "annotation": {"file": "annotations.jsonl", **annotation},
        "student": {"model": "smollm2-135m-instruct"},
        "arm": [{"name": "mirror", "method": "minds_mirror", "select": "judged_correct", "schedule": "sequential"}],
    }


def imports(*more: object) -> Result:
    return command("import", "jsonl", "said.jsonl", "--task", "words.jsonl", "--out", "annotations.jsonl", *more)


def test_the_kinds_and_formats_are_those_that_there_are() -> None:
    """The verbs name them without importing what is heavy."""
    kind = next(p for p in _command("import").params if p.name == "kind")
    form = next(p for p in _command("export").params if p.name == "to")
    assert tuple(kind.type.choices) == tuple(IMPORTED)
    assert tuple(form.type.choices) == (*FORMATS, *STUDENT_FORMATS, TASK)
    assert all(kind in help_of("weights") for form in STUDENT_FORMATS.values() for kind in form.weights)


def help_of(name: str) -> str:
    return str(next(p for p in _command("export").params if p.name == name).help)


def _command(name: str) -> Any:
    import click

    return cli.get_command(click.Context(cli), name)


@pytest.mark.usefixtures("words")
def test_import_says_what_came_in() -> None:
    ended = imports()
    assert ended.exit_code == 0, ended.output
    head, train, valid, test, last = ended.output.splitlines()
    assert head.split() == ["split", "questions", "rationales", "parsed", "right", "evaluations", "verdicts"]
    assert train.split()[:7] == ["train", "7", "21", "1.000", "0.667", "of", "21"]
    assert train.split()[7:] == ["21", "14", "correct,", "7", "wrong"]
    assert valid.startswith("valid") and test.startswith("test") and last == "annotations: annotations.jsonl"
    document = json.loads(imports("--json", "--teacher", "me").output)
    assert document["elsewhere"] == 0
    assert next((s["split"], s["questions"], s["accuracy"]) for s in document["splits"]) == ("train", 7, 14 / 21)
    assert '"teacher":"me"' in Path("annotations.jsonl").read_text()


@pytest.mark.usefixtures("words")
def test_what_is_imported_is_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    imports()
    pipeline = Pipeline(make_recipe(recipe()))
    pipeline.begin(trains=False)
    result = pipeline.annotate()
    assert (result.questions, result.expected, result.asked, result.failed, result.lacking) == (9, 10, 0, 0, 1)
    assert "1 question without an annotation in annotations.jsonl" in capsys.readouterr().err
    assert list(Pipeline.of(pipeline.run.folder).annotations()) == list(pipeline.annotations())
    learnt = pipeline.annotations().where(lambda annotation: annotation.split == "train")
    judging, thinking = stages_of(pipeline.recipe.arm[0], learnt, pipeline.task)
    assert {target.text for target in judging.targets} >= {"correct", "wrong", "It says 3."}
    assert thinking.dropped == {"rationale: not judged correct": 7}
    assert len({target.text for target in thinking.targets if target.tag == "explain"}) > 5
    totals = AnnotationTotals.of(pipeline.annotations())
    assert (_teacher(pipeline.recipe, totals), _judge(pipeline.recipe, totals)) == ("pupil", "plain")
    assert _usd(pipeline.recipe, totals, {}) is None


@pytest.mark.usefixtures("words")
def test_a_file_that_changed_is_taken_over_again() -> None:
    imports()
    Pipeline(make_recipe(recipe())).annotate()
    imports("--teacher", "me")
    again = Pipeline(make_recipe(recipe()))
    again.annotate()
    assert {annotation.provenance.teacher for annotation in again.annotations()} == {"me"}


@pytest.mark.usefixtures("words")
def test_a_file_that_is_not_enough_is_refused_before_anything_is_written(words: Path) -> None:
    for line, kind in (("", DataError), ('{"id": "w1", "rationale": "Hm."}\n', AnnotationError)):
        (words / "said.jsonl").write_text(line)
        if line:
            assert imports().exit_code == 0
        else:
            (words / "annotations.jsonl").write_text(line)
        pipeline = Pipeline(make_recipe(recipe()))
        with pytest.raises(kind, match=r"annotations\.jsonl"):
            pipeline.begin(trains=False)
        assert not pipeline.run.folder.exists()


def test_a_wrong_source_is_one_error(words: Path) -> None:
    (words / "said.jsonl").write_text('{"id": "w1"}\n')
    ended = imports()
    assert isinstance(ended.exception, DataError) and "said.jsonl, line 1: 'rationale' is missing" in str(
        ended.exception
    )
    assert not (words / "annotations.jsonl").exists()


def test_what_is_exported_comes_in_again(words: Path) -> None:
    imports()
    pipeline = Pipeline(make_recipe(recipe()))
    pipeline.begin(trains=False)
    pipeline.annotate()
    ended = command("export", "imported", "--to", "jsonl", "--out", "out", "--json")
    assert json.loads(ended.output) == {"out": "out", "to": "jsonl", "rows": {"train": 21, "validation": 6}}
    files = [words / "out/data/train.jsonl", words / "out/data/validation.jsonl"]
    again = import_annotations("jsonl", files, pipeline.task).annotations
    before = pipeline.annotations()
    assert [(a.example, a.split, a.rationales, a.evaluations) for a in again] == [
        (a.example, a.split, a.rationales, a.evaluations) for a in before
    ]
    twice = command("export", "imported", "--to", "jsonl", "--out", "out")
    assert isinstance(twice.exception, DataError) and "out already exists" in str(twice.exception)
