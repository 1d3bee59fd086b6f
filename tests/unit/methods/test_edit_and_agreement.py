"""EDIT, DynSDPB and weights by verdicts on hand-made annotations: the targets they must make, to the letter.

Question A, gold 7: two right samples that say the same, a wrong one, one that did not parse. Of the right ones the
same corrupted dual and one that missed, of the wrong one a rectified dual.
"""

from collections.abc import Sequence

import pytest

from mindsmirror.answers import Number
from mindsmirror.errors import AnnotationError, RecipeError
from mindsmirror.methods import ArmConfig, check_needs, check_ready, method_named, read_arm
from mindsmirror.records import (
    Annotation,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Stage,
    Tag,
    Verdict,
    VerdictSource,
)
from mindsmirror.tasks.base import Splits, Task

NUMBERS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
RIGHT, WRONG, SPOILT, MENDED = "3 and 4 is 7.", "3 times 4 is 12.", "3 and 4 is 8.", "3 plus 4 is 7."
CORRUPTED, RECTIFIED = DualKind.CORRUPTED, DualKind.RECTIFIED


def said(sample: int, reasoning: str, answer: str | None, teacher: str = "t") -> Rationale:
    parse = Parse.OK if answer else Parse.TRUNCATED
    return Rationale(teacher=teacher, sample=sample, text="", reasoning=reasoning, answer=answer, parse=parse)


def dual(kind: DualKind, of: int, reasoning: str, answer: str | None, sample: int = 0) -> DualRationale:
    parse = Parse.OK if answer else Parse.MISSED
    made = {"teacher": "t", "sample": sample, "text": "", "reasoning": reasoning, "answer": answer, "parse": parse}
    return DualRationale.model_validate({**made, "kind": kind, "of": of})


def annotated(
    rationales: Sequence[Rationale],
    duals: Sequence[DualRationale] = (),
    verdicts: Sequence[tuple[int, Verdict]] = (),
    gold: str | None = "7",
    name: str = "A",
) -> Annotation:
    evaluations = [
        SelfEvaluation(
            teacher="t", rationale=of, sample=number, verdict=verdict, source=VerdictSource.PLAIN, critique="So."
        )
        for number, (of, verdict) in enumerate(verdicts)
    ]
    return Annotation(
        example=Example(id=name, text=f"Question {name}?", gold=gold),
        split="train",
        rationales=tuple(rationales),
        evaluations=tuple(evaluations),
        duals=tuple(duals),
        provenance=Provenance(teacher="t", judge="t", prompt="p", temperature=0.8, tokens_in=0, tokens_out=0),
    )


WHOLE = annotated(
    [said(0, RIGHT, "7"), said(1, RIGHT, "7"), said(2, WRONG, "12"), said(3, "3 and", None)],
    [
        dual(CORRUPTED, 0, SPOILT, "8"),
        dual(CORRUPTED, 1, SPOILT, "8"),
        dual(CORRUPTED, 1, RIGHT, None, sample=1),
        dual(RECTIFIED, 2, MENDED, "7"),
    ],
)


def stages(method: str, *annotations: Annotation, **settings: object) -> tuple[Stage, ...]:
    arm = read_arm({"name": "arm", "method": method, "labels": "gold", **settings})
    made = method_named(method).stages(annotations, NUMBERS, arm)
    return tuple(stage.model_copy(update={"targets": tuple(stage.targets)}) for stage in made)


def ends(reasoning: str, answer: str) -> str:
    return f"{reasoning} The answer is {answer}."


def test_edit_learns_right_thoughts_and_then_where_they_part() -> None:
    thinking, key_steps = stages("edit", WHOLE)
    assert [(t.tag, t.text, t.weight, t.data) for t in thinking.targets] == [
        (Tag.EXPLAIN, ends(RIGHT, "7"), 2.0, {}),
        (Tag.EXPLAIN, ends(MENDED, "7"), 1.0, {}),
    ]
    assert [(t.text, t.data["contrast"], t.data.get("unlearn", False), t.weight) for t in key_steps.targets] == [
        (ends(RIGHT, "7"), ends(SPOILT, "8"), False, 2.0),
        (ends(SPOILT, "8"), ends(RIGHT, "7"), True, 2.0),
        (ends(MENDED, "7"), ends(WRONG, "12"), False, 1.0),
        (ends(WRONG, "12"), ends(MENDED, "7"), True, 1.0),
    ]
    assert (thinking.name, key_steps.name) == ("thinking", "key_steps")
    assert (thinking.share, key_steps.share) == pytest.approx((0.6, 0.4))
    assert (thinking.rate, key_steps.rate) == pytest.approx((1.0, 1 / 40))
    assert (thinking.objective, key_steps.objective) == ("likelihood", "edit")
    assert key_steps.parameters == {"unlikelihood": 0.025}
    assert thinking.task_weights == key_steps.task_weights == {Tag.EXPLAIN: 1.0}
    assert thinking.dropped == {"rationale: truncated": 1}
    assert key_steps.dropped == {"corrupted: missed": 1}
    [_, heavier] = stages("edit", WHOLE, unlikelihood=0.5)
    assert heavier == key_steps.model_copy(update={"parameters": {"unlikelihood": 0.5}})


def test_edit_takes_so_many_different_right_ones() -> None:
    two = annotated(
        [said(0, RIGHT, "7"), said(1, "7.", "7")], [dual(CORRUPTED, 0, SPOILT, "8"), dual(CORRUPTED, 1, "6.", "6")]
    )
    thinking, key_steps = stages("edit", two, distinct=1)
    assert [target.text for target in thinking.targets] == [ends(RIGHT, "7")]
    assert [target.text for target in key_steps.targets] == [ends(RIGHT, "7"), ends(SPOILT, "8")]
    assert thinking.dropped == {"rationale: more than distinct": 1}
    assert key_steps.dropped == {"corrupted: its rationale is not taught": 1}


