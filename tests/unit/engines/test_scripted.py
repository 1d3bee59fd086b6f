"""The scripted engine: pure in key and messages, and fit to play a teacher on any task."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling, Subject
from mindsmirror.engines.scripted import LOG_VARIABLE, ScriptedEngine, teacher
from mindsmirror.errors import UnknownNameError
from mindsmirror.records import Purpose, Verdict


def ask(
    engine: ScriptedEngine, prompt: str, keys: tuple[str, ...], subject: Subject | None = None
) -> tuple[Completion, ...]:
    engine.submit(Request("r", (Message("user", prompt),), Sampling(), keys, subject=subject))
    ((_, completions),) = engine.poll()
    return completions


def test_same_key_same_text_whatever_came_before() -> None:
    first = ask(ScriptedEngine(), "Ann has 5 pears and 17 apples. How many?", ("aa", "bb", "cc"))
    other = ScriptedEngine()
    ask(other, "Something else with 3?", ("zz",))
    assert ask(other, "Ann has 5 pears and 17 apples. How many?", ("cc",))[0].text == first[2].text
    texts = {c.text for c in ask(other, "What of 5 and 17.", tuple(map(str, range(20))))}
    assert len(texts) > 5


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        ("Ann has 5 pears and 1,700.5 apples. How many?", {"5", "1,700.5"}),
        ("Where? Choices: (a) the bank (b) a river 12", {"(a) the bank", "(b) a river 12"}),
        ("Where?\n(A) the bank\n(B) a river", {"(A) the bank", "(B) a river"}),
        ("Premise: 3 men sit.\nHypothesis: They run.", {"entailment", "neutral", "contradiction"}),
        ("Do 2 cats bark?", {"yes", "no"}),
        ("A dozen apples and one pear: how many?", {"1", "2"}),
    ],
)
def test_answers_are_drawn_from_the_question(question: str, allowed: set[str]) -> None:
    completions = ask(ScriptedEngine(), question, tuple(map(str, range(60))))
    answers = {m[1] for c in completions if (m := re.search(r"The answer is (.+)\.$", c.text))}
    assert answers == allowed
    assert all(c.finish is Finish.STOP and c.tokens_out == len(c.text.split()) for c in completions)
    assert [c.tokens_in for c in completions[:2]] == [len(question.split()), 0]


def test_judges_and_criticises() -> None:
    keys = tuple(map(str, range(80)))
    judged = ask(ScriptedEngine(), "?", keys, Subject(Purpose.SELF_EVALUATION, "2 + 2?", "4."))
    lines = {c.text.splitlines()[-1] for c in judged}
    assert lines == {f"Evaluation result: the given answer is {v}." for v in ("correct", "wrong", "uncertain")}
    given = {
        verdict: ask(ScriptedEngine(), "?", keys, Subject(Purpose.SELF_EVALUATION, "2 + 2?", "4.", verdict))
        for verdict in (Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN)
    }
    texts = {verdict: {critique.text for critique in critiques} for verdict, critiques in given.items()}
    assert len(set.union(*texts.values())) == sum(map(len, texts.values())), "each verdict has remarks of its own"
    assert not any("The answer is" in text or "Evaluation result" in text for each in texts.values() for text in each)


def test_a_dual_ends_at_the_answer_that_is_asked_for() -> None:
    keys, question = tuple(map(str, range(40))), "Ann has 5 pears and 17 apples. How many pears?"
    mended = Subject(Purpose.RECTIFIED, question, "She has 17, all 17. The answer is 17.", answer="5")
    assert {c.text for c in ask(ScriptedEngine(), "?", keys, mended)} == {"She has 5, all 5. The answer is 5."}
    spoilt = Subject(Purpose.CORRUPTED, question, "She has 5. The answer is 5.", answer="5")
    assert {c.text for c in ask(ScriptedEngine(), "?", keys, spoilt)} == {"She has 17. The answer is 17."}


def test_the_words_of_a_prompt_do_not_say_what_it_asks_for() -> None:
    subject = Subject(Purpose.RATIONALE, "Ann has 5 pears and 17 apples. How many?")
    (found,) = ask(ScriptedEngine(), "The solution is wrong: 99. Is this solution correct?", ("k",), subject)
    assert re.search(r"The answer is (5|17)\.$", found.text)


def test_shares_of_failed_and_unparsed() -> None:
    engine = ScriptedEngine(failed=0.2, unparsed=0.3)
    completions = ask(engine, "How many are 5 and 7?", tuple(f"key{i}" for i in range(1000)))
    failed = [c for c in completions if c.finish is Finish.FAILED]
    cut = [c for c in completions if c.finish is Finish.LENGTH]
    assert 150 < len(failed) < 250 and all(c.error and not c.text for c in failed)
    assert 180 < len(cut) < 300 and not any(re.search(r"The answer is .+\.", c.text) for c in cut)
    assert engine.identity["parameters"] == {"unparsed": 0.3, "failed": 0.2}


def test_serves_in_order_counts_and_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOG_VARIABLE, str(tmp_path / "served"))
    with ScriptedEngine("echo") as engine:
        for name in "ab":
            engine.submit(Request(name, (Message("user", name),), Sampling(), (name + "1", name + "2")))
        assert [r.id for r, _ in engine.poll()] == ["a"]
        assert [r.id for r, _ in engine.poll()] == ["b"]
        assert engine.poll() == []
        assert engine.served == 2
    assert (tmp_path / "served").read_text().split() == ["a1", "a2", "b1", "b2"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The engine's clock, in seconds: it stands still except where the engine sleeps."""
    now = [0.0]
    monkeypatch.setattr("mindsmirror.engines.scripted.time.monotonic", lambda: now[0])
    monkeypatch.setattr("mindsmirror.engines.scripted.time.sleep", lambda seconds: now.append(now.pop() + seconds))
    return now


