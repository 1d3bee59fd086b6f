"""Others' files of rationales, each kind by hand: what is read, what is cut off, and how what is wrong is named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindsmirror.annotation.imports.foreign import ForeignEvaluation, ForeignRationale
from mindsmirror.annotation.imports.formats import FORMATS
from mindsmirror.annotation.imports.jsonl import read_jsonl
from mindsmirror.annotation.imports.minds_mirror import read_minds_mirror
from mindsmirror.annotation.imports.step_by_step import read_step_by_step
from mindsmirror.errors import DataError
from mindsmirror.records import Verdict, VerdictSource


def write(path: Path, *rows: Any) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def official(path: Path, *steps: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"steps": [{"step": 0, **step}], "time": 1.5} for step in steps]), encoding="utf-8")
    return path


STEP: dict[str, Any] = {
    "x": '"input":"Ann has 2 pens.\\nHow \\"many\\"?"\n',
    "ys": [""],
    "new_ys": ["Two. The answer is (2).", "Hm."],
    "value_outputs_list": [["Good.\n\nEvaluation result: the given answer is correct.", "Bad."], []],
    "values": [1.0, 2.0],
}


def test_an_official_record_gives_its_rationales_with_their_own_evaluations(tmp_path: Path) -> None:
    file = official(tmp_path / "train_CoT_0.json", STEP)
    where = f"{file}, record 0, step 0"
    question = 'Ann has 2 pens.\nHow "many"?'
    said = tuple(ForeignEvaluation(text) for text in STEP["value_outputs_list"][0])
    assert list(read_minds_mirror(file)) == [
        ForeignRationale(where, "Two. The answer is (2).", question=question, evaluations=said),
        ForeignRationale(where, "Hm.", question=question),
    ]


def test_a_folder_of_official_files_is_read_and_its_copies_once(tmp_path: Path) -> None:
    official(tmp_path / "tree1/llm/train_CoT_0.json", STEP)
    official(tmp_path / "tree2/llm/train_CoT_0.json", STEP)
    official(tmp_path / "tree1/llm/test_CoT_0.json", {"x": "Plain?", "new_ys": ["a"]})
    (tmp_path / "tree1/svamp_train.json").write_text("no JSON, and none of them")
    found = list(read_minds_mirror(tmp_path))
    assert [rationale.question for rationale in found] == ["Plain?"] + ['Ann has 2 pens.\nHow "many"?'] * 2
    assert found[0].evaluations == ()


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"x": "Q?", "new_ys": ["a", "b"], "value_outputs_list": [["c"]]}, "record 1, step 0.*2 rationales.*judges 1"),
        ({"x": "Q?"}, r"record 1: steps\.0\.new_ys: is missing"),
        ({"x": "Q?", "new_ys": "ab"}, r"record 1: steps\.0\.new_ys: .*list"),
        ({"x": "Q?", "new_ys": [3]}, r"record 1: steps\.0\.new_ys\.0: must be a text in quotes, not 3"),
        ({"x": 3, "new_ys": []}, r"record 1: steps\.0\.x: must be a text in quotes, not 3"),
    ],
)
def test_an_official_record_that_is_wrong_is_named(tmp_path: Path, step: dict[str, Any], named: str) -> None:
    file = official(tmp_path / "train_CoT_0.json", STEP, step)
    with pytest.raises(DataError, match=rf"train_CoT_0\.json, {named}"):
        list(read_minds_mirror(file))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"[", "is not JSON"),
        (b"\xff\xfe", "is not JSON in UTF-8"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"steps": []}', "is not an official file: it must be a list"),
        (b"[3]", "record 0: the record: "),
    ],
)
def test_a_file_that_is_no_official_one_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"x\.json.* {named}"):
        list(read_minds_mirror(file))


def test_no_official_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json does not exist"):
        list(read_minds_mirror(tmp_path / "nowhere.json"))
    with pytest.raises(DataError, match=r"holds no file that is named .*_CoT_"):
        list(read_minds_mirror(tmp_path))


@pytest.mark.parametrize(
    ("raw", "kept", "truncated"),
    [
        ("Two. The answer is (2).\n\nQ: And 3?\nA: The answer is 3.", "Two. The answer is (2).", False),
        ("So the answer is neutral.\n\nPremise: Cats.\nHypothesis: Dogs", "So the answer is neutral.", False),
        ("It is.\n\nPrem", "It is.", False),
        ("It is.\n\nQ", "It is.", False),
        ("No answer here.\nQ: And 3?\nA: The answer is 3.", "No answer here.", False),
        ("Q: And 3?\nA: The answer is 3.", "", False),
        ("A question: Q: is no new one. The answer is 2.", "A question: Q: is no new one. The answer is 2.", True),
        ("It goes on and on", "It goes on and on", True),
        ("Two.\nQuick: The answer is 2.", "Two.\nQuick: The answer is 2.", True),
        ("", "", True),
    ],
)
def test_what_a_completion_invents_after_its_answer_is_cut_off(
    tmp_path: Path, raw: str, kept: str, truncated: bool
) -> None:
    [found] = read_step_by_step(write(tmp_path / "palm.jsonl.gz", {"id": 7, "raw": raw}))
    assert (found.id, found.text, found.truncated) == ("7", kept, truncated)


def test_rows_of_ones_own(tmp_path: Path) -> None:
    file = write(
        tmp_path / "own.jsonl",
        {"id": "a", "rationale": "Two.", "answer": 2, "teacher": "t", "note": "passed over"},
        {
            "question": "How many?",
            "rationale": "",
            "evaluations": [
                "Evaluation result: wrong",
                {"verdict": "correct"},
                {"verdict": "wrong", "critique": "No.", "source": "consensus", "teacher": "judge"},
            ],
        },
    )
    plain, judged = read_jsonl(file)
    assert plain == ForeignRationale(f"{file}, line 1", "Two.", id="a", answer="2", teacher="t")
    assert (judged.id, judged.question, judged.text, judged.answer) == (None, "How many?", "", None)
    assert judged.evaluations == (
        ForeignEvaluation("Evaluation result: wrong"),
        ForeignEvaluation("", Verdict.CORRECT),
        ForeignEvaluation("No.", Verdict.WRONG, VerdictSource.CONSENSUS, "judge"),
    )


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"rationale": "Two."}, "'question' is missing"),
        ({"id": "a"}, "'rationale' is missing"),
        ({"id": "a", "rationale": None}, "'rationale' must be a string, not null"),
        ({"id": 1.5, "rationale": "Two."}, "'id' must be a string or a whole number"),
        ({"id": "a", "rationale": "Two.", "evaluations": "good"}, "'evaluations' must be a list"),
        ({"id": "a", "rationale": "Two.", "evaluations": ["", 3]}, "evaluation 1 must be a text or an object"),
        ({"id": "a", "rationale": "Two.", "evaluations": [{}]}, "evaluation 0: 'verdict' is None.*correct, wrong"),
        ({"id": "a", "rationale": "Two.", "evaluations": [{"verdict": ["x"]}]}, "evaluation 0: 'verdict'"),
        (
            {"id": "a", "rationale": "Two.", "evaluations": [{"verdict": "wrong", "critique": 3}]},
            "evaluation 0: 'critique' must be a string",
        ),
        (
            {"id": "a", "rationale": "Two.", "evaluations": [{"verdict": "wrong", "source": "me"}]},
            "evaluation 0: 'source' is 'me'",
        ),
        (
            {"id": "a", "rationale": "Two.", "evaluations": [{"verdict": "wrong", "likelihood": 1.5}]},
            "evaluation 0: 'likelihood' is 1.5; it must be a number from 0 to 1",
        ),
        (
            {"id": "a", "rationale": "Two.", "evaluations": [{"verdict": "wrong", "p_correct": True}]},
            "evaluation 0: 'p_correct' is True",
        ),
        (
            {"id": "a", "rationale": "Two.", "evaluations": [{"verdict": "wrong", "calibration": "me"}]},
            "evaluation 0: 'calibration' is 'me'; it must be one of consensus, gold",
        ),
        ({"id": "a", "rationale": "Two.", "duals": {}}, "'duals' must be a list"),
        ({"id": "a", "rationale": "Two.", "duals": ["So."]}, "'duals' must be a list of objects"),
        ({"id": "a", "rationale": "Two.", "duals": [{"rationale": "So."}]}, "dual 0: 'kind' is None.*rectified"),
        ({"id": "a", "rationale": "Two.", "duals": [{"kind": "corrupted"}]}, "dual 0: 'rationale' is missing"),
        (["a"], "a row must be a JSON object"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path: Path, row: Any, named: str) -> None:
    file = write(tmp_path / "own.jsonl", {"id": "a", "rationale": "Two."}, row)
    with pytest.raises(DataError, match=rf"own\.jsonl, line 2: .*{named}"):
        list(read_jsonl(file))


@pytest.mark.parametrize("row", [{"raw": "x"}, {"id": "a"}, {"id": "a", "raw": 3}, {"id": None, "raw": "x"}])
def test_a_completion_that_is_wrong_is_named(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"palm\.jsonl, line 1: '(id|raw)'"):
        list(read_step_by_step(write(tmp_path / "palm.jsonl", row)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["id", "raw", "question", "rationale", "answer", "teacher", "evaluations"])
STEPS = st.fixed_dictionaries({"x": st.text() | JSON, "new_ys": st.lists(st.text(), max_size=3) | JSON})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)), st.dictionaries(FIELDS, st.text() | JSON) | JSON, STEPS, st.binary(max_size=40)
)
def test_whatever_a_file_holds_it_is_read_or_refused_by_name(
    tmp_path: Path, kind: str, row: Any, step: Any, noise: bytes
) -> None:
    file = tmp_path / "any_CoT_0.jsonl"
    for content in (json.dumps(row).encode(), json.dumps([{"steps": [step]}]).encode(), noise):
        file.write_bytes(content)
        try:
            found = list(FORMATS[kind].read(file))
        except DataError as error:
            assert file.name in str(error)
        else:
            assert all(isinstance(r.text, str) and (r.id is None or r.id.strip()) for r in found)


@given(st.text(), st.sampled_from(["Q:", "Premise:"]), st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_of_a_further_question_is_left(tmp_path: Path, text: str, mark: str, invented: str) -> None:
    file = write(tmp_path / "palm.jsonl", {"id": "a", "raw": f"{text}\n{mark} {invented}"})
    [found] = read_step_by_step(file)
    assert text.startswith(found.text) and not found.truncated
