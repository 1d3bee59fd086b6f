"""A run that was copied elsewhere, without its data, does all that it did at home; a student's folder answers alone."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from end_to_end import material
from end_to_end.conftest import Finished
from end_to_end.console import mindsmirror as command

import mindsmirror
from mindsmirror.errors import DataError, ModelFileError, UnknownNameError

QUESTION = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"


@pytest.fixture
def away(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run alone, under another name, in a folder without its recipe, data and store, from which it is used."""
    shutil.copytree(finished.run, tmp_path / "elsewhere" / "renamed")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "elsewhere" / "renamed"


def test_a_run_away_from_its_data_is_evaluated_reported_browsed_and_exported(finished: Finished, away: Path) -> None:
    before = material.document(away / "report.json")
    for verb in ("report", "evaluate", "browse"):
        ended = command(verb, away, "--json", cwd=away.parents[1])
        assert ended.code == 0, ended.err
    after = material.document(away / "report.json")
    assert after["arms"] == before["arms"] and after["examples"] == before["examples"]
    assert [example["question"] for example in after["examples"]]
    assert mindsmirror.export_annotations(away, "data", "jsonl") == mindsmirror.export_annotations(
        finished.run, "same", "jsonl"
    )
    ended = command("evaluate", away, "--split", "valid", "--mode", "think", "--json", cwd=away.parents[1])
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["arms"][0]["n"] == material.VALID
    assert not (away.parent / "tiny").exists()


def test_a_student_alone_answers_as_in_its_run(finished: Finished, tmp_path: Path) -> None:
    at_home = mindsmirror.ask(finished.run, QUESTION)
    shutil.copytree(finished.run / "arms/mirror/model", tmp_path / "student")
    student = mindsmirror.load(tmp_path / "student")
    assert student.ask(QUESTION) == at_home
    assert mindsmirror.load(str(tmp_path / "student"), "mirror").description == student.description
    ended = command("ask", tmp_path / "student", QUESTION, "--json", cwd=tmp_path)
    assert json.loads(ended.out)["rationale"] == at_home.rationale
    with pytest.raises(UnknownNameError, match="no arm is called 'labels'"):
        mindsmirror.load(tmp_path / "student", "labels")


def test_what_stands_beside_a_student_says_how_it_is_asked(finished: Finished) -> None:
    said = material.document(finished.run / "arms/mirror/model/mindsmirror.json")
    assert (said["run"], said["arm"], said["method"]) == ("tiny", "mirror", "minds_mirror")
    assert said["answers"]["kind"] == "number" and said["default_mode"] == "think"
    assert said["modes"] == list(material.MODES["mirror"]) and (said["samples"], said["max_tokens"]) == (2, 60)
    assert said["verdict"] == {"tag": "verdict", "sees_question": True, "words": ["correct", "wrong", "uncertain"]}
    assert said["prompts"] == {
        "predict": "<s><u>{question}\n\npredict</s><r>",
        "think": "<s><u>{question}\n\nexplain</s><r>",
        "verdict": "<s><u>{question}\n\nexplain</s><r>{rationale}</s><u>verdict</s><r>",
    }
    labels = material.document(finished.run / "arms/labels/model/mindsmirror.json")
    assert labels["modes"] == ["predict"] and labels["verdict"] is None and set(labels["prompts"]) == {"predict"}


def test_what_stands_beside_a_student_can_be_read_by_whom_the_umask_lets(finished: Finished) -> None:
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (finished.run / "arms/mirror/model").iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask, path.name
    for path in (finished.run / "task").iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask, path.name