def test_latency_runs_for_all_at_once_and_delay_for_each_poll(clock: list[float]) -> None:
    engine = ScriptedEngine("echo", latency=0.1)
    for name in "abc":
        engine.submit(Request(name, (Message("user", name),), Sampling(), (name,)))
    while engine.poll():
        pass
    assert clock == [0.1]
    slow = ScriptedEngine("echo", delay=0.05)
    for name in "ab":
        slow.submit(Request(name, (Message("user", name),), Sampling(), (name,)))
    while slow.poll():
        pass
    assert clock == [0.2]


def test_own_script_and_unknown_script() -> None:
    def refuse(request: Request, key: str) -> Completion:
        return Completion(key, "no", Finish.FILTERED)

    assert ask(ScriptedEngine(refuse), "x", ("k",))[0].finish is Finish.FILTERED
    with pytest.raises(UnknownNameError, match="Did you mean 'teacher'"):
        ScriptedEngine("teachr")


SUBJECTS = st.builds(Subject, st.sampled_from(Purpose), st.text(), st.text(), st.none() | st.sampled_from(Verdict))


@given(st.text(), st.text(), st.none() | SUBJECTS)
def test_any_request_gets_the_same_reply_twice(prompt: str, key: str, subject: Subject | None) -> None:
    request = Request("r", (Message("user", prompt),), Sampling(), (key,), subject=subject)
    assert teacher(request, key) == teacher(request, key)
    assert teacher(request, key) or (subject and subject.purpose in (Purpose.RECTIFIED, Purpose.CORRUPTED))


def test_a_request_to_write_again_is_answered_as_the_question() -> None:
    question = Message("user", "Ann has 500 pears and 1700 apples. How many?")
    again = "That does not end with its answer. Write the whole solution again."
    messages = (question, Message("assistant", "Hm."), Message("user", again))
    request = Request("r", messages, Sampling(), (), subject=Subject(Purpose.RATIONALE, question.content))
    texts = [teacher(request, str(key)) for key in range(20)]
    assert {text.rpartition(" ")[2] for text in texts} == {"500.", "1700."}


def test_malformed_and_refused_replies_end_as_replies_do() -> None:
    keys = tuple(map(str, range(60)))
    found = ask(ScriptedEngine(malformed=0.5), "What is 5 and 17?", keys)
    assert all(c.finish is Finish.STOP for c in found)
    assert 15 < sum("The answer is" not in c.text for c in found) < 45
    refused = [ask(ScriptedEngine(refused=0.5), f"What is {n} and 17?", keys[:3]) for n in range(40)]
    assert {len({"sorry" in c.text for c in of_question}) for of_question in refused} == {1}
    assert 8 < sum("sorry" in of_question[0].text for of_question in refused) < 32


def test_requests_may_end_together_but_not_before_their_time(clock: list[float]) -> None:
    with ScriptedEngine("echo", together=3, latency=5) as engine:
        for name in "abcde":
            clock[0] = 6.0 if name == "e" else 0.0
            engine.submit(Request(name, (Message("user", name),), Sampling(), (name,)))
        assert [[request.id for request, _ in engine.poll()] for _ in range(3)] == [["a", "b", "c"], ["d"], ["e"]]
        assert clock == [11.0] and engine.poll() == []
