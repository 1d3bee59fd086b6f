"""Others' rationales joined to a task's questions: by key, parsed like our own, and counted."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pytest import approx

from mindsmirror.annotation.imports.importing import SplitCounts, count_by_split, import_annotations
from mindsmirror.answers import Choice, Number
from mindsmirror.delivery.rows import rationale_rows
from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.records import Annotation, CalibrationTarget, DualKind, Example, Parse, Verdict
from mindsmirror.tasks import TaskConfig, load_task
from mindsmirror.tasks.base import Splits, Task

DATA = Path(os.environ.get("MINDSMIRROR_DATA", Path(__file__).parents[4] / "shared" / "data"))
PALM = DATA / "dss_palm540b"
needs_data = pytest.mark.skipif(not (DATA / "svamp/all.jsonl").is_file(), reason="the benchmark data is not here")

SUMS = Task(
    name="sums",
    version=1,
    licence="",
    answers=Number(),
    splits=Splits(
        train=(Example(id="a", text="1 + 1?", gold="2"), Example(id="b", text="1 + 2?", gold="3")),
        valid=(Example(id="c", text="1 + 3?"),),
        test=(Example(id="d", text="1 + 4?", gold="5"),),
    ),
)


def imported(folder: Path, *rows: dict[str, Any], teacher: str | None = None) -> list[Annotation]:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(import_annotations("jsonl", [path], SUMS, teacher).annotations)


def test_rows_find_their_question_by_id_or_text_in_any_order(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        {"id": "d", "rationale": "It is 5. The answer is 5."},
        {"question": " 1 +  1? ", "rationale": "First. The answer is 2."},
        {"id": "a", "rationale": "Second. The answer is 3."},
    )
    assert [(a.example.id, a.split) for a in found] == [("a", "train"), ("d", "test")]
    first, second = found[0].rationales
    assert (first.sample, first.reasoning, first.answer, first.right) == (0, "First.", "2", True)
    assert (second.sample, second.reasoning, second.answer, second.right) == (1, "Second.", "3", False)


def test_an_answer_beside_the_text_counts_where_the_text_states_none(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        {"id": "a", "rationale": "One and one.", "answer": 2},
        {"id": "a", "rationale": "I am sorry, it is obvious.", "answer": "2"},
        {"id": "a", "rationale": "One and one. The answer is 4.", "answer": 2},
        {"id": "a", "rationale": "One and one.", "answer": "many"},
        {"id": "a", "rationale": " ", "answer": 2},
    )
    parsed = [(r.reasoning, r.answer, r.parse, r.right) for r in found[0].rationales]
    assert parsed == [
        ("One and one.", "2", Parse.OK, True),
        ("I am sorry, it is obvious.", "2", Parse.OK, True),
        ("One and one.", "4", Parse.OK, False),
        ("One and one.", None, Parse.BAD_ANSWER, None),
        ("", None, Parse.EMPTY, None),
    ]
    assert "'many'" in found[0].rationales[3].reason


def test_evaluations_stay_with_their_rationale(tmp_path: Path) -> None:
    wrong = "No.\nEvaluation result: the given answer is wrong."
    rows: list[dict[str, Any]] = [
        {"id": "a", "rationale": "It."},
        {"id": "a", "rationale": "One. The answer is 3.", "evaluations": [wrong, "Hm."]},
        {"id": "a", "rationale": "One. The answer is 2.", "evaluations": [{"verdict": "correct", "critique": "Yes."}]},
    ]
    [found] = imported(tmp_path, *rows)
    assert [(e.rationale, e.sample, e.verdict, e.critique) for e in found.evaluations] == [
        (1, 0, Verdict.WRONG, "No."),
        (1, 1, Verdict.UNPARSED, "Hm."),
        (2, 0, Verdict.CORRECT, "Yes."),
    ]
    assert Annotation.model_validate_json(found.model_dump_json()) == found


def test_what_a_judge_of_likelihoods_gave_goes_out_and_comes_in(tmp_path: Path) -> None:
    weighed = {"verdict": "wrong", "source": "likelihood", "likelihood": 0.75, "p_correct": 0.4, "calibration": "gold"}
    raw = {"verdict": "correct", "source": "likelihood", "likelihood": 1}
    [found] = imported(tmp_path, {"id": "a", "rationale": "One. The answer is 2.", "evaluations": [weighed, raw]})
    assert [(e.likelihood, e.p_correct, e.calibration, e.parse) for e in found.evaluations] == [
        (0.75, 0.4, CalibrationTarget.GOLD, Parse.OK),
        (1.0, None, None, Parse.OK),
    ]
    [row] = rationale_rows([found])["train"]
    [again] = imported(tmp_path, row)
    assert again.evaluations == found.evaluations


def test_duals_stay_with_their_rationale_and_are_held_against_gold(tmp_path: Path) -> None:
    duals = [
        {"kind": "corrupted", "rationale": "One. The answer is 4."},
        {"kind": "corrupted", "rationale": "Two. The answer is 2.", "teacher": "other"},
        {"kind": "rectified", "rationale": "Three. The answer is 2."},
    ]
    [found] = imported(
        tmp_path,
        {"id": "a", "rationale": "It."},
        {"id": "a", "rationale": "One. The answer is 2.", "teacher": "t", "duals": duals},
    )
    assert [(d.kind, d.of, d.sample, d.teacher, d.answer, d.parse) for d in found.duals] == [
        (DualKind.CORRUPTED, 1, 0, "t", "4", Parse.OK),
        (DualKind.CORRUPTED, 1, 1, "other", None, Parse.MISSED),
        (DualKind.RECTIFIED, 1, 0, "t", "2", Parse.OK),
    ]
    [row] = [row for row in rationale_rows([found])["train"] if row["duals"]]
    [again] = imported(tmp_path, {"id": "a", "rationale": "It."}, row)
    assert again.duals == found.duals


def test_who_wrote_them_is_kept(tmp_path: Path) -> None:
    rows = [{"id": "a", "rationale": "x", "teacher": "t"}, {"id": "b", "rationale": "x"}]
    first, second = imported(tmp_path, *rows)
    assert (first.provenance.teacher, second.provenance.teacher) == ("t", "unknown")
    assert first.provenance.source.startswith("jsonl: own.jsonl sha256:")
    assert (first.provenance.prompt, first.provenance.temperature) == ("unknown", None)
    assert {a.provenance.teacher for a in imported(tmp_path, *rows, teacher="me")} == {"me"}


def test_several_files_add_up_and_strangers_are_counted(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text('{"id": "a", "rationale": "x"}\n{"id": "z", "rationale": "x"}\n')
    two.write_text('{"id": "a", "rationale": "y"}\n{"question": "Why?", "rationale": "x"}\n')
    found = import_annotations("jsonl", [one, two], SUMS)
    assert [r.text for r in found.annotations[0].rationales] == ["x", "y"]
    assert found.elsewhere == 2


def test_files_of_another_task_are_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: the id 'z' is none of the task sums.*like 'a': '1 \+ 1\?'"):
        imported(tmp_path, {"id": "z", "rationale": "x"})
    with pytest.raises(DataError, match=r"line 1: the question 'W+…' is none of the task sums"):
        imported(tmp_path, {"question": "W" * 99, "rationale": "x"})
    with pytest.raises(UnknownNameError, match=r"'minds_miror'. Did you mean 'minds_mirror'"):
        import_annotations("minds_miror", [], SUMS)


def test_counts_are_of_each_split_and_unparsed_is_not_right(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        {"id": "a", "rationale": "The answer is 2.", "evaluations": [{"verdict": "correct", "critique": "c"}]},
        {"id": "a", "rationale": "Hm."},
        {"id": "c", "rationale": "The answer is 4."},
    )
    train, valid = count_by_split(found, SUMS)
    none = dict.fromkeys(Verdict, 0)
    assert train == SplitCounts("train", 1, 2, 1, 2, 1, 1, none | {Verdict.CORRECT: 1})
    assert (train.parsed_share, train.accuracy) == (0.5, 0.5)
    assert valid == SplitCounts("valid", 1, 1, 1, 0, 0, 0, none)
    assert (valid.parsed_share, valid.accuracy) == (1.0, None)


def test_choices_are_read_against_the_question(tmp_path: Path) -> None:
    example = Example(id="q", text="Where?", choices={"a": "lake", "b": "desert"}, gold="lake")
    task = Task("fish", 1, "", Choice(), Splits((example,), (), ()))
    path = tmp_path / "palm.jsonl"
    path.write_text(json.dumps({"id": "q", "raw": "Water. So the answer is (a) lake.\n\nQ: Who?"}))
    [found] = import_annotations("step_by_step", [path], task).annotations
    assert (found.rationales[0].answer, found.rationales[0].right) == ("lake", True)
    assert found.provenance.teacher == "PaLM-540B"


@needs_data
def test_the_official_sample_comes_in_whole() -> None:
    task = load_task(TaskConfig(name="svamp", data_dir=DATA))
    found = import_annotations("minds_mirror", [DATA / "minds_mirror_official"], task)
    train, test = count_by_split(found.annotations, task)
    for counts in (train, test):
        assert (counts.questions, counts.rationales, counts.evaluations) == (2, 10, 50)
        assert (counts.parsed, counts.right) == (10, 10)
    verdicts = {verdict: train.verdicts[verdict] + test.verdicts[verdict] for verdict in Verdict}
    assert verdicts == {Verdict.CORRECT: 83, Verdict.WRONG: 15, Verdict.UNCERTAIN: 2, Verdict.UNPARSED: 0}
    assert found.elsewhere == 0


@needs_data
@pytest.mark.parametrize(
    ("name", "file", "rows", "read_me"),
    [
        ("svamp", "svamp_train", 800, 0.731),
        ("svamp", "svamp_test", 200, 0.740),
        ("csqa", "cqa_dev", 1221, 0.787),
        ("anli_r1", "anli_r1_dev", 1000, 0.668),
        ("anli_r1", "anli_r1_test", 1000, 0.656),
    ],
)
def test_palms_completions_are_as_accurate_as_the_data_says(name: str, file: str, rows: int, read_me: float) -> None:
    """The stated accuracy is that of a quick parse, which ours betters by up to four points."""
    task = load_task(TaskConfig(name=name, data_dir=DATA))
    found = import_annotations("step_by_step", [PALM / f"{file}.jsonl.gz"], task)
    counted = count_by_split(found.annotations, task)
    assert sum(counts.rationales for counts in counted) == rows and found.elsewhere == 0
    assert sum(counts.parsed for counts in counted) / rows > 0.95
    assert sum(counts.right for counts in counted) / rows == approx(read_me + 0.02, abs=0.021)
    texts = [rationale.text for annotation in found.annotations for rationale in annotation.rationales]
    assert not any("\nQ:" in text or "\nPremise:" in text for text in texts)
