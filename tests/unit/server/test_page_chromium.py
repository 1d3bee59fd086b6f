"""The page in a real browser: a question is asked by keyboard, its reply is watched, and hostile text stays text."""

import importlib.resources
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from chromium import Page, chromium
from served import NAME, QUESTION, description, serving

from mindsmirror.inference.confidence import Alike
from mindsmirror.inference.question import Question, Reply, TeacherReply
from mindsmirror.records import Parse
from mindsmirror.runs.student import TrainedStudent
from mindsmirror.server.config import ServerConfig

pytestmark = pytest.mark.browser

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&lt;b&gt; \u202e x"
)
TOKEN = "a-token-of-some-length"
ALL = "document.querySelectorAll('.took').length === 4"


def reply(question: Question, text: str = "So 5. The answer is 5.", **more: Any) -> Reply:
    fields: dict[str, Any] = {
        "question": question.question,
        "arm": "mirror",
        "mode": question.mode or "think",
        "answer": "5",
        "text": text,
        "rationale": "" if question.mode == "predict" else text,
        "verdict": "correct",
        "p_correct": 0.8,
        "confidence": 0.84,
        "calibrated": True,
        "alike": Alike(right=17, of=20, least=0.78, most=0.9),
        "abstained": False,
        "parse": Parse.OK,
        "tokens": 9,
    }
    return Reply(**fields | more)


class Said:
    """Stands for a student that says what a test wants, in two pieces, between which it can be held."""

    def __init__(self, say: Callable[[Question], Reply]) -> None:
        self.description, self._say = description(), say
        self.go = threading.Event()
        self.go.set()

    def reads(self, question: Question) -> int:
        return 10

    def ask_many(self, questions: list[Question], on_text: Any = None) -> list[Reply]:
        replies = [self._say(question) for question in questions]
        for place, each in enumerate(replies):
            half = len(each.text) // 2
            on_text(place, each.text[:half])
            assert self.go.wait(60)
            on_text(place, each.text[half:])
        return replies


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def shown(page: Page) -> Iterator[Callable[..., Page]]:
    """A page that was opened for a student or for what is said instead of one; it is closed without a complaint."""
    page.look(1200)
    page.requests.clear()
    page.faults.clear()
    servers = []

    def open_for(student: Any, fragment: str = "", **config: Any) -> Page:
        servers.append(serving(student, ServerConfig(port=0, **config)))
        address = servers[-1].__enter__()
        page.open(f"{address}/{fragment}")
        page.until("document.querySelector('.mode') || !document.getElementById('with-token').hidden")
        asked = [each for each in page.requests if each.startswith("http")]
        assert asked and all(each.startswith(f"{address}/") for each in asked)
        return page

    yield open_for
    page.open("about:blank")
    for each in servers:
        each.__exit__(None, None, None)


def ask(page: Page, question: str = QUESTION) -> None:
    page.until("document.activeElement.id === 'question'")
    page.type(question)
    page.press("Enter")


def test_a_question_is_asked_by_keyboard_and_answered_as_by_the_student(
    shown: Callable[..., Page], student: TrainedStudent
) -> None:
    page = shown(student)
    assert page.text("#name") == NAME and page.value("document.title") == f"{NAME} · Minds Mirror"
    ask(page)
    page.until("document.querySelector('.took')")
    expected = student.ask(QUESTION)
    assert page.text(".reply .big") == expected.answer and page.text(".reply .text") == expected.text
    assert page.text("#status") == f"Answer: {expected.answer}"
    assert expected.p_correct is not None
    assert f"{round(100 * expected.p_correct)}\u00a0%" in page.text(".own")
    assert not page.faults


def test_modes_stand_side_by_side_and_say_where_they_differ(shown: Callable[..., Page]) -> None:
    page = shown(Said(lambda question: reply(question, answer={"predict": "7"}.get(question.mode or "", "5"))))
    page.press("Escape")
    for key in ("1", "3", "4"):
        page.press(key)
    page.press("/")
    ask(page)
    page.until(ALL)
    assert page.value("[...document.querySelectorAll('.reply h2')].map((h) => h.firstChild.textContent)") == [
        "predict",
        "think",
        "vote",
        "mirror",
    ]
    assert page.text("#status") == "They differ: 7 (predict); 5 (think, vote, mirror)"
    tops = page.value("[...document.querySelectorAll('.reply .big')].map((e) => e.getBoundingClientRect().top)")
    assert len(set(tops)) == 1
    page.look(390, 844)
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert len(set(page.value("[...document.querySelectorAll('.reply')].map((e) => e.offsetLeft)"))) == 1


