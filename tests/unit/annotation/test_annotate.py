"""One run of the k x m loop: what an annotation holds, and what happens to samples that are no use."""

from typing import TYPE_CHECKING

import pytest

from mindsmirror.annotation.store import Store
from mindsmirror.engines.base import Completion, Finish
from mindsmirror.records import (
    Annotation,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)

if TYPE_CHECKING:
    from unit.annotation.conftest import Lab, Strategy

EIGHT = Example(id="eight", text="What is 3 + 5?", gold="8")


def test_an_annotation_is_what_the_replies_say(lab: "Lab") -> None:
    texts = (
        "  Five and three make 8. The answer is 8.\n",
        "The sum is 9. The answer is 9.",
        "3 + 5 = 8. So the answer is 8.0.",
    )
    correct = "The solution is correct. Say in one sentence what makes it correct."
    wrong = "The solution is wrong: the right answer is 8. Say in one sentence what its first mistake is."
    found = lab.annotate([EIGHT], k=3, m=2, teacher=lab.teacher(lab.replies({EIGHT.text: texts})))["eight"]

    def rationale(sample: int, text: str, reasoning: str, answer: str, right: bool) -> Rationale:
        return Rationale(
            teacher="scripted",
            sample=sample,
            text=text,
            reasoning=reasoning,
            answer=answer,
            parse=Parse.OK,
            right=right,
        )

    def evaluation(rationale: int, sample: int, verdict: Verdict, request: str) -> SelfEvaluation:
        return SelfEvaluation(
            teacher="scripted",
            rationale=rationale,
            sample=sample,
            verdict=verdict,
            source=VerdictSource.CONSENSUS,
            critique=f"Remark {sample}. {request}",
        )

    request_words = [sum(len(m.content.split()) for m in r.messages) for r in lab.engines[0].requests]
    assert found == Annotation(
        example=EIGHT,
        split="train",
        rationales=(
            rationale(0, "Five and three make 8. The answer is 8.", "Five and three make 8.", "8", True),
            rationale(1, texts[1], "The sum is 9.", "9", False),
            rationale(2, texts[2], "3 + 5 = 8.", "8", True),
        ),
        evaluations=(
            evaluation(0, 0, Verdict.CORRECT, correct),
            evaluation(0, 1, Verdict.CORRECT, correct),
            evaluation(1, 0, Verdict.WRONG, wrong),
            evaluation(1, 1, Verdict.WRONG, wrong),
            evaluation(2, 0, Verdict.CORRECT, correct),
            evaluation(2, 1, Verdict.CORRECT, correct),
        ),
        provenance=Provenance(
            teacher="scripted",
            judge="scripted",
            prompt=lab.prompts.hash,
            temperature=0.8,
            tokens_in=sum(request_words),
            # 9 + 8 + 10 words of rationales; each remark adds 2 words to its request.
            tokens_out=9 + 8 + 10 + 4 * (2 + len(correct.split())) + 2 * (2 + len(wrong.split())),
        ),
    )
    assert len(request_words) == 1 + 3


def test_rationales_with_the_same_words_are_judged_once(lab: "Lab") -> None:
    script = lab.replies({EIGHT.text: ["Add. The answer is 8."] * 4})
    found = lab.annotate([EIGHT], k=4, m=2, teacher=lab.teacher(script))["eight"]
    assert lab.engines[0].served == 2
    assert len(lab.asked) == len(set(lab.asked)) == 4 + 2
    assert [(e.rationale, e.sample) for e in found.evaluations] == [(r, s) for r in range(4) for s in range(2)]
    assert {e.critique for e in found.evaluations if e.sample == 0} == {found.evaluations[0].critique}
    assert {e.verdict for e in found.evaluations} == {Verdict.CORRECT}


@pytest.mark.parametrize("capacity", [1, 4, 1000])
def test_questions_with_the_same_words_are_asked_once(lab: "Lab", capacity: int) -> None:
    twins = [Example(id=f"twin{n}", text=EIGHT.text, gold="8") for n in range(3)]
    found = lab.annotate(twins, k=3, m=2, teacher=lab.teacher(capacity=capacity))
    assert len(lab.asked) == len(set(lab.asked))
    first = found["twin0"]
    assert len(first.rationales) == 3 and all(r.parse is Parse.OK for r in first.rationales)
    for twin in found.values():
        assert twin.model_copy(update={"example": first.example}) == first


