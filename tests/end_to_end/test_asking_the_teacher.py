"""A teacher that answers what the student is not sure of, through the command line."""

import json
from pathlib import Path

from end_to_end import material
from end_to_end.console import mindsmirror

from mindsmirror.engines.scripted import LOG_VARIABLE
from mindsmirror.records import Annotation, Prediction
from mindsmirror.system.files import read_records

RECIPE = """
name = "sending"

[task]
name = "words.jsonl"
train = 8
valid = 40
test = 12

[[teacher]]
model = "teacher"
engine = "scripted"
price = {{ input = 1.0, output = 2.0 }}

[annotation]
rationales = 2
valid = 40

[student]
model = "{student}"

[training]
learning_rate = 3e-3
budget = {{ steps = 30 }}
precision = "fp32"

[[arm]]
name = "thoughts"
method = "multi_cot"
labels = "gold"

[evaluation]
samples = 2
max_tokens = 60
untrained = false
escalate = {escalate}
"""


def place(folder: Path, student: Path, escalate: str) -> None:
    rows = [material.word_problem(number, "train") for number in range(8)]
    rows += [material.word_problem(number, "valid") for number in range(8, 48)]
    rows += [material.word_problem(number, "test") for number in range(48, 60)]
    material.write_rows(folder / "words.jsonl", rows)
    (folder / "sending.toml").write_text(RECIPE.format(student=student, escalate=escalate), encoding="utf-8")


def test_the_teacher_answers_test_questions_and_nothing_is_done_again_for_it(tmp_path: Path, llama: Path) -> None:
    place(tmp_path, llama, "false")
    assert mindsmirror("run", "sending.toml", cwd=tmp_path).code == 0
    run = tmp_path / "runs" / "sending"
    before = material.document(run / "report.json")
    assert before["escalations"] == []
    predicted = (run / "predictions/thoughts/done.json").stat().st_mtime_ns
    place(tmp_path, llama, "true")
    ended = mindsmirror("run", "sending.toml", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert (run / "predictions/thoughts/done.json").stat().st_mtime_ns == predicted
    answers = read_records(run / "teacher_answers/annotations.jsonl", Annotation)
    assert [len(each.rationales) for each in answers] == [1] * 12
    assert not any(each.evaluations for each in answers)
    document = material.document(run / "report.json")
    assert document["arms"] == before["arms"]
    [found] = document["escalations"]
    assert (found["arm"], found["n"]) == ("thoughts", 12)
    right = [each.rationales[0].answer == each.example.gold for each in answers]
    assert found["teacher"] == sum(right) / 12
    assert [sent["calls"] for sent in found["sent"]] == [0, 1, 3, 6, 12]
    whole = found["sent"][-1]
    spent = [each.provenance for each in answers]
    assert whole["tokens"] == sum(each.tokens_in + each.tokens_out for each in spent) > 0
    assert whole["usd"] > 0
    assert "Asking the teacher where it is not sure" in (run / "report.html").read_text()


def test_in_use_the_teacher_gives_the_answers_that_the_report_counts(tmp_path: Path, llama: Path) -> None:
    place(tmp_path, llama, "true\nrisk = 0.3")
    assert mindsmirror("run", "sending.toml", cwd=tmp_path).code == 0
    log = tmp_path / "log"
    ended = mindsmirror(
        *("ask", "sending", "--file", "words.jsonl", "--mode", "predict", "--escalate"),
        cwd=tmp_path,
        environment={LOG_VARIABLE: str(log)},
    )
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in ended.out.splitlines()]
    report = material.document(tmp_path / "runs/sending/report.json")
    withheld = {
        each.example
        for each in read_records(tmp_path / "runs/sending/predictions/thoughts/predict.jsonl", Prediction)
        if each.abstained
    }
    sent = [row for row in rows if row["split"] == "test" and row["teacher"] is not None]
    assert len(sent) == len(withheld) > 0 and report["escalations"]
    answers = read_records(tmp_path / "runs/sending/teacher_answers/annotations.jsonl", Annotation)
    said = {each.example.text: each for each in answers}
    for row in sent:
        expected = said[row["question"]]
        assert row["answer"] == expected.rationales[0].answer and row["text"] == expected.rationales[0].text
        assert row["teacher"]["tokens_in"] == expected.provenance.tokens_in
        assert row["teacher"]["tokens_out"] == expected.provenance.tokens_out
    # Test questions are in the store. The others were asked for two rationales, of which the first is in it, too.
    assert material.served(log) == []


def test_a_file_of_annotations_cannot_answer(tmp_path: Path, llama: Path) -> None:
    place(tmp_path, llama, "true")
    recipe = (tmp_path / "sending.toml").read_text()
    begin, end = recipe.index("[[teacher]]"), recipe.index("[annotation]")
    recipe = recipe[:begin] + recipe[end:].replace("rationales = 2", 'file = "given.jsonl"')
    (tmp_path / "sending.toml").write_text(recipe)
    (tmp_path / "given.jsonl").write_text("")
    ended = mindsmirror("run", "sending.toml", cwd=tmp_path)
    assert ended.code != 0
    assert "evaluation.escalate" in ended.err
