"""Reflection through the command line: a student writes about questions it was not trained on, and learns from that."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material
from end_to_end.console import mindsmirror

from mindsmirror import run
from mindsmirror.records import Annotation, Verdict, VerdictSource
from mindsmirror.runs import reflection
from mindsmirror.runs import training as training_module
from mindsmirror.runs.training import ArmTraining, Once
from mindsmirror.system.files import read_records
from mindsmirror.training.result import TrainingResult

RECIPE = """
name = "reflecting"

[task]
name = "words.jsonl"
train = 8

[[teacher]]
model = "teacher"
engine = "scripted"

[annotation]
rationales = 3
self_evaluations = 1

[student]
model = "{student}"
lora_rank = 1

[training]
learning_rate = 1e-3
budget = {{ {budget} }}
batch_tokens = 512
precision = "fp32"

[reflect]
{reflect}
samples = 3

[[arm]]
name = "thoughts"
method = "{method}"
labels = "{labels}"
{arm}

[evaluation]
samples = 2
max_tokens = 60
untrained = false
"""
MORE = 10
"""Questions of the file beside those that the recipe takes."""
REST = {"budget": "steps = 12", "reflect": "", "method": "multi_cot", "labels": "gold", "arm": ""}


def place(folder: Path, student: Path, **settings: str) -> Path:
    rows = material.word_problems() + [material.word_problem(number, "train") for number in range(20, 20 + MORE)]
    material.write_rows(folder / "words.jsonl", rows)
    (folder / "reflecting.toml").write_text(RECIPE.format(student=student, **{**REST, **settings}), encoding="utf-8")
    return folder


def carried_out(folder: Path) -> Path:
    ended = mindsmirror("run", "reflecting.toml", cwd=folder)
    assert ended.code == 0, ended.err
    return folder / "runs" / "reflecting"


def own(run: Path, *step: str) -> list[Annotation]:
    return read_records(run.joinpath("reflection", "thoughts", *step, "annotations.jsonl"), Annotation)


def result(run: Path, step: str) -> Any:
    return json.loads((run / step / "done.json").read_text())["result"]


def test_the_student_writes_about_questions_that_are_left_over(tmp_path: Path, llama: Path) -> None:
    run = carried_out(place(tmp_path, llama))
    written = own(run, "1", "own")
    trained_on = {f"w{number}" for number in range(8)}
    assert [each.example.id for each in written] == [f"w{number}" for number in range(20, 28)]
    assert not trained_on & {each.example.id for each in written}
    assert all(each.own and len(each.rationales) == 3 for each in written)
    judged = [(each, evaluation) for each in written for evaluation in each.evaluations]
    assert judged
    for each, evaluation in judged:
        rationale = each.rationales[evaluation.rationale]
        assert evaluation.source is VerdictSource.INFORMED
        assert (evaluation.verdict is Verdict.CORRECT) == (rationale.answer == each.example.gold) == rationale.right
    said = result(run, "reflection/thoughts/1/own")
    assert said["samples"] == 24
    assert said["answered"] == len(judged)
    assert 0 < said["correct"] == sum(evaluation.verdict is Verdict.CORRECT for _, evaluation in judged) < len(judged)
    assert said["flops"] > 0
    ended = mindsmirror("browse", "runs/reflecting", "--json", cwd=tmp_path)
    assert json.loads(ended.out)["questions"] == 8 + 2 + 8
    assert "student:" in (run / "annotations.html").read_text()
    first, last = (result(run, step)["stages"][0] for step in ("reflection/thoughts/1/student", "arms/thoughts"))
    assert (first["steps"], last["steps"]) == (5, 7)
    assert last["targets"] > first["targets"]


def test_without_gold_the_teachers_agreement_judges(tmp_path: Path, llama: Path) -> None:
    run = carried_out(place(tmp_path, llama, labels="teacher"))
    asked = read_records(run / "unused_questions/annotations.jsonl", Annotation)
    assert [each.example.id for each in asked] == [f"w{number}" for number in range(20, 28)]
    assert all(len(each.rationales) == 3 and not each.evaluations for each in asked)
    written = own(run, "1", "own")
    assert written
    for each in written:
        answers = [rationale.answer for rationale in next(a for a in asked if a.example == each.example).rationales]
        agreed = max(answers, key=answers.count)
        for evaluation in each.evaluations:
            assert evaluation.source is VerdictSource.CONSENSUS
            assert (evaluation.verdict is Verdict.CORRECT) == (each.rationales[evaluation.rationale].answer == agreed)


@pytest.mark.parametrize("labels", ["gold", "teacher"])
def test_halves_write_about_each_other(tmp_path: Path, llama: Path, labels: str) -> None:
    run = carried_out(place(tmp_path, llama, reflect="questions = 0\nrounds = 2", labels=labels))
    for number in ("1", "2"):
        first, second = ({each.example.id for each in own(run, number, name)} for name in ("own", "own-2"))
        assert first and second
        assert not first & second
        assert first | second <= {f"w{number}" for number in range(8)}
    # A student never writes about what it has learnt from; of four, each has a tenth of the steps.
    assert result(run, "reflection/thoughts/2/student")["stages"][0]["steps"] == 1


def test_a_judge_as_an_adapter_leaves_the_thinker_alone(tmp_path: Path, llama: Path) -> None:
    arm = 'schedule = "adapter"'
    run = carried_out(place(tmp_path, llama, method="minds_mirror", arm=arm, budget="flops = 2e9"))
    stages = result(run, "arms/thoughts")["stages"]
    assert [stage["stage"] for stage in stages] == ["thinking", "self_evaluation"]
    assert (run / "arms/thoughts/model/judge/adapter_config.json").exists()
    # The student that writes needs no judge.
    first = result(run, "reflection/thoughts/1/student")["stages"]
    assert [stage["stage"] for stage in first] == ["thinking"]
    spent = sum(stage["flops"] for stage in (*first, *stages)) + result(run, "reflection/thoughts/1/own")["flops"]
    assert spent == pytest.approx(2e9, rel=0.1)
    document = material.document(run / "report.json")
    training = next(arm["training"] for arm in document["arms"] if arm["name"] == "thoughts")
    assert training["flops"] == spent
    assert [stage["stage"] for stage in training["stages"]] == ["round 1: thinking", "thinking", "self_evaluation"]
    assert training["selected_step"] == stages[0]["selected_step"]
    wrote = result(run, "reflection/thoughts/1/own")
    assert training["reflection"] == [
        {"round": 1, **{key: wrote[key] for key in wrote if key != "student"}},
    ]
    assert "Reflection: what students wrote" in (run / "report.html").read_text()
    ended = mindsmirror(
        "ask", "runs/reflecting", "Ann has 4 pens and Bo has 9 pens. How many pens has Ann?", "--json", cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    assert 0 < json.loads(ended.out)["p_correct"] < 1


def test_too_small_a_budget_is_refused(tmp_path: Path, llama: Path) -> None:
    place(tmp_path, llama, budget="flops = 2e7")
    ended = mindsmirror("run", "reflecting.toml", cwd=tmp_path)
    assert ended.code == 10
    assert "not enough to reflect" in ended.errors[0]


def test_writing_that_was_cut_short_goes_on(tmp_path: Path, llama: Path) -> None:
    """A file that ends in the middle of a line, as a kill leaves it, is completed with the texts that were there."""
    place(tmp_path, llama, reflect="questions = 10")
    run = carried_out(tmp_path)
    expected, weights = own(run, "1", "own"), material.weights(run)
    folder = run / "reflection/thoughts/1/own"
    file = folder / "annotations.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    cut = random.Random(0)
    for kept in (0, 3, 9):
        file.write_bytes(b"".join(lines[:kept]) + lines[kept][: cut.randrange(1, len(lines[kept]) - 1)])
        (folder / "done.json").unlink()
        shutil.rmtree(run / "arms")
        carried_out(tmp_path)
        assert own(run, "1", "own") == expected
    assert material.weights(run) == weights


def test_a_recipe_with_fewer_rounds_leaves_none_of_the_others_behind(tmp_path: Path, llama: Path) -> None:
    text = place(tmp_path, llama, reflect="questions = 0\nrounds = 2").joinpath("reflecting.toml").read_text()
    run = carried_out(tmp_path)
    rounds = run / "reflection" / "thoughts"
    assert sorted(path.relative_to(rounds).as_posix() for path in rounds.glob("*/*")) == [
        f"{number}/{step}" for number in (1, 2) for step in ("own", "own-2", "student", "student-2")
    ]
    (tmp_path / "reflecting.toml").write_text(text.replace("questions = 0\nrounds = 2", "rounds = 1"))
    carried_out(tmp_path)
    assert sorted(path.relative_to(rounds).as_posix() for path in rounds.glob("*/*")) == ["1/own", "1/student"]
    [shown] = [arm for arm in material.document(run / "report.json")["arms"] if arm["mode"] == "think"]
    assert [each["round"] for each in shown["training"]["reflection"]] == [1]
    (tmp_path / "reflecting.toml").write_text(text.replace("labels =", "reflect = false\nlabels ="))
    carried_out(tmp_path)
    assert not list(rounds.glob("*/*"))


@pytest.mark.parametrize("reflect", ["rounds = 2", "questions = 0\nrounds = 2"])
def test_a_student_that_wrote_can_go_on_learning(tmp_path: Path, llama: Path, reflect: str) -> None:
    """Its next training begins where it stood, so its first loss is lower than that of one that begins at the base."""
    last: dict[str, Any] = {}
    for start in ("base", "student"):
        folder = tmp_path / start
        folder.mkdir()
        run = carried_out(place(folder, llama, reflect=f'{reflect}\nstart = "{start}"', budget="steps = 60"))
        last[start] = result(run, "arms/thoughts")["stages"][0]["losses"][0]
    assert last["student"] < last["base"] - 0.2


def test_each_half_goes_on_with_its_own_student(tmp_path: Path, llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: dict[str, str | None] = {}

    def train_once(training: ArmTraining, once: Once) -> TrainingResult:
        starts[once.step.removeprefix("reflection/thoughts/")] = once.start
        return training_module.train_once(training, once)

    monkeypatch.setattr(reflection, "train_once", train_once)
    run(place(tmp_path, llama, reflect='questions = 0\nrounds = 2\nstart = "student"') / "reflecting.toml", tmp_path)
    assert starts == {
        "1/student": None,
        "1/student-2": None,
        "2/student": "reflection/thoughts/1/student",
        "2/student-2": "reflection/thoughts/1/student-2",
        "arms/thoughts": "reflection/thoughts/2/student",
    }
