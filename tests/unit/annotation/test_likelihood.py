"""Verdicts by likelihood: read off the first token, stored raw, asked for once and never mended."""

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.likelihood import REQUEST, SAMPLING, likelihood_prompt, log_odds, share
from mindsmirror.annotation.prompts import load_prompts
from mindsmirror.engines.base import Alternative, Completion, Finish, Message, Request, Sampling, sample_key
from mindsmirror.records import Example, Parse, Verdict, VerdictSource

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab

C, W, U, N = Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN, Verdict.UNPARSED
EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")


def alternatives(**logprobs: float) -> tuple[Alternative, ...]:
    return tuple(Alternative(text, logprob) for text, logprob in logprobs.items())


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"correct": -0.5, "wrong": -2.0}, 1.5),
        ({"wrong": -0.5, "correct": -2.0}, -1.5),
        ({" Correct": -0.5, "WRONG.": -2.0}, 1.5),
        ({"cor": -0.5, "**wr": -2.0, "The": -0.1}, 1.5),
        ({"correct": math.log(0.3), "Correct": math.log(0.1), "wrong": math.log(0.2)}, math.log(2)),
        ({"correct": -0.5, "The": -1.0, "It": -7.0}, 6.5),
        ({"w": -0.5, "The": -1.0, "It": -7.0}, -6.5),
        ({"correct": -0.5}, 0.0),
        ({"correct": -0.5, "wrong": -math.inf}, 0.0),
        ({"incorrect": -0.5, "not": -1.0, "": -2.0, " ": -3.0, "world": -4.0, "correction": -5.0}, -0.0),
        ({"incorrect": -0.5, "": -2.0, "**": -3.0}, None),
        ({}, None),
    ],
)
def test_log_odds_are_those_of_the_tokens_that_begin_a_verdict(
    tokens: dict[str, float], expected: float | None
) -> None:
    found = log_odds(Alternative(text, logprob) for text, logprob in tokens.items())
    assert found == (None if expected is None else pytest.approx(expected))


@given(st.floats(-700, 700))
def test_a_share_and_its_counterpart_are_one(odds: float) -> None:
    assert 0 <= share(odds) <= 1 and share(odds) + share(-odds) == pytest.approx(1)
    assert (share(odds) > 0.5) == (odds > 1e-15) or abs(odds) < 1e-15


def test_the_judge_sees_one_word_about_each_solution() -> None:
    prompts = load_prompts("equation")
    prompt = likelihood_prompt(prompts, EIGHT, "Add them. The answer is 8.")
    roles = [message.role for message in prompt.messages]
    assert roles == ["system", *["user", "assistant"] * len(prompts.judged), "user"]
    assert {m.content for m in prompt.messages if m.role == "assistant"} == {"correct", "wrong"}
    last = prompt.messages[-1].content
    assert EIGHT.text in last and "Add them. The answer is 8." in last and last.endswith(REQUEST)
    assert prompt.shared == len(prompt.messages) - 1
    other = likelihood_prompt(prompts, Example(id="x", text="Another?"), "Else.")
    assert other.messages[: other.shared] == prompt.messages[: prompt.shared]


def test_choices_are_part_of_the_key_and_their_absence_of_none() -> None:
    messages = (Message("user", "Hi"),)
    plain = Sampling(temperature=0.0, max_tokens=1)
    assert sample_key({}, messages, plain, 0) != sample_key({}, messages, SAMPLING, 0)
    # As it was before there were choices: what is stored stays found.
    known = "945f598612245955ed9ab1b011f84a00895936ca3d387c78c710c585c5a3e5bc"
    assert sample_key({}, messages, Sampling(), 0) == known


SAID = {
    "a": Completion("", "correct", Finish.LENGTH, alternatives=alternatives(correct=-0.1, wrong=-3.1)),
    "b": Completion("", "wrong", Finish.LENGTH, alternatives=alternatives(wrong=-0.2, correct=-1.2)),
    "c": Completion("", "correct", Finish.LENGTH, alternatives=alternatives(correct=-0.7, wrong=-0.7)),
    "d": Completion("", "The", Finish.LENGTH, alternatives=alternatives(The=-0.1, It=-3.1)),
    "e": Completion("", "correct", Finish.LENGTH),
    "f": Completion("", "", Finish.FAILED, error="no connection"),
    "g": Completion("", "", Finish.FILTERED),
}


def judge(request: Request, key: str) -> Completion:
    said = SAID[request.messages[-1].content.split("Thought ", 1)[1][0]]
    return Completion(key, said.text, said.finish, 0, 1, said.error, said.alternatives)


def test_verdicts_follow_the_likelier_word_and_carry_its_share(lab: "Lab") -> None:
    script = lab.replies({EIGHT.text: [f"Thought {letter}. The answer is 8." for letter in SAID]})
    teacher, examiner = lab.teacher(script, name="pupil"), lab.teacher(judge, name="examiner")
    found = lab.annotate([EIGHT], k=7, strategy="likelihood", teacher=teacher, judge=examiner, repairs=3)["eight"]
    assert [e.verdict for e in found.evaluations] == [C, W, U, N, N, N, N]
    assert [e.parse for e in found.evaluations] == [
        Parse.OK,
        Parse.OK,
        Parse.OK,
        Parse.NO_ANSWER,
        Parse.NO_ANSWER,
        Parse.FAILED,
        Parse.REFUSED,
    ]
    shares = [e.likelihood for e in found.evaluations]
    assert shares[:3] == [pytest.approx(share(odds)) for odds in (3.0, -1.0, 0.0)] and set(shares[3:]) == {None}
    assert {(e.source, e.critique, e.p_correct) for e in found.evaluations} == {(VerdictSource.LIKELIHOOD, "", None)}
    assert "without probabilities" in found.evaluations[4].reason
    requests = lab.engines[1].requests
    assert len(requests) == 7, "what does not parse is not asked for again: it is not drawn"
    assert {(r.sampling.choices, r.sampling.max_tokens, len(r.keys)) for r in requests} == {
        (("correct", "wrong"), 1, 1)
    }


def test_what_is_stored_is_not_asked_for_again(lab: "Lab") -> None:
    questions = lab.sums(12)
    first = lab.annotate(questions, strategy="likelihood")
    texts = {(id, r.text) for id, annotation in first.items() for r in annotation.rationales}
    assert len(lab.asked) == 12 * 3 + len(texts), "equal rationales of a question share a likelihood"
    assert all(len(annotation.evaluations) == 3 for annotation in first.values())
    again = lab.annotate(questions, strategy="likelihood")
    assert lab.asked == [] and again == first
    lab.annotate(questions, strategy="plain")
    assert len(lab.asked) == len(texts), "another strategy asks something else"
    lab.annotate(questions, strategy="likelihood")
    assert lab.asked == []
