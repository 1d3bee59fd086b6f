"""`mindsmirror demo` in an empty folder: the shipped recipe to its report, then a question with its answer.

A scripted teacher and a tiny student take the place of those that the recipe names, and all of it is smaller.
"""

import json
from pathlib import Path

import pytest
from end_to_end.console import mindsmirror
from end_to_end.material import easy_questions

from mindsmirror.cli.demo import QUESTION

SETTINGS = (
    "teacher.0.engine=scripted",
    "teacher.0.model=teacher",
    "task.parameters={}",
    "task.train=6",
    "task.valid=2",
    "task.test=3",
    "training.budget={steps=2}",
    "training.precision=fp32",
    "training.batch_tokens=512",
    "evaluation.samples=2",
    "evaluation.max_tokens=12",
)


def trained(folder: Path) -> dict[str, int]:
    """When each model of the run was written."""
    return {str(path): path.stat().st_mtime_ns for path in (folder / "runs/quickstart").rglob("model.safetensors")}


@pytest.mark.timeout(600)
def test_the_demo_ends_with_an_answered_question_and_starts_again_where_it_was(tmp_path: Path, llama: Path) -> None:
    own = (f"task.name={easy_questions(tmp_path)}", f"student.model={llama}")
    given = [part for key in (*SETTINGS, *own) for part in ("--set", key)]
    ended = mindsmirror("demo", *given, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "a 1.5B teacher explains and judges, a 135M student learns to" in ended.err
    assert (tmp_path / "runs/quickstart/report.html").is_file()
    before = trained(tmp_path)
    *_, asked, answer = [line for line in ended.out.splitlines() if line.startswith(("question: ", "answer: "))]
    assert asked == f"question: {QUESTION}" and answer.startswith("answer: ")
    again = mindsmirror("demo", *given, "--json", cwd=tmp_path)
    assert again.code == 0, again.err
    said = json.loads(again.out)
    assert said["run"] == "runs/quickstart" and said["findings"]
    assert said["reply"]["question"] == QUESTION and f"answer: {said['reply']['answer']}" in (answer, "answer: None")
    assert trained(tmp_path) == before, "nothing was trained again"
