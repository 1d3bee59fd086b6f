"""Annotations as a data set: the same rows in every format, and a card that says where they come from."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from mindsmirror.answers import Choice
from mindsmirror.delivery import FORMATS, write_dataset
from mindsmirror.delivery.cards import dataset_card, licence_id
from mindsmirror.delivery.rows import COLUMNS, rationale_rows
from mindsmirror.errors import DataError, MissingExtraError, RecipeError
from mindsmirror.records import (
    Annotation,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)
from mindsmirror.tasks.base import Splits, Task

HOSTILE = 'the "big" one: |<b>\x07\u2028é'
TASK = Task("fish", 2, "CC BY-NC 4.0 (non-commercial use only)", Choice(), Splits((), (), ()), sources={"f.jsonl": "h"})


def annotation(name: str, split: str, *, judged: bool = True) -> Annotation:
    """A question with a right, a wrong and an unparsed rationale; the first two judged, one of them rightly."""
    said = [("lake", True, Parse.OK), ("desert", False, Parse.OK), (None, None, Parse.TRUNCATED)]
    return Annotation(
        example=Example(id=name, text="Where?", choices={"a": "lake", "b": "desert"}, gold="lake"),
        split=split,
        rationales=tuple(
            Rationale(teacher=HOSTILE, sample=i, text=f"Text {i}\n", reasoning="T", answer=a, parse=p, right=right)
            for i, (a, right, p) in enumerate(said)
        ),
        evaluations=tuple(
            SelfEvaluation(
                teacher="judge",
                rationale=i,
                sample=0,
                verdict=Verdict.CORRECT,
                source=VerdictSource.PLAIN,
                critique="Fine.",
                likelihood=0.75 if i else None,
            )
            for i in range(2 * judged)
        ),
        provenance=Provenance(
            teacher=HOSTILE, judge="judge", prompt="abc123", temperature=None, tokens_in=0, tokens_out=0, source="s"
        ),
    )


TWO = [
    annotation("p", "train").model_copy(
        update={
            "duals": tuple(
                DualRationale(
                    teacher="t", sample=0, text="D", reasoning="D.", answer=a, parse=p, right=right, kind=kind, of=of
                )
                for of, kind, a, p, right in (
                    (0, DualKind.CORRUPTED, "desert", Parse.OK, False),
                    (1, DualKind.RECTIFIED, None, Parse.MISSED, None),
                )
            )
        }
    ),
    annotation("q", "valid", judged=False),
]
ROWS = rationale_rows(TWO)


def test_a_row_is_a_rationale_with_its_own_evaluations() -> None:
    assert {split: len(rows) for split, rows in ROWS.items()} == {"train": 3, "valid": 3}
    assert all(tuple(row) == tuple(COLUMNS) for rows in ROWS.values() for row in rows)
    first, wrong, cut = ROWS["train"]
    assert (first["answer"], first["right"], first["rationale"]) == ("lake", True, "Text 0\n")
    assert [e["verdict"] for e in wrong["evaluations"]] == ["correct"] and cut["evaluations"] == []
    assert (cut["parse"], cut["answer"], cut["right"]) == ("truncated", None, None)
    said = [[(d["kind"], d["answer"], d["right"], d["parse"]) for d in row["duals"]] for row in ROWS["train"]]
    assert said == [[("corrupted", "desert", False, "ok")], [("rectified", None, None, "missed")], []]


def read_back(form: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    if form == "jsonl":
        return {p.stem: [json.loads(line) for line in p.open()] for p in sorted((folder / "data").iterdir())}
    if form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return {p.stem: parquet.read_table(p).to_pylist() for p in sorted((folder / "data").iterdir())}
    datasets = pytest.importorskip("datasets")
    return {split: part.to_list() for split, part in datasets.load_from_disk(str(folder)).items()}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_the_same_rows(form: str, tmp_path: Path) -> None:
    for needed in {"parquet": ["pyarrow"], "datasets": ["datasets"], "jsonl": []}[form]:
        pytest.importorskip(needed)
    counts = write_dataset("fish-run", TWO, TASK, form, tmp_path / "new" / "out")
    assert counts == {"train": 3, "validation": 3}
    assert read_back(form, tmp_path / "new/out") == {"train": ROWS["train"], "validation": ROWS["valid"]}
    card = (tmp_path / "new/out/README.md").read_text()
    assert (f"data/validation.{form}" in card) == (form != "datasets")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_the_card_says_who_what_and_how_good() -> None:
    card = dataset_card("fish-run", TWO, TASK, {"train": "data/train.parquet"})
    read: Any = DatasetCard(card)
    meta, page = read.data.to_dict(), read.content.split("---\n", 2)[2]
    assert (meta["size_categories"], meta["task_categories"]) == (["n<1K"], ["text-generation"])
    assert (meta["pretty_name"], meta["license"]) == ("fish-run", "cc-by-nc-4.0")
    assert meta["configs"][0]["data_files"] == [{"split": "train", "path": "data/train.parquet"}]
    facts = meta["mindsmirror"]
    assert (facts["teacher"], facts["judge"], facts["prompts"]) == ([HOSTILE], ["judge"], ["abc123"])
    assert (facts["task"], facts["task_version"], facts["task_licence"]) == ("fish", 2, TASK.licence)
    assert facts["yields"]["rationale"] == {"asked": 6, "ok": 4, "truncated": 2}
    assert facts["verdict_quality"]["balanced_accuracy"] == 0.5
    assert facts["verdicts_from"] == "plain" and facts["right"] == 0.5
    assert "non-commercial" in page and "abc123" in page and "0.50" in page and "| rationale | 6 | 4 |" in page
    assert "<b>" not in page and "\u2028" not in page and "\x07" not in page
    assert all(f"| `{column}` |" in page for column in COLUMNS)


def test_a_card_without_verdicts_and_gold_measures_nothing() -> None:
    example = Example(id="z", text="Why?")
    rationale = Rationale(teacher="qwen2.5-coder-1.5b-instruct", sample=0, text="x", answer="y", parse=Parse.OK)
    bare = TWO[0].model_copy(update={"example": example, "rationales": (rationale,), "evaluations": ()})
    card = dataset_card("bare", [bare], TASK, {})
    assert "verdict_quality: null" in card and "judge: []" in card and "configs" not in card
    assert "Licence: Apache-2.0" in card and "Judge" not in card and "are right by gold" not in card


@pytest.mark.parametrize(
    ("licence", "known"),
    [
        ("MIT", "mit"),
        ("MIT (as the hub's card says)", "mit"),
        ("CC BY-NC 4.0 (non-commercial use only)", "cc-by-nc-4.0"),
        ("CC BY-SA 4.0", "cc-by-sa-4.0"),
        ("unknown", "unknown"),
        ("", "other"),
        ("GPL", "other"),
    ],
)
def test_licences_are_called_as_the_hub_calls_them(licence: str, known: str) -> None:
    assert licence_id(licence) == known


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rationales to export"):
        write_dataset("none", [], TASK, "jsonl", tmp_path / "out")
    with pytest.raises(RecipeError, match=r"no format 'csv'. The formats are: parquet"):
        write_dataset("x", TWO, TASK, "csv", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file already exists"):
        write_dataset("x", TWO, TASK, "jsonl", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    write_dataset("x", TWO, TASK, "jsonl", tmp_path / "empty")
    assert (tmp_path / "empty/README.md").exists()


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("datasets", "datasets")])
def test_a_missing_library_is_said_and_nothing_is_left(
    form: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is not installed.*hub-data"):
        write_dataset("x", TWO, TASK, form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