def test_edit_goes_by_the_gold_of_today() -> None:
    """Gold was corrected to 12 since: what was rectified is wrong now, what was corrupted was never right."""
    moved = WHOLE.model_copy(update={"example": WHOLE.example.model_copy(update={"gold": "12"})})
    with pytest.raises(AnnotationError, match=r"'arm'.*'key_steps'.*of no use by gold: 1"):
        stages("edit", moved)


def test_edit_without_pairs_is_refused() -> None:
    with pytest.raises(AnnotationError, match=r"'arm' is left with nothing to learn in its stage 'key_steps'"):
        stages("edit", annotated([said(0, RIGHT, "7")]))


def test_a_dual_stands_beside_the_rationale_that_it_was_made_from() -> None:
    swapped = annotated(
        [said(5, RIGHT, "7"), said(2, "4 and 3 is 7.", "7")],
        [dual(CORRUPTED, 2, "4 and 3 is 9.", "9"), dual(CORRUPTED, 5, SPOILT, "8"), dual(CORRUPTED, 9, "x", "1")],
    )
    [_, key_steps] = stages("edit", swapped)
    assert [(t.text, t.data["contrast"]) for t in key_steps.targets if "unlearn" not in t.data] == [
        (ends("4 and 3 is 7.", "7"), ends("4 and 3 is 9.", "9")),
        (ends(RIGHT, "7"), ends(SPOILT, "8")),
    ]
    assert key_steps.dropped == {"corrupted: of no use by gold": 1}


def test_dynsdpb_is_multi_cot_in_agreement_with_its_last_batch() -> None:
    [plain], [held] = stages("multi_cot", WHOLE, alpha=0.3), stages("dynsdpb", WHOLE, alpha=0.3)
    own = {"weight": 1.0, "temperature": 3.0, "dynamic": True}
    assert held == plain.model_copy(update={"objective": "dynsdpb", "parameters": own})
    [fixed] = stages("dynsdpb", WHOLE, agreement={"weight": 0.5, "dynamic": False})
    assert fixed.parameters == {"weight": 0.5, "temperature": 3.0, "dynamic": False}


@pytest.mark.parametrize("method", ["multi_cot", "minds_mirror", "dynsdpb"])
def test_rationales_weigh_by_their_verdicts(method: str) -> None:
    """Correct of two, of one of three that were read, of none, and never judged."""
    rationales = [said(n, f"Way {n}.", "7") for n in range(4)]
    verdicts = [
        *((0, Verdict.CORRECT), (0, Verdict.CORRECT)),
        *((1, Verdict.CORRECT), (1, Verdict.WRONG), (1, Verdict.UNCERTAIN), (1, Verdict.UNPARSED)),
        (2, Verdict.WRONG),
    ]
    settings = {"schedule": "sequential"} if method == "minds_mirror" else {}
    judged, even = (
        stages(method, annotated(rationales, verdicts=verdicts), rationale_weights=w, **settings)
        for w in ("verdicts", "even")
    )
    thinking = {t.text: t.weight for t in judged[-1].targets if t.tag is Tag.EXPLAIN}
    assert thinking == pytest.approx({ends("Way 0.", "7"): 1.0, ends("Way 1.", "7"): 1 / 3})
    assert [t for t in judged[-1].targets if t.tag is Tag.PREDICT] == [
        t for t in even[-1].targets if t.tag is Tag.PREDICT
    ]
    assert judged[-1].dropped == {"rationale: never judged correct": 1, "rationale: no verdict": 1}
    assert judged[:-1] == even[:-1], "what the judge learns does not depend on it"
    assert all(t.weight == 1.0 for t in even[-1].targets if t.tag is Tag.EXPLAIN)


def needs(method: str, **settings: object) -> ArmConfig:
    return read_arm({"name": "a", "method": method, "labels": "gold", **settings})


def test_edit_needs_duals_of_both_kinds_before_anything_is_paid() -> None:
    for rectified, corrupted, lacks in ((0, 1, "rectified"), (1, 0, "corrupted")):
        with pytest.raises(AnnotationError, match=rf"'a'.*'edit' needs \[annotation\] {lacks} >= 1, the recipe has 0"):
            check_needs(needs("edit"), 3, 0, rectified=rectified, corrupted=corrupted)
    check_needs(needs("edit"), 3, 0, rectified=1, corrupted=1)
    with pytest.raises(RecipeError, match='Set labels = "gold"'):
        check_needs(read_arm({"name": "a", "method": "edit", "labels": "teacher"}), 3, 0, rectified=1, corrupted=1)


def test_a_file_of_annotations_needs_duals_too() -> None:
    check_ready([needs("edit")], [annotated([said(0, RIGHT, "7")], [dual(CORRUPTED, 0, SPOILT, "8")])], "the file")
    with pytest.raises(AnnotationError, match=r"rectified >= 1, the file has 0"):
        check_ready([needs("edit")], [annotated([said(0, RIGHT, "7")])], "the file")


def test_weights_by_verdicts_need_verdicts() -> None:
    with pytest.raises(AnnotationError, match=r"rationale_weights = 'verdicts' needs .*self_evaluations >= 1"):
        check_needs(needs("multi_cot", rationale_weights="verdicts"), 5, 0)
