"""The page of annotations in a real browser: what it shows for an address, and what its keys do.

The browser prints the page as its scripts have left it. Keys are pressed by a script that is added to a copy of the
page, for which the page's policy is taken away.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from chromium import BROWSER, QUIET
from unit.reporting.annotated_questions import DUAL, EVIL, HOSTILE, THREE

from mindsmirror.records import Annotation
from mindsmirror.reporting.browse import browse_page

VOID = {"meta", "br", "img", "link", "hr", "input"}
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

pytestmark = pytest.mark.browser


class Shown(HTMLParser):
    """Texts of a page by class and by id, and the attributes of what has an id."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.by_class: dict[str, list[str]] = {}
        self.by_id: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.pressed: list[tuple[str | None, str | None]] = []
        self.labels: list[str] = []
        self.tags: list[str] = []
        self._open: list[tuple[str, list[str], str | None, list[str]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        self.tags.append(tag)
        if fields.get("id"):
            self.attributes[str(fields["id"])] = fields
        if fields.get("aria-pressed") == "true":
            self.pressed.append((fields["data-right"], fields.get("data-judged")))
        if tag == "button" and fields.get("aria-label"):
            self.labels.append(str(fields["aria-label"]))
        if tag not in VOID:
            self._open.append((tag, (fields.get("class") or "").split(), fields.get("id"), []))

    def handle_endtag(self, tag: str) -> None:
        opened, looks, name, pieces = self._open.pop()
        assert opened == tag
        text = " ".join("".join(pieces).split())
        for look in looks:
            self.by_class.setdefault(look, []).append(text)
        if name:
            self.by_id[name] = text

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1][0] not in ("script", "style"):
            for _, _, _, pieces in self._open:
                pieces.append(data)


Open = Callable[..., Shown]


@pytest.fixture
def browse(tmp_path: Path) -> Open:
    """What the browser shows of a page of annotations: its address, and a script that is run on it."""

    def shown(annotations: Sequence[Annotation] = THREE, script: str = "", **address: str) -> Shown:
        source = browse_page("run", annotations)
        if script:
            source = POLICY.sub("", source).replace("</body>", f"<script>{script}</script></body>")
        page = tmp_path / "page.html"
        page.write_text(source, encoding="utf-8")
        return Shown(dump(f"{page.as_uri()}#{urlencode(address)}", tmp_path / "profile"))

    return shown


def dump(address: str, profile: Path) -> str:
    assert BROWSER is not None
    shutil.rmtree(profile, ignore_errors=True)
    command = [BROWSER, *QUIET, "--virtual-time-budget=3000", f"--user-data-dir={profile}", "--dump-dom", address]
    ended = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return ended.stdout.decode("utf-8")


def press(*keys: str) -> str:
    return "".join(f"document.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}'}}));" for key in keys)


def test_a_question_with_its_rationales_and_self_evaluations(browse: Open) -> None:
    page = browse()
    assert page.by_id["count"] == "Question 1 of 3"
    assert page.attributes["count"]["aria-live"] == "polite"
    assert page.by_class["question"] == ["How many pens has Ann?"]
    assert page.by_class["gold"] == ["gold 03 rationales · 1 right · 2 distinct answers as written"]
    assert page.by_class["who"] == [
        "✓ sample 0 right t",
        "✗ sample 1 wrong t",
        "? sample 2 did not parse t",
    ]
    assert page.by_class["answer"] == ["answer 0", "answer 1", "truncated: cut"]
    assert page.by_class["said"] == [
        "judged correct consensus ✓ verdict as gold judge",
        "judged correct consensus ✗ verdict against gold judge",
    ]
    assert page.by_class["unchecked"] == ["critique, not checked by anything"] * 2
    assert page.by_class["critique"] == ["Fine.", "Fine, too."]
    assert page.by_class["evaluation"][-1] == "not judged"
    assert "rationale right, judged correct: 2 self-evaluations in 2 questions" in page.labels
    assert "rationale wrong, judged uncertain: 1 self-evaluation in 1 question" in page.labels
    assert "rationale unknown, not judged: 1 rationale in 1 question" in page.labels


def test_the_address_holds_question_and_filters(browse: Open) -> None:
    page = browse(q="second")
    assert page.by_id["count"] == "Question 2 of 3" and page.attributes["here"]["href"] == "#q=second"
    page = browse(right="wrong", judged="wrong")
    assert page.by_id["count"] == "Question 1 of 1 that fit, 3 in all"
    assert page.by_class["question"] == ["How many cats has Bo?"] and page.pressed == [("wrong", "wrong")]
    assert [text.startswith("✗ sample 1") for text in page.by_class["who"] if "fits the filter" in text] == [True]
    assert page.attributes["here"]["href"] == "#q=second&right=wrong&judged=wrong"
    page = browse(q="first", judged="correct", split="valid")
    assert (page.by_id["count"], page.by_class["question"]) == ("Question 1 of 1 that fit, 3 in all", ["How many?"])
    # A cell counts what fits the other filters, so that it says what choosing it would show.
    assert "rationale right, judged wrong: 0 self-evaluations in 0 questions" in page.labels


def test_parse_problems_and_search(browse: Open) -> None:
    assert browse(parse="truncated").attributes["here"]["href"] == "#q=first&parse=truncated"
    assert browse(parse="ok").by_id["count"] == "Question 1 of 2 that fit, 3 in all"
    found = browse(search='CATS "many cats"')
    assert found.by_class["question"] == ["How many cats has Bo?"] and found.tags.count("mark") == 1
    lost = browse(search="cats pens")
    assert lost.by_id["count"] == "No question fits, of 3" and "question" not in lost.by_class


def test_an_address_that_names_what_there_is_not(browse: Open) -> None:
    page = browse(q="<b>%zz", right="up", judged="down", split="x", parse="y")
    assert page.by_id["count"] == "There is no question <b>%zz. Question 1 of 3"


def test_keys(browse: Open) -> None:
    assert browse(script=press("j")).attributes["here"]["href"] == "#q=second"
    assert browse(script=press("ArrowRight", "j", "j", "k")).by_id["count"] == "Question 2 of 3"
    assert browse(script=press("G", "ArrowLeft", "g")).by_id["count"] == "Question 1 of 3"
    assert browse(script=press("2")).attributes["here"]["href"] == "#q=second&right=right&judged=wrong"
    assert browse(script=press("2", "2")).by_id["count"] == "Question 2 of 3"
    assert browse(script=press("p", "s")).attributes["here"]["href"] == "#q=first&split=train&parse=problem"
    assert browse(script=press("p", "s", "3", "0")).attributes["here"]["href"] == "#q=first"
    assert "open" in browse(script=press("?")).attributes["help"]
    typed = "const s = document.getElementById('search'); s.value = 'bo'; s.dispatchEvent(new Event('input'));"
    assert browse(script=typed).attributes["here"]["href"] == "#q=second&search=bo"
    # A letter that is typed into the search is no command.
    inside = "document.getElementById('search').dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}));"
    assert browse(script=inside).by_id["count"] == "Question 1 of 3"


def test_hostile_text_is_shown_as_text(browse: Open) -> None:
    plain = browse([EVIL])
    tail = "<!--<script><img src=x onerror=\"document.title='owned'\">&lt;&amp;"
    assert tail in plain.by_class["question"][0] and tail in plain.by_class["critique"][0]
    assert len(next(text for text in plain.by_class["text"] if text.endswith("xxx"))) > 100_000
    assert "img" not in plain.tags and plain.tags.count("script") == 7
    assert plain.by_id["count"] == "Question 1 of 1"
    href = plain.attributes["here"]["href"]
    assert href is not None and href.startswith("#q=%3C%2Fscript%3E")
    # Its own link leads back to it, and a search for it finds it.
    back = browse([*THREE, EVIL], q=re.sub("[\ud800-\udfff]", "\ufffd", HOSTILE))
    assert back.by_id["count"] == "Question 4 of 4"
    assert browse([*THREE, EVIL], search="onerror=").tags.count("mark") > 3


def test_a_dual_stands_below_its_rationale(browse: Open) -> None:
    page = browse([DUAL])
    assert page.by_class["dual"] == [
        "✗ corrupted answer 7Fewer pens. The answer is 7.",
        "? rectified missed: it reaches '1'Same.",
    ]
    pairs = zip(page.by_class["voice"], page.by_class["dual"], strict=False)
    assert all(voice.endswith(dual) for voice, dual in pairs)
    for address in ({"search": "fewer"}, {"parse": "missed"}):
        assert browse([DUAL, THREE[1]], **address).by_id["count"] == "Question 1 of 1 that fit, 2 in all"
