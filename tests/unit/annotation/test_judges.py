"""Where verdicts come from: the k answers, gold, or the judge's own last line."""

from typing import TYPE_CHECKING

import pytest

from mindsmirror.annotation.judges import JudgeConfig, consensus, informed, majority
from mindsmirror.answers import Equation, Number
from mindsmirror.answers.base import Answer
from mindsmirror.engines.base import Completion, Finish, Request
from mindsmirror.records import Example, Parse, Verdict, VerdictSource
from mindsmirror.tasks.base import Splits, Task

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

C, W, U = Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN


def numbers(text: str) -> dict[int, Answer]:
    """One answer for each character, by sample; a space is a sample that did not parse."""
    return {i: Answer(c, c) for i, c in enumerate(text) if c != " "}


@pytest.mark.parametrize(
    ("answers", "leader", "verdicts"),
    [
        ("", None, ""),
        ("5", None, "U"),
        ("55", "5", "CC"),
        ("56", None, "UU"),
        ("567", None, "UUU"),
        ("565", "5", "CWC"),
        ("656", "6", "CWC"),
        ("5566", None, "UUUU"),
        ("55667", None, "UUUUU"),
        ("55678", "5", "CCWWW"),
        ("65556", "5", "WCCCW"),
        (" 5 5 6", "5", " C C W"),
        (" 5   ", None, " U   "),
        ("55555", "5", "CCCCC"),
    ],
)
def test_consensus_is_the_agreement_with_the_most_frequent_answer(
    answers: str, leader: str | None, verdicts: str
) -> None:
    found = majority(numbers(answers))
    assert (found.text if found else None) == leader
    ruling = consensus(numbers(answers))
    assert ruling.answer == (leader or "")
    assert ruling.verdicts == {i: {"C": C, "W": W, "U": U}[v] for i, v in enumerate(verdicts) if v != " "}


def test_answers_agree_by_value_and_the_first_is_shown() -> None:
    texts = ("7 - 2", "3", "10 / 2")
    answers = {i: answer for i, text in enumerate(texts) if (answer := Equation().read(text, {}))}
    ruling = consensus(answers)
    assert ruling.verdicts == {0: C, 1: W, 2: C} and ruling.answer == answers[0].text


def task(right: frozenset[str] | None = None) -> Task:
    """Scored by gold, or by a verifier that holds the given answers to be right."""
    scorer = None if right is None else lambda example, answer: answer.key in right
    return Task("t", 1, "none", Number(), Splits((), (), ()), scorer)


def test_informed_verdicts_come_from_gold() -> None:
    example = Example(id="a", text="?", gold="5.0")
    ruling = informed(task(), example, numbers("556"))
    assert ruling.verdicts == {0: C, 1: C, 2: W} and ruling.answer == "5"
    assert informed(task(), example, numbers("666")).verdicts == {0: W, 1: W, 2: W}
    assert informed(task(), example, {}).verdicts == {}


def test_informed_verdicts_come_from_the_tasks_own_verifier() -> None:
    ruling = informed(task(frozenset("56")), Example(id="a", text="?", gold="5"), numbers("567"))
    assert ruling.verdicts == {0: C, 1: C, 2: W} and ruling.answer == "5"


def test_informed_without_gold_is_uncertain() -> None:
    ruling = informed(task(), Example(id="a", text="?"), numbers("55"))
    assert ruling.verdicts == {0: U, 1: U} and ruling.answer == ""


def test_a_self_evaluation_needs_room_and_a_strategy() -> None:
    assert JudgeConfig(strategy="plain").source is VerdictSource.PLAIN
    with pytest.raises(ValueError, match="strategy"):
        JudgeConfig.model_validate({"strategy": "gut feeling"})


EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")
SAID = {
    "a": "The sum is right.\nEvaluation result: the given answer is correct.",
    "b": "It is correct to add, but 3 + 5 is 8.\nEvaluation result: the given answer is wrong.",
    "c": "Hm.\nEvaluation result: the given answer is uncertain.",
    "d": "It adds.\nEvaluation result: the given answer is incorrect.",
    "e": "This is a sum.",
    "f": "",
}


