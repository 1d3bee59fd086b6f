"""What a trained student abstains from is sent to its run's teacher, and nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror as command
from openai import BadRequestError, OpenAI
from served import serving

import mindsmirror
from mindsmirror.errors import DataError, RecipeError
from mindsmirror.inference.confidence import AnswerModel, Calibration, SampleModel, Weight
from mindsmirror.inference.question import Reply
from mindsmirror.server.config import ServerConfig

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


def completed(client: OpenAI, question: str, *, stream: bool, **wishes: Any) -> tuple[str, Any, Any]:
    """The text of a reply, its extension, and its usage."""
    create: Any = client.chat.completions.create
    asked = {"model": client.models.list().data[0].id, "messages": [{"role": "user", "content": question}]}
    extra = {"mindsmirror": wishes}
    if not stream:
        reply = create(**asked, extra_body=extra)
        [choice] = reply.choices
        return choice.message.content, choice.mindsmirror, reply.usage.model_dump()
    options = {"stream": True, "stream_options": {"include_usage": True}}
    pieces: list[Any] = list(create(**asked, **options, extra_body=extra))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    [said] = [piece.choices[0].mindsmirror for piece in pieces if piece.choices and piece.choices[0].finish_reason]
    return text, said, pieces[-1].usage.model_dump()


@pytest.fixture
def run(copied: Finished, tmp_path: Path) -> Path:
    """A run whose student abstains from about half of the questions."""
    threshold(copied.run, 0.0)
    sure = sorted({reply.confidence for reply in own_replies(copied.run) if reply.confidence is not None})
    # Between two of them: another batch rounds a confidence otherwise.
    threshold(copied.run, (sure[len(sure) // 2 - 1] + sure[len(sure) // 2]) / 2)
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


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_asks_the_teacher_what_the_student_abstains_from(run: Path, tmp_path: Path, stream: bool) -> None:
    own, student = own_replies(run), mindsmirror.load(run)
    with (
        serving(student, ServerConfig(port=0, escalate=True)) as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        [about, *_] = client.models.list()
        assert about.model_dump()["mindsmirror"]["escalates"]
        for before in own:
            text, said, usage = completed(client, before.question, stream=stream)
            by = "teacher" if before.abstained else "student"
            assert (said["answered_by"], said["teacher"] is None) == (by, not before.abstained)
            if not before.abstained:
                assert (text, said["answer"], said["student"]) == (before.text, before.answer, None)
                continue
            teacher = said["teacher"]
            assert text == teacher["text"] != before.text and said["answer"] == teacher["answer"] is not None
            assert said["confidence"] is None and not said["abstained"]
            student_said = said["student"]
            assert (student_said["answer"], student_said["text"]) == (before.answer, before.text)
            assert student_said["confidence"] == pytest.approx(before.confidence, rel=1e-5)
            assert usage["completion_tokens"] == before.tokens + teacher["tokens_out"]
            kept, said, _ = completed(client, before.question, stream=stream, escalate=False)
            assert kept == before.text and said["teacher"] is None and said["abstained"]
        metrics = httpx2.get(f"{address}/metrics").text
    sent = sum(reply.abstained for reply in own)
    assert len(material.served(tmp_path / "log")) == sent
    assert f'mindsmirror_sent_total{{outcome="answered"}} {sent}.0' in metrics
    assert "mindsmirror_teacher_usd_total 0.0\n" not in metrics


def test_a_server_whose_teacher_is_down_leaves_the_students_replies(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    own = own_replies(run)
    keys: dict[str, Any] = {"engine": "openai", "base_url": "http://127.0.0.1:9/v1", "parameters": {"retries": 0}}
    teacher(run, tmp_path / "log", **keys)
    student = mindsmirror.load(run)
    with (
        serving(student, ServerConfig(port=0, escalate=True)) as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        for before in own:
            text, said, _ = completed(client, before.question, stream=False)
            assert (text, said["answered_by"], said["abstained"]) == (before.text, "student", before.abstained)
            assert before.abstained == bool(said["teacher"]) and (not said["teacher"] or said["teacher"]["error"])


def test_a_request_for_a_teacher_that_there_is_not_is_refused(run: Path) -> None:
    student = mindsmirror.load(run)
    with (
        serving(student) as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(BadRequestError, match="must be started with --escalate"),
    ):
        completed(client, QUESTIONS[0], stream=False, escalate=True)
    with (
        serving(student, ServerConfig(port=0, escalate=True)) as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(BadRequestError, match="abstains from nothing in mode predict"),
    ):
        completed(client, QUESTIONS[0], stream=False, escalate=True, mode="predict")


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
