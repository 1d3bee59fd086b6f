"""The page of predictions without a browser: its data, and what is refused."""

import hashlib
import json
from base64 import b64encode
from pathlib import Path

import pytest
from unit.reporting.predicted_questions import ARMS, EXAMPLES, HOSTILE
from unit.reporting.test_browse_page import Scripts, data_of

from mindsmirror.errors import DataError
from mindsmirror.records import Example, Prediction, Sample
from mindsmirror.reporting.accuracy_section import ArmPredictions
from mindsmirror.reporting.browse_predictions import (
    SCRIPTS,
    predictions_data,
    predictions_page,
    write_predictions_page,
)


def test_what_the_page_holds_of_a_question() -> None:
    data = predictions_data("run", ARMS, EXAMPLES)
    assert data["arms"] == ["untrained", "cot"]
    assert data["questions"][0] == {
        "id": "first",
        "text": "How many pens?",
        "gold": "3",
        "said": [
            {"modes": {"predict": {"answer": "1", "right": False, "tokens": 3}}},
            {
                "modes": {
                    "think": {"answer": "2", "right": False, "text": "So 2.", "confidence": 0.25, "tokens": 9},
                    "mirror": {"answer": "3", "right": True, "confidence": 0.75, "calibrated": True, "tokens": 18},
                },
                "samples": [
                    {"text": "So 2.", "answer": "2", "right": False, "p": 0.1235},
                    {"text": "So 3.", "answer": "3", "right": True, "p": 0.9, "confidence": 0.8},
                ],
            },
        ],
    }


def test_the_page_runs_nothing_but_its_own_scripts_and_hostile_text_stays_in_its_place() -> None:
    source = predictions_page("run", ARMS, EXAMPLES)
    page = Scripts(source)
    own = [text for kind, text in page.scripts if kind is None]
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    hashes = [f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in own]
    assert policy is not None and f"script-src {' '.join(hashes)};" in policy and len(own) == len(SCRIPTS)
    assert source.count("<script") == 1 + len(SCRIPTS)
    assert data_of(source)["questions"][1]["text"] == HOSTILE
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "form"}


def test_the_page_is_written_whole_and_only_if_there_is_something_to_show(tmp_path: Path) -> None:
    size = write_predictions_page("run", ARMS, EXAMPLES, tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size == size
    with pytest.raises(DataError, match="run has no predictions to show"):
        predictions_page("run", [], EXAMPLES)
    with pytest.raises(DataError, match=r"arm 'untrained' in mode predict and .* differ in question 'x'"):
        predictions_page("run", ARMS, [*EXAMPLES, Example(id="x", text="Another?")])


def test_without_gold_nothing_is_called_wrong() -> None:
    sample = Sample(text="?", answer=None, right=None)
    said = Prediction(example="q", mode="vote", answer=None, right=None, samples=(sample,))
    arm = ArmPredictions("a", "m", "vote", {"vote": [said]})
    [question] = predictions_data("run", [arm], [Example(id="q", text="Q")])["questions"]
    assert json.loads(json.dumps(question["said"])) == [{"modes": {"vote": {"tokens": 0}}, "samples": [{"text": "?"}]}]