def test_a_rationale_is_watched_while_it_arrives(shown: Callable[..., Page]) -> None:
    said = Said(lambda question: reply(question, "So 5 it is. The answer is 5."))
    said.go.clear()
    page = shown(said)
    ask(page)
    page.until("document.querySelector('.writing')?.textContent")
    assert page.text(".reply .text") == "So 5 it is. Th" and page.text("#status") == "The student answers …"
    assert page.value("document.querySelector('.reply').getAttribute('aria-busy')") == "true"
    said.go.set()
    page.until("document.querySelector('.took')")
    assert page.text(".reply .text") == "So 5 it is. The answer is 5."
    assert page.value("document.querySelector('.reply').getAttribute('aria-busy')") == "false"


def test_the_first_rationale_of_a_vote_gives_way_to_the_one_that_is_elected(shown: Callable[..., Page]) -> None:
    said = Said(lambda question: reply(question, "a draft of it", rationale="The elected one."))
    said.go.clear()
    page = shown(said, "#q=2%3F&mode=vote")
    page.until("document.querySelector('.draft')?.textContent")
    assert page.text(".said") == "the first of several rationales"
    said.go.set()
    page.until("document.querySelector('.took')")
    assert page.text(".reply .text") == "The elected one." and not page.value("document.querySelector('.draft')")


def test_how_sure_it_is_and_what_that_meant(shown: Callable[..., Page]) -> None:
    page = shown(Said(reply), "#q=2%3F")
    page.until("document.querySelector('.took')")
    assert page.text(".sureness") == "fairly sure: right with a probability of 84\u00a0%"
    assert page.text(".like .soft") == "Of 20 validation answers about this sure (78 to 90\u00a0%), 17 were right."
    assert page.value("document.querySelectorAll('.dots i').length") == 20
    assert page.value("document.querySelectorAll('.dots i.wrong').length") == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"abstained": True}, "It abstains: it is less sure than the promised risk allows"),
        ({"answer": None, "confidence": None, "alike": None}, "No answer can be read from its text"),
        ({"confidence": None, "alike": None, "calibrated": False}, "It does not say how sure it is."),
        ({"confidence": 0.4, "alike": None, "calibrated": False}, "No validation questions say what that is worth."),
        ({"confidence": 0.2, "alike": Alike(right=1, of=90, least=0.2, most=0.2)}, "(20\u00a0%), 1 was right."),
    ],
)
def test_what_is_less_than_an_answer_is_said(shown: Callable[..., Page], fields: dict[str, Any], words: str) -> None:
    page = shown(Said(lambda question: reply(question, **fields)), "#q=2%3F")
    page.until("document.querySelector('.took')")
    assert words in page.text(".reply") and "So 5. The answer is 5." in page.text(".reply .text")


def test_hostile_text_is_shown_as_text(shown: Callable[..., Page]) -> None:
    said = Said(lambda question: reply(question, HOSTILE, answer=HOSTILE, verdict=HOSTILE))
    said.description = description().model_copy(update={"run": HOSTILE, "task": HOSTILE, "base": HOSTILE})
    page = shown(said, f"#q={quote(HOSTILE)}&mode=think,predict,vote,mirror")
    page.until(ALL)
    assert (
        page.text("#name") == f"{HOSTILE}-mirror" and page.value("document.getElementById('question').value") == HOSTILE
    )
    assert page.text(".mode-think .text") == HOSTILE and page.text(".mode-think .big") == HOSTILE
    assert HOSTILE in page.text(".mode-think .own") and HOSTILE in page.text("#status")
    counts = [page.value(f"document.querySelectorAll('{tag}').length") for tag in ("img", "script", "b b")]
    assert counts == [0, 1, 0] and page.value("document.title") == f"{HOSTILE}-mirror · Minds Mirror"
    assert not page.faults


def test_the_policy_lets_no_script_run_but_the_pages_own(shown: Callable[..., Page]) -> None:
    page = shown(Said(reply))
    page.value(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">');"
        "const s = document.createElement('script'); s.textContent = 'document.title = 2'; document.body.append(s);"
        "const f = document.createElement('script'); f.src = 'https://evil.example/x.js'; document.body.append(f);"
        "fetch('https://evil.example/').catch(() => {}); new Promise((done) => setTimeout(done, 200))"
    )
    assert page.value("document.title") == f"{NAME} · Minds Mirror"
    assert sum("Content Security Policy" in fault for fault in page.faults) >= 3


