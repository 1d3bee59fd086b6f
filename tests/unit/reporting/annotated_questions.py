"""Annotations for tests of the page of annotations: two small questions, and one of hostile text."""

from mindsmirror.records import (
    Annotation,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
    VerdictSource,
)

HOSTILE = (
    "</script><script>document.title='owned'</script><!--<script><img src=x onerror=\"document.title='owned'\">"
    "&lt;&amp;\u2028\u2029\udfff\ud800\u202eRTL \u05e9\u05dc\u05d5\u05dd\x00\x07"
)


def rationale(sample: int, right: bool | None, *, teacher: str = "t", **fields: object) -> Rationale:
    said = {"text": f"Thought {sample}. The answer is {sample}.", "answer": str(sample), "parse": Parse.OK, **fields}
    return Rationale.model_validate({"teacher": teacher, "sample": sample, "right": right, **said})


def evaluation(of: int, verdict: Verdict, critique: str = "", sample: int = 0, **fields: object) -> SelfEvaluation:
    said = {"verdict": verdict, "source": VerdictSource.CONSENSUS, "critique": critique, **fields}
    return SelfEvaluation.model_validate({"teacher": "judge", "rationale": of, "sample": sample, **said})


def dual(of: int, kind: DualKind, right: bool | None, **fields: object) -> DualRationale:
    said = {"teacher": "t", "sample": 0, "right": right, "parse": Parse.OK, **fields}
    return DualRationale.model_validate({**said, "kind": kind, "of": of})


def annotation(
    name: str,
    rationales: tuple[Rationale, ...],
    evaluations: tuple[SelfEvaluation, ...] = (),
    *,
    text: str = "How many?",
    split: str = "train",
    gold: str | None = "0",
) -> Annotation:
    return Annotation(
        example=Example(id=name, text=text, gold=gold, extra={"row": 1}),
        split=split,
        rationales=rationales,
        evaluations=evaluations,
        provenance=Provenance(teacher="t", judge="judge", prompt="p", temperature=0.8, tokens_in=1, tokens_out=1),
    )


FIRST = annotation(
    "first",
    (rationale(0, True), rationale(1, False), rationale(2, None, answer=None, parse=Parse.TRUNCATED, reason="cut")),
    (evaluation(0, Verdict.CORRECT, "Fine."), evaluation(1, Verdict.CORRECT, "Fine, too.")),
    text="How many pens has Ann?",
)
SECOND = annotation(
    "second",
    (rationale(0, True), rationale(1, False)),
    (evaluation(0, Verdict.WRONG, "No."), evaluation(1, Verdict.WRONG), evaluation(1, Verdict.UNCERTAIN, sample=1)),
    text="How many cats has Bo?",
)
THIRD = annotation("third", (rationale(0, True),), (evaluation(0, Verdict.CORRECT),), split="valid")
THREE = (FIRST, SECOND, THIRD)
DUAL = FIRST.model_copy(
    update={
        "duals": (
            dual(0, DualKind.CORRUPTED, False, text="Fewer pens. The answer is 7.", answer="7"),
            dual(1, DualKind.RECTIFIED, None, text="Same.", answer=None, parse=Parse.MISSED, reason="it reaches '1'"),
        )
    }
)
EVIL = annotation(
    HOSTILE,
    (rationale(0, False, teacher=HOSTILE, text=HOSTILE + "x" * 100_000, answer=HOSTILE, reason=HOSTILE),),
    (evaluation(0, Verdict.WRONG, HOSTILE, teacher=HOSTILE, reason=HOSTILE, parse=Parse.EMPTY),),
    text=HOSTILE,
    split=HOSTILE,
    gold=HOSTILE,
)
