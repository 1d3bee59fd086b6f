"""What a trained student abstains from is sent to its run's teacher, and nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror as command

import mindsmirror
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.inference.confidence import AnswerModel, Calibration, SampleModel, Weight
from mindsmirror.inference.question import Reply

QUESTIONS = [material.word_problem(number, "test")["question"] for number in range(20, 27)]
"""Nobody was asked them before."""
PRICE = {"input": 1.0, "output": 2.0}


def threshold(run: Path, least: float | None) -> None:
    """Plant a confidence by the log-probability alone, and the least that the student gives an answer with."""
    path = run / "arms/mirror/model/mindsmirror.json"
    likely = SampleModel(intercept=0.0, weights={"log_probability": Weight(mean=-1.0, deviation=1.0, weight=1.0)})
    model = AnswerModel(sample=likely, strength=1.0, slope=1.0, intercept=0.0, threshold=least)
    found = Calibration(temperature=0.7, modes={"think": model}, preferred="think")
    path.write_text(json.dumps(material.document(path) | {"calibration": found.model_dump(mode="json")}))


def teacher(run: Path, log: Path, annotation: Mapping[str, Any] | None = None, **keys: Any) -> None:
    """Change the teacher of a run's recipe, and other keys of it; what it is asked is noted in `log`."""
    path = run / "recipe.json"
    recipe = material.document(path)
    parameters = keys.pop("parameters", {}) | ({} if "base_url" in keys else {"log": str(log)})
    recipe["teacher"][0] |= {"price": PRICE, "parameters": parameters} | keys
    recipe["annotation"] |= annotation or {}
    path.write_text(json.dumps(recipe))


def own_replies(run: Path) -> list[Reply]:
    return mindsmirror.load(run).ask_many(QUESTIONS)


@pytest.fixture
def run(copied: Finished, tmp_path: Path) -> Path:
    """A run whose student abstains from about half of the questions."""
    threshold(copied.run, 0.0)
    sure = [reply.confidence for reply in own_replies(copied.run) if reply.confidence is not None]
    threshold(copied.run, median(sure))
    teacher(copied.run, tmp_path / "log")
    return copied.run


def test_what_the_student_abstains_from_is_answered_by_the_teacher(run: Path, tmp_path: Path) -> None:
    own = own_replies(run)
    abstained = [reply.abstained for reply in own]
    assert 0 < sum(abstained) < len(own)
    replies = mindsmirror.load(run).ask_many(QUESTIONS, escalate=True)
    for reply, before in zip(replies, own, strict=True):
        if not before.abstained:
            assert reply == before
            continue
        said = reply.teacher
        assert said is not None and reply.student == before and reply.answered_by == "teacher"
        assert (reply.answer, reply.text, reply.tokens) == (said.answer, said.text, said.tokens_out)
        assert reply.answer is not None and reply.answer in reply.text and reply.text != before.text
        assert reply.confidence is None and not reply.abstained
        assert said.name == "teacher" and said.error == "" and said.tokens_in > 0 and said.tokens_out > 0
        assert said.usd == pytest.approx((said.tokens_in * 1.0 + said.tokens_out * 2.0) / 1e6)
    assert len(material.served(tmp_path / "log")) == sum(abstained)
    # What is in the store is not asked again, one by one no more than together.
    assert mindsmirror.ask(run, QUESTIONS[abstained.index(True)], escalate=True).answered_by == "teacher"
    assert mindsmirror.load(run).ask_many(QUESTIONS, escalate=True) == replies
    assert len(material.served(tmp_path / "log")) == sum(abstained)


def test_nothing_is_asked_where_the_student_is_sure(run: Path, tmp_path: Path) -> None:
    # Where no answer can be read, it abstains from every threshold.
    sure = [reply.question for reply in own_replies(run) if reply.confidence is not None]
    threshold(run, 0.0)
    # A store that must not be opened: it is no database.
    (run.parent / "store.sqlite").write_bytes(b"no database" * 100)
    replies = mindsmirror.load(run).ask_many(sure, escalate=True)
    assert sure and all(reply.teacher is None and reply.answered_by == "student" for reply in replies)
    assert material.served(tmp_path / "log") == []