@pytest.mark.parametrize("strategy", ["consensus", "plain", "informed"])
def test_rationales_without_an_answer_are_not_judged(lab: "Lab", strategy: "Strategy") -> None:
    half = Completion("", "First we add 3 and", Finish.LENGTH)
    texts: list[str | Completion] = [
        "The answer is 8.",
        half,
        "I am sorry, I cannot help.",
        "No idea.",
        "The answer is blue.",
    ]
    teacher = lab.teacher(lab.replies({EIGHT.text: texts}))
    found = lab.annotate([EIGHT], k=5, m=1, strategy=strategy, teacher=teacher)["eight"]
    parses = [Parse.OK, Parse.TRUNCATED, Parse.REFUSED, Parse.NO_ANSWER, Parse.BAD_ANSWER]
    assert [r.parse for r in found.rationales] == parses
    assert all(r.reason and r.answer is None and r.right is None for r in found.rationales[1:])
    assert [e.rationale for e in found.evaluations] == [0]
    assert lab.engines[0].served == 2


def test_a_question_without_any_answer_is_annotated_too(lab: "Lab") -> None:
    found = lab.annotate([EIGHT], k=2, m=3, teacher=lab.teacher(lambda messages, key: "Hm."))["eight"]
    assert [r.parse for r in found.rationales] == [Parse.NO_ANSWER] * 2
    assert found.evaluations == () and len(lab.asked) == 2


def test_without_self_evaluations_only_rationales_are_asked_for(lab: "Lab") -> None:
    found = lab.annotate(lab.sums(4), k=2, m=0)
    assert len(lab.asked) == 8 and all(a.evaluations == () for a in found.values())


def test_a_failed_sample_does_not_take_its_siblings_along(lab: "Lab") -> None:
    found = lab.annotate(lab.sums(30), k=4, teacher=lab.teacher(failed=0.3))
    rationales = [r for a in found.values() for r in a.rationales]
    failed = [r for r in rationales if r.parse is Parse.FAILED]
    assert 10 < len(failed) < 60
    assert all(r.reason == "scripted failure" and r.answer is None for r in failed)
    assert any({r.parse for r in a.rationales} == {Parse.FAILED, Parse.OK} for a in found.values())
    evaluations = [e for a in found.values() for e in a.evaluations]
    assert any(e.parse is Parse.FAILED and e.reason == "scripted failure" and not e.critique for e in evaluations)
    assert all(e.verdict is not Verdict.UNPARSED for e in evaluations), "a consensus needs no critique"


def test_a_reply_that_lacks_a_sample_is_a_sample_that_failed(lab: "Lab") -> None:
    (missing,) = lab.rationale_keys(EIGHT, [1], lab.teacher())
    found = lab.annotate([EIGHT], k=3, teacher=lab.teacher(lacks=lambda key: key == missing))["eight"]
    assert [r.parse for r in found.rationales] == [Parse.OK, Parse.FAILED, Parse.OK]
    assert found.rationales[1].reason == "the engine returned no such sample"
    assert [e.rationale for e in found.evaluations] == [0, 2]
    with Store(lab.path) as store:
        assert [(f.key, f.reason) for f in store.failures([missing])] == [
            (missing, "the engine returned no such sample")
        ]


def test_replies_of_any_characters_become_records_that_can_be_written(lab: "Lab") -> None:
    """Lone surrogates reach us from servers that cut an emoji in half; JSON cannot hold them."""
    texts = ["Half \ud83d an emoji. The answer is 8.", "NUL \x00 and \u2028. The answer is 8.", "\udc80"]
    found = lab.annotate([EIGHT], k=3, teacher=lab.teacher(lab.replies({EIGHT.text: texts})))["eight"]
    assert [r.parse for r in found.rationales] == [Parse.OK, Parse.OK, Parse.NO_ANSWER]
    assert Annotation.model_validate_json(found.model_dump_json()) == found
    assert found.rationales[0].text == "Half � an emoji. The answer is 8."


def test_the_order_of_questions_changes_nothing(lab: "Lab") -> None:
    questions = lab.sums(20)
    forward = lab.annotate(questions, teacher=lab.teacher(unparsed=0.2, capacity=4))
    lab.path.unlink()
    again = lab.annotate(reversed(questions), teacher=lab.teacher(unparsed=0.2, capacity=32))
    assert again == forward and list(again) != list(forward)
    assert {r.parse for a in forward.values() for r in a.rationales} == {Parse.OK, Parse.TRUNCATED}
