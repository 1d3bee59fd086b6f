"""The page of annotations without a browser: its data, and that nothing in them can leave their place."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.reporting.annotated_questions import DUAL, EVIL, FIRST, HOSTILE, THREE, annotation

from mindsmirror.errors import DataError, StorageError
from mindsmirror.records import Annotation
from mindsmirror.reporting.browse import SCRIPTS, browse_page, json_block, page_data, write_browse_page

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)


class Scripts(HTMLParser):
    """The scripts of a page with their types, and every other element with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.scripts: list[tuple[str | None, str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside = False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = True
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.inside:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)


def whole(text: str) -> str:
    """A text whose lone surrogates are shown as what they are: no characters."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def data_of(source: str) -> Any:
    (block,) = [text for kind, text in Scripts(source).scripts if kind == "application/json"]
    return json.loads(block)


def test_what_the_page_holds_of_a_question() -> None:
    assert page_data("run", [FIRST]) == {
        "name": "run",
        "teachers": ["t", "judge"],
        "questions": [
            {
                "id": "first",
                "split": "train",
                "text": "How many pens has Ann?",
                "gold": "0",
                "rationales": [
                    {
                        "teacher": 0,
                        "sample": 0,
                        "text": "Thought 0. The answer is 0.",
                        "answer": "0",
                        "right": True,
                        "evaluations": [
                            {"teacher": 1, "verdict": "correct", "source": "consensus", "critique": "Fine."}
                        ],
                    },
                    {
                        "teacher": 0,
                        "sample": 1,
                        "text": "Thought 1. The answer is 1.",
                        "answer": "1",
                        "right": False,
                        "evaluations": [
                            {"teacher": 1, "verdict": "correct", "source": "consensus", "critique": "Fine, too."}
                        ],
                    },
                    {
                        "teacher": 0,
                        "sample": 2,
                        "text": "Thought 2. The answer is 2.",
                        "parse": "truncated",
                        "reason": "cut",
                    },
                ],
            }
        ],
    }


def test_self_evaluations_stand_under_the_rationale_they_name_and_not_by_position() -> None:
    turned = FIRST.model_copy(update={"evaluations": tuple(reversed(FIRST.evaluations))})
    assert page_data("run", [turned])["questions"] == page_data("run", [FIRST])["questions"]


def test_a_question_without_gold_or_rationales_is_shown_too() -> None:
    (question,) = page_data("run", [annotation("bare", (), gold=None)])["questions"]
    assert question == {"id": "bare", "split": "train", "text": "How many?", "rationales": []}


def test_the_page_is_offline_and_runs_nothing_but_its_own_scripts() -> None:
    source = browse_page("run", [*THREE, EVIL])
    page = Scripts(source)
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "href", "xlink:href", "action", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src ")
    own = [text for kind, text in page.scripts if kind is None]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes and len(hashes) == len(SCRIPTS)
    assert "http" not in "".join(own) and "url(" not in source and "@import" not in source
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", "".join(own))


def test_hostile_text_stays_in_its_place() -> None:
    source = browse_page("run", [EVIL])
    source.encode("utf-8")
    assert source.count("<script") == 1 + len(SCRIPTS)
    assert not {"\u2028", "<", "&"} & set(next(text for kind, text in Scripts(source).scripts if kind))
    read = data_of(source)
    assert read["questions"][0]["text"] == whole(HOSTILE)
    assert read["questions"][0]["rationales"][0]["text"] == whole(HOSTILE) + "x" * 100_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
        max_leaves=8,
    )
)
def test_what_is_written_into_the_page_is_read_from_it(document: Any) -> None:
    page = f'<p>a</p><script type="application/json">{json_block(document)}</script><p>b</p>'
    assert data_of(page) == json.loads(whole(json.dumps(document, ensure_ascii=False)))
    assert [tag for tag, _ in Scripts(page).elements] == ["p", "script", "p"]
    page.encode("utf-8")


def test_the_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    size = write_browse_page("run", THREE, path)
    assert path.stat().st_size == size and data_of(path.read_text(encoding="utf-8")) == page_data("run", THREE)
    nothing: list[Annotation] = []
    with pytest.raises(DataError, match="run has no annotated question"):
        write_browse_page("run", nothing, tmp_path / "none.html")
    with pytest.raises(StorageError):
        write_browse_page("run", THREE, tmp_path / "new")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["new", "page.html"]


def test_what_the_page_holds_of_duals() -> None:
    """Under the rationale that they were made from, and nowhere else."""
    plain, whole_ = (page_data("run", [each])["questions"][0]["rationales"] for each in (FIRST, DUAL))
    assert all("duals" not in said for said in plain)
    assert [said.pop("duals", None) for said in whole_] == [
        [{"kind": "corrupted", "text": "Fewer pens. The answer is 7.", "answer": "7", "right": False}],
        [{"kind": "rectified", "text": "Same.", "parse": "missed", "reason": "it reaches '1'"}],
        None,
    ]
    assert whole_ == plain
