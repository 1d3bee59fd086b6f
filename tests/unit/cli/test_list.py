"""`mindsmirror list`: every kind of thing, for a person and as a document."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mindsmirror.cli.list import WHAT, command
from mindsmirror.engines import engine_names
from mindsmirror.methods import Needs, method_names
from mindsmirror.models import catalogue
from mindsmirror.runs.shipped import shipped_recipes
from mindsmirror.tasks import task_descriptions


def listed(what: str, *options: str) -> list[dict[str, str]]:
    ended = CliRunner().invoke(command, [what, "--json", *options])
    assert ended.exit_code == 0
    found: list[dict[str, str]] = json.loads(ended.stdout)
    return found


def names(what: str, *options: str) -> list[str]:
    return [row["name"] for row in listed(what, *options)]


def test_tasks_methods_and_engines_are_those_that_exist() -> None:
    assert names("tasks") == list(task_descriptions())
    assert names("methods") == list(method_names())
    assert names("engines") == list(engine_names())


def test_engines_say_what_each_is_for() -> None:
    purposes = [row["description"] for row in listed("engines")]
    assert all(purposes) and len(set(purposes)) == len(engine_names())
    assert any(purpose.endswith("(extra llama-cpp)") for purpose in purposes)


def test_methods_say_what_they_need() -> None:
    described = {row["name"]: row["description"] for row in listed("methods")}
    assert described["minds_mirror"].endswith("(needs 2 rationales, 1 self-evaluations)")
    assert described["standard"]
    assert described["fine_tune_cot"].endswith("(needs 1 rationales, 0 self-evaluations)")
    assert described["edit"].endswith("(needs 1 rationales, 0 self-evaluations, 1 rectified, 1 corrupted)")
    assert Needs(rationales=3, teachers=2).words == "3 rationales, 0 self-evaluations, 2 teachers"


def test_models_are_listed_by_their_role() -> None:
    teachers, students = names("teachers"), names("students")
    assert "qwen2.5-coder-1.5b-instruct" in teachers and "smollm2-135m-instruct" in students
    assert set(teachers) | set(students) == set(catalogue.entries())
    assert all("Apache-2.0" in row["description"] for row in listed("students"))


def test_recipes_are_those_of_the_package_wherever_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    described = {row["name"]: row["description"] for row in listed("recipes")}
    assert list(described) == list(shipped_recipes())
    assert described["quickstart"].startswith("The whole method on one small machine: ")


def test_runs_are_those_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("finished", "begun", "no-run"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for path in ("finished/recipe.json", "finished/report.html", "begun/recipe.json"):
        (tmp_path / "runs" / path).touch()
    monkeypatch.chdir(tmp_path)
    assert names("runs") == ["runs/begun", "runs/finished"]
    assert names("runs", "--runs", "elsewhere") == []


@pytest.mark.parametrize("what", WHAT)
def test_a_person_reads_lines(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(command, [what])
    assert ended.exit_code == 0
    if what == "runs":
        assert ended.stdout == f"there are no {what} here\n"
    else:
        assert all(row["name"] in ended.stdout for row in listed(what))