def test_the_address_names_question_and_modes(shown: Callable[..., Page]) -> None:
    page = shown(Said(reply), f"#q={quote('How many? & <b>#1')}&mode=vote,guess,think")
    page.until("document.querySelectorAll('.took').length === 2")
    assert page.value("document.getElementById('question').value") == "How many? & <b>#1"
    assert page.value("[...document.querySelectorAll('.mode :checked')].map((box) => box.value)") == ["think", "vote"]
    own = page.value("location.hash")
    page.value(f"location.hash = {own.replace('vote', 'predict')!r}")
    page.until("document.querySelector('.reply.mode-predict .took')")
    assert page.value("new URLSearchParams(location.hash.slice(1)).get('mode')") == "predict,think"
    # The question is behind the #, so it is in no address that is sent.
    assert not any("How" in each.partition("#")[0] for each in page.requests)


def test_a_question_that_is_refused_is_said(shown: Callable[..., Page], student: TrainedStudent) -> None:
    page = shown(student)
    page.press("Enter")
    assert page.text("#status") == "Write a question first."
    ask(page, "many pens " * 200)
    page.until("document.querySelector('.said')?.textContent.includes('256 tokens')")
    page.press("Escape")
    page.press("2")
    page.press("/")
    page.press("Enter")
    assert page.text("#status") == "Choose at least one way to answer."


def test_what_runs_can_be_stopped(shown: Callable[..., Page]) -> None:
    said = Said(reply)
    said.go.clear()
    page = shown(said)
    ask(page)
    page.until("document.querySelector('.writing')?.textContent")
    page.press("Escape")
    page.until("document.querySelector('.said').textContent === 'stopped'")
    assert page.text("#status") == "Stopped." and page.value("document.getElementById('stop').hidden")
    said.go.set()


def test_a_token_is_asked_for_and_kept_for_the_tab(shown: Callable[..., Page]) -> None:
    page = shown(Said(reply), "#q=2%3F", token=TOKEN)
    page.until("document.activeElement.id === 'token'")
    page.type("wrong")
    page.press("Enter")
    page.until("document.getElementById('status').textContent")
    assert page.text("#status") == "That token is not the server's."
    page.type(TOKEN)
    page.press("Enter")
    page.until("document.querySelector('.took')")
    assert page.value("document.getElementById('with-token').hidden") and TOKEN not in page.value("location.href")
    page.value("sessionStorage.clear()")


def test_choices_are_written_where_the_student_chooses(shown: Callable[..., Page]) -> None:
    asked: list[Question] = []

    def say(question: Question) -> Reply:
        asked.append(question)
        return reply(question)

    said = Said(say)
    choosing = said.description.answers.model_copy(update={"kind": "choice"})
    said.description = said.description.model_copy(update={"answers": choosing})
    page = shown(said, "#q=Where%3F&choices=bank%0Ariver%0A")
    page.until("document.querySelector('.took')")
    assert asked[0].choices == {"a": "bank", "b": "river"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_axe_finds_no_fault(shown: Callable[..., Page], scheme: str, width: int) -> None:
    page = shown(Said(lambda question: reply(question, abstained=question.mode == "vote")))
    page.look(width, 900, scheme)
    page.value((importlib.resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8") + ";0")
    ask(page)
    page.until("document.querySelector('.took')")
    page.value("document.getElementById('link').focus()")
    for key in ("1", "3", "4"):
        page.press(key)
    page.press("/")
    page.press("Enter")
    page.until(ALL)
    found = page.value("axe.run().then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html)]))")
    assert found == []


class Standby:
    """Stands for a teacher that says what a test wants."""

    name = "a-teacher"

    def __init__(self, **said: Any) -> None:
        self._said = said

    def ask(self, questions: list[Question]) -> list[TeacherReply]:
        return [TeacherReply(name=self.name, **self._said) for _ in questions]


@pytest.mark.parametrize("answered", [True, False])
def test_who_answered_is_said_where_the_student_abstained(shown: Callable[..., Page], answered: bool) -> None:
    said: Any = Said(lambda question: reply(question, abstained=True, confidence=0.2, alike=None))
    taught = {"answer": "7", "text": f"{HOSTILE} The answer is 7.", "tokens_out": 9}
    said.standby = Standby(**(taught if answered else {"error": f"it is down {HOSTILE}"}))
    page = shown(said, escalate=True)
    ask(page)
    page.until("document.querySelector('.took')")
    told = page.value("[...document.querySelectorAll('.own')].map((each) => each.textContent).join(' ')")
    if answered:
        assert page.text(".reply .big") == "7" and page.text(".reply .text") == taught["text"]
        assert page.text(".reply .said") == "the teacher's rationale"
        assert "would have said “5”), so the teacher a-teacher answered." in told
        assert "Nothing says how sure" in page.text(".reply")
    else:
        assert page.text(".reply .big") == "5" and "It abstains" in page.text(".reply")
        assert f"The teacher a-teacher was asked and gave no answer: it is down {HOSTILE}." in told
    assert "owned" not in page.value("document.title") and not page.faults