def judge(request: Request, key: str) -> str | Completion:
    """The verdict that the letter in the solution stands for; `g` and `h` are cut."""
    solution = request.messages[-1].content
    letter = solution.split("Thought ", 1)[1][0]
    if letter == "g":
        return Completion(key, "The first step is correct.", Finish.LENGTH)
    if letter == "h":
        return Completion(key, "Hm.\nEvaluation result: the given answer is wrong.\n\nQuestion: Wh", Finish.LENGTH)
    return SAID[letter]


def test_plain_self_evaluations_are_read_from_their_last_line(lab: "Lab") -> None:
    letters = "abcdefgh"
    script = lab.replies({EIGHT.text: [f"Thought {letter}. The answer is {n}." for n, letter in enumerate(letters)]})
    teacher, examiner = lab.teacher(script, name="pupil"), lab.teacher(judge, name="examiner")
    found = lab.annotate([EIGHT], k=8, strategy="plain", teacher=teacher, judge=examiner)["eight"]
    unparsed = Verdict.UNPARSED
    assert [e.verdict for e in found.evaluations] == [C, W, U, W, unparsed, unparsed, unparsed, W]
    assert [e.critique for e in found.evaluations[:5]] == [
        "The sum is right.",
        "It is correct to add, but 3 + 5 is 8.",
        "Hm.",
        "It adds.",
        "This is a sum.",
    ]
    parses = [Parse.OK] * 4 + [Parse.NO_ANSWER, Parse.NO_ANSWER, Parse.TRUNCATED, Parse.TRUNCATED]
    assert [e.parse for e in found.evaluations] == parses
    assert all(bool(e.reason) == (e.parse is not Parse.OK) for e in found.evaluations)
    assert {e.source for e in found.evaluations} == {VerdictSource.PLAIN}
    for request in lab.engines[1].requests:
        shown = request.messages[-1].content
        assert EIGHT.text in shown and shown.count("The answer is") == 1, "one solution at a time, and its question"


@pytest.mark.parametrize(
    ("strategy", "verdicts", "answer"), [("consensus", [C, C, W], "9"), ("informed", [W, W, C], "8")]
)
def test_a_critique_is_asked_for_a_known_verdict(
    lab: "Lab", strategy: str, verdicts: list[Verdict], answer: str
) -> None:
    texts = ["One. The answer is 9.", "Two. The answer is 9.", "Three. The answer is 8."]
    found = lab.annotate([EIGHT], strategy=strategy, teacher=lab.teacher(lab.replies({EIGHT.text: texts})))["eight"]
    assert [e.verdict for e in found.evaluations] == verdicts
    for evaluation, text in zip(found.evaluations, texts, strict=True):
        request = next(r for r in lab.engines[0].requests if r.messages[-2].content == text)
        asked = request.messages[-1].content
        assert evaluation.critique == f"Remark 0. {asked}"
        assert (f"the right answer is {answer}" in asked) == (evaluation.verdict is W)


def test_a_single_rationale_has_no_consensus(lab: "Lab") -> None:
    found = lab.annotate([EIGHT], k=1, teacher=lab.teacher(lab.replies({EIGHT.text: ["The answer is 8."]})))["eight"]
    assert [e.verdict for e in found.evaluations] == [U]
    assert "uncertain" in found.evaluations[0].critique


def test_a_known_verdict_stands_though_its_critique_is_lost(lab: "Lab") -> None:
    """Cut, empty or failed: the verdict does not rest on the critique's words."""
    ends = {"x": Finish.LENGTH, "y": Finish.STOP, "z": Finish.FAILED}
    lost = {"x": "It adds the", "y": " ", "z": ""}

    def script(request: Request, key: str) -> str | Completion:
        if request.messages[-1].content == EIGHT.text:
            return rationales(request, key)
        letter = request.messages[-2].content[0]
        return Completion(key, lost[letter], ends[letter], error="lost" if letter == "z" else "")

    rationales = lab.replies({EIGHT.text: [f"{letter}. The answer is 8." for letter in "xyz"]})
    found = lab.annotate([EIGHT], teacher=lab.teacher(script))["eight"]
    assert [e.verdict for e in found.evaluations] == [C, C, C]
    assert [e.parse for e in found.evaluations] == [Parse.TRUNCATED, Parse.EMPTY, Parse.FAILED]
    assert [e.critique for e in found.evaluations] == ["It adds the", "", ""]
    assert found.evaluations[2].reason == "lost"