@pytest.mark.parametrize(
    ("changed", "annotation", "error"),
    [
        ({"parameters": {"failed": 1.0}}, {}, "scripted failure"),
        (
            {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "parameters": {"retries": 0}},
            {},
            "127.0.0.1:9",
        ),
        ({}, {"budget": {"tokens": 1}}, "annotation.budget.tokens = 1"),
        ({"parameters": {"malformed": 1.0}}, {}, "answer"),
    ],
    ids=["failed", "down", "capped", "unread"],
)
def test_a_teacher_without_an_answer_leaves_the_students(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    annotation: dict[str, Any],
    error: str,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    own = own_replies(run)
    teacher(run, tmp_path / "log", annotation, **changed)
    replies = mindsmirror.load(run).ask_many(QUESTIONS, escalate=True)
    assert [reply.model_copy(update={"teacher": None}) for reply in replies] == own
    said = [reply.teacher for reply in replies if reply.teacher is not None]
    assert [reply.teacher is not None for reply in replies] == [reply.abstained for reply in own]
    assert all(each.answer is None and error in each.error for each in said), said
    if "malformed" in changed.get("parameters", {}):
        assert all(each.text and each.tokens_out and each.usd for each in said)
    ended = command("ask", run, QUESTIONS[[each.abstained for each in own].index(True)], "--escalate", cwd=tmp_path)
    assert ended.code == 0 and "it abstains" in ended.out
    assert "its teacher teacher was asked and gave no answer" in ended.out and error in ended.out


def test_a_file_of_questions_says_who_answered(run: Path, tmp_path: Path) -> None:
    own = own_replies(run)
    lines = [{"question": question, "id": place} for place, question in enumerate(QUESTIONS)]
    file = material.write_rows(tmp_path / "questions.jsonl", lines)
    ended = command("ask", run, "--file", file, "--escalate", cwd=tmp_path)
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [row["id"] for row in rows] == list(range(len(QUESTIONS)))
    who = ["teacher" if reply.abstained else "student" for reply in own]
    assert [row["answered_by"] for row in rows] == who
    sent = [row for row in rows if row["answered_by"] == "teacher"]
    assert [row["student"]["answer"] for row in sent] == [reply.answer for reply in own if reply.abstained]
    tokens = sum(row["teacher"]["tokens_in"] + row["teacher"]["tokens_out"] for row in sent)
    assert f"{len(sent)} questions sent to the teacher, {len(sent)} answered, {tokens} tokens ($" in ended.err
    told = command("ask", run, QUESTIONS[who.index("teacher")], "--escalate", cwd=tmp_path).out
    assert told.startswith(f"answer: {sent[0]['answer']}\n")
    assert "by the teacher teacher, with " in told and "the student abstains; it " in told


def test_what_cannot_be_sent_is_refused_before_anything_is_answered(
    copied: Finished, run: Path, tmp_path: Path
) -> None:
    question = QUESTIONS[0]
    alone = mindsmirror.load(run / "arms/mirror/model")
    with pytest.raises(DataError, match="Give the folder of the run"):
        alone.ask(question, escalate=True)
    ended = command("ask", run / "arms/mirror/model", question, "--escalate", cwd=tmp_path)
    assert (ended.code, ended.out) == (DataError.exit_code, "")
    with pytest.raises(RecipeError, match=r"evaluation\.risk.*promises no risk"):
        mindsmirror.load(run).ask(question, mode="predict", escalate=True)
    threshold(run, None)
    ended = command("ask", run, question, "--escalate", cwd=tmp_path)
    assert (ended.code, ended.out) == (RecipeError.exit_code, "")
    assert "evaluation.risk" in ended.err and "risk = 0.1" in ended.err
    recipe = material.document(run / "recipe.json")
    (run / "recipe.json").write_text(json.dumps(recipe | {"evaluation": recipe["evaluation"] | {"risk": 0.1}}))
    with pytest.raises(RecipeError, match=r"no threshold in mode think\. Run `mindsmirror evaluate"):
        mindsmirror.ask(run, question, escalate=True)
    threshold(run, 0.5)
    recipe["annotation"] |= {"file": str(tmp_path / "given.jsonl")}
    (run / "recipe.json").write_text(json.dumps(recipe | {"teacher": []}))
    with pytest.raises(RecipeError, match=r"annotation\.file.*no teacher to ask"):
        mindsmirror.ask(run, question, escalate=True)
    assert material.served(tmp_path / "log") == []
