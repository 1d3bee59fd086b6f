"""Nothing that is stored is asked for twice: runs that grow, resume, fail, or only read anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mindsmirror.answers import Number
from mindsmirror.answers.base import Answer
from mindsmirror.engines.base import Request
from mindsmirror.records import Annotation, Parse

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab, Strategy


def unequal(request: Request, key: str) -> str:
    """A rationale whose words no other has, or a verdict."""
    if "Is this solution correct" in request.messages[-1].content:
        return f"Remark {key[:6]}.\nEvaluation result: the given answer is correct."
    return f"Thought {key[:12]}. The answer is {int(key[:4], 16)}."


def purposes(requests: Sequence[Request]) -> list[tuple[str, int]]:
    """What each request is for, and how many samples it asks for."""
    judging = "Is this solution correct"
    return [("self-evaluation" if judging in r.messages[-1].content else "rationale", len(r.keys)) for r in requests]


def without_costs(found: Mapping[str, Annotation]) -> dict[str, tuple[object, object]]:
    return {id: (annotation.rationales, annotation.evaluations) for id, annotation in found.items()}


@pytest.mark.parametrize("strategy", ["plain", "consensus", "informed"])
def test_a_second_run_opens_no_engine_and_finds_the_same(lab: "Lab", strategy: "Strategy") -> None:
    teacher = lab.teacher(unparsed=0.2)
    first = lab.annotate(lab.sums(12), k=3, m=2, strategy=strategy, teacher=teacher)
    assert len(lab.asked) == len(set(lab.asked)) == lab.tally.came.samples
    assert sorted(lab.asked) == lab.stored()
    assert lab.annotate(lab.sums(12), k=3, m=2, strategy=strategy, teacher=teacher) == first
    assert lab.engines == [] and (lab.tally.questions, lab.tally.came.samples) == (12, 0)


def test_more_rationales_ask_only_for_the_new_ones(lab: "Lab") -> None:
    teacher = lab.teacher(unequal)
    before = lab.annotate(lab.sums(6), k=3, strategy="plain", teacher=teacher)
    after = lab.annotate(lab.sums(6), k=5, strategy="plain", teacher=teacher)
    assert sorted(purposes(lab.engines[0].requests)) == [("rationale", 2)] * 6 + [("self-evaluation", 1)] * 12
    for example in lab.sums(6):
        assert after[example.id].rationales[:3] == before[example.id].rationales
        assert after[example.id].evaluations[:3] == before[example.id].evaluations
        assert set(lab.rationale_keys(example, (3, 4), teacher)) <= set(lab.asked)
        assert not set(lab.rationale_keys(example, (0, 1, 2), teacher)) & set(lab.asked)
    assert lab.annotate(lab.sums(6), k=3, strategy="plain", teacher=teacher) == before and lab.engines == []


def test_more_self_evaluations_ask_only_for_the_new_ones(lab: "Lab") -> None:
    teacher = lab.teacher(unequal)
    before = lab.annotate(lab.sums(6), k=3, m=1, strategy="plain", teacher=teacher)
    after = lab.annotate(lab.sums(6), k=3, m=2, strategy="plain", teacher=teacher)
    assert purposes(lab.engines[0].requests) == [("self-evaluation", 1)] * 18
    for id, annotation in after.items():
        assert annotation.rationales == before[id].rationales
        assert tuple(e for e in annotation.evaluations if e.sample == 0) == before[id].evaluations
        assert len({e.critique for e in annotation.evaluations}) == 6


def test_more_questions_ask_only_for_theirs(lab: "Lab") -> None:
    before = lab.annotate(lab.sums(5))
    old = set(lab.asked)
    after = lab.annotate(lab.sums(9))
    assert {id: after[id] for id in before} == before
    alone = lab.sums(4, first=5)
    assert not old & set(lab.asked) and sorted({*old, *lab.asked}) == lab.stored()
    assert {r.messages[5].content for r in lab.engines[0].requests if len(r.messages) == 6} <= {e.text for e in alone}
    lab.path.unlink()
    assert lab.annotate(alone) == {e.id: after[e.id] for e in alone}


@dataclass(frozen=True)
class Odd:
    """A stricter reading: only odd numbers are answers."""

    name: str = "number"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        answer = Number().read(raw, choices)
        return answer if answer and int(answer.key) % 2 else None


def test_another_parser_asks_for_nothing(lab: "Lab") -> None:
    teacher = lab.teacher(unequal)
    before = lab.annotate(lab.sums(6), k=4, strategy="plain", teacher=teacher)
    after = lab.annotate(lab.sums(6), k=4, strategy="plain", teacher=teacher, answers=Odd())
    assert lab.engines == []
    parses = [r.parse for a in after.values() for r in a.rationales]
    assert parses.count(Parse.OK) + parses.count(Parse.BAD_ANSWER) == 24 and 0 < parses.count(Parse.OK) < 24
    assert sum(len(a.evaluations) for a in after.values()) == parses.count(Parse.OK)
    assert lab.annotate(lab.sums(6), k=4, strategy="plain", teacher=teacher) == before


def test_what_failed_is_asked_for_again_and_nothing_else(lab: "Lab") -> None:
    lab.annotate(lab.sums(20), k=3, strategy="plain", teacher=lab.teacher(unequal, failed=0.3))
    stored, failed = set(lab.stored()), set(lab.asked) - set(lab.stored())
    assert len(failed) > 15
    mended = lab.annotate(lab.sums(20), k=3, strategy="plain", teacher=lab.teacher(unequal))
    assert failed <= set(lab.asked) and not stored & set(lab.asked)
    assert len(lab.asked) == len(set(lab.asked)) and len(lab.stored()) == 20 * (3 + 3)
    lab.path.unlink()
    whole = lab.annotate(lab.sums(20), k=3, strategy="plain", teacher=lab.teacher(unequal))
    assert without_costs(mended) == without_costs(whole)


def test_other_sampling_or_another_model_is_another_sample(lab: "Lab") -> None:
    lab.annotate(lab.sums(2), k=2, m=0)
    lab.annotate(lab.sums(2), k=2, m=0, teacher=lab.teacher(name="other"))
    assert len(lab.asked) == 4
    assert len(lab.stored()) == 8