def test_a_run_of_a_version_that_kept_less_is_asked_by_its_recipe(
    copied: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = mindsmirror.ask(copied.run, QUESTION, mode="mirror")
    for path in copied.run.glob("arms/*/model/mindsmirror.json"):
        path.unlink()
    shutil.rmtree(copied.run / "task")
    monkeypatch.chdir(copied.folder)
    assert mindsmirror.ask(copied.run, QUESTION, mode="mirror") == expected
    (copied.folder / "words.jsonl").unlink()
    with pytest.raises(DataError, match=r"words\.jsonl"):
        mindsmirror.ask(copied.run, QUESTION)


def test_a_description_that_is_none_is_said(copied: Finished) -> None:
    path = copied.run / "arms/mirror/model/mindsmirror.json"
    said = material.document(path)
    for text, fault in (
        ("{", "cannot be read"),
        (json.dumps(said | {"modes": ["guess"]}), r"modes\.0: must be 'predict'"),
        (json.dumps(said | {"max_tokns": 3}), "Did you mean 'max_tokens'"),
    ):
        path.write_text(text)
        with pytest.raises(ModelFileError, match=fault):
            mindsmirror.load(path.parent)


def test_a_folder_that_is_neither_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is neither a run nor a student"):
        mindsmirror.load(tmp_path)


def test_many_questions_are_answered_as_one_by_one(finished: Finished) -> None:
    student = mindsmirror.load(finished.run)
    asked: list[str | dict[str, Any] | mindsmirror.Question] = [
        QUESTION,
        {"question": "Where is money?", "choices": ["bank", "river"], "mode": "vote"},
    ]
    asked += [mindsmirror.Question(question=f"{QUESTION} {n}", mode="mirror", seed=n) for n in range(3)]
    asked += [{"question": "2 + 2?", "mode": "predict"}, {"question": QUESTION, "mode": "vote", "samples": 3}, QUESTION]
    told: dict[int, str] = {}
    replies = student.ask_many(asked, on_text=lambda place, piece: told.update({place: told.get(place, "") + piece}))
    assert [reply.mode for reply in replies] == [
        "think",
        "vote",
        "mirror",
        "mirror",
        "mirror",
        "predict",
        "vote",
        "think",
    ]
    for each, reply in zip(asked, replies, strict=True):
        [alone] = student.ask_many([each])
        ours, theirs = alone.model_dump(), reply.model_dump()
        for key in ("p_correct", "confidence"):
            share = theirs.pop(key)
            assert ours.pop(key) == (None if share is None else pytest.approx(share, rel=1e-4))
        assert ours == theirs
        assert reply.text and str(reply)
    assert told[0] == replies[0].text == told[7] and 5 in told
    assert student.ask_many([]) == []


def test_a_question_that_is_none_is_said(finished: Finished) -> None:
    student = mindsmirror.load(finished.run)
    with pytest.raises(DataError, match="Did you mean 'question'"):
        student.ask_many([{"qestion": "2?"}])
    with pytest.raises(DataError, match="must not be empty"):
        student.ask("")
    with pytest.raises(UnknownNameError, match="no mode is called 'guess'"):
        student.ask("2?", mode="guess")


def test_lines_are_answered_by_lines(finished: Finished, tmp_path: Path) -> None:
    student = mindsmirror.load(finished.run)
    rows: list[dict[str, Any]] = [
        {"id": "first", "question": QUESTION, "answer": 5},
        {"question": "Where?", "choices": ["bank", "river"], "mode": "vote"},
    ]
    lines = [*map(json.dumps, rows), "", "How many pens has Bo?"]
    (tmp_path / "asked.jsonl").write_text("\n".join(lines))
    ended = command("ask", finished.run, "--file", "asked.jsonl", cwd=tmp_path)
    assert ended.code == 0, ended.err
    said = [json.loads(line) for line in ended.out.splitlines()]
    expected = student.ask_many([QUESTION, rows[1], lines[-1]])
    assert (
        [each["question"] for each in said] == [QUESTION, "Where?", lines[-1]]
        and said[0]["id"] == "first"
        and said[0]["gold"] == 5
    )
    assert [(each["answer"], each["text"], each["mode"]) for each in said] == [
        (reply.answer, reply.text, reply.mode) for reply in expected
    ]
    (tmp_path / "wrong.jsonl").write_text(f'{QUESTION}\n{{"qestion": "2?"}}\n')
    ended = command("ask", finished.run, "--file", "wrong.jsonl", cwd=tmp_path)
    assert ended.code == DataError.exit_code and "wrong.jsonl, line 2" in ended.err


def test_a_run_is_looked_at_from_python(away: Path) -> None:
    run = mindsmirror.open_run(str(away))
    assert run.arms == ("labels", "mirror") and run.report.name == run.recipe.name == "tiny"
    assert len(run.annotations) == material.TRAIN + material.VALID
    rows = run.predictions()
    wanted = [(arm, mode) for arm, modes in material.MODES.items() for mode in modes]
    assert list(dict.fromkeys((row.arm, row.mode) for row in rows)) == wanted
    gold = {row["id"]: str(row["answer"]) for row in material.word_problems()}
    for row in rows:
        assert row.gold == gold[row.id] and "How many pens" in row.question
    shares = {(arm.name, arm.mode): arm.accuracy for arm in run.report.arms}
    for pair in wanted:
        own = run.predictions(*pair)
        assert sum(bool(row.right) for row in own) / len(own) == shares[pair]
    frame = rows.to_pandas()
    assert len(frame) == len(rows) and list(frame.gold) == [row.gold for row in rows]
    assert run.student("labels").ask(QUESTION).arm == "labels"
    with pytest.raises(UnknownNameError, match="no arm is called 'miror'"):
        run.predictions("miror")
    with pytest.raises(DataError, match="has no such predictions"):
        run.predictions("labels", "vote")
