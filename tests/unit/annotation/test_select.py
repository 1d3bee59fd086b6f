"""Which rationales are taught as thinking, rule by rule, and that none is left out silently."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.select import Rule, selected
from mindsmirror.answers import Number
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
from mindsmirror.tasks.base import Splits, Task

NUMBERS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
CORRECT, WRONG, UNCERTAIN, UNPARSED = Verdict.CORRECT, Verdict.WRONG, Verdict.UNCERTAIN, Verdict.UNPARSED
RULES: tuple[Rule, ...] = ("all", "right", "judged_correct", "majority")


def annotated(
    said: Sequence[tuple[str, str | None]], verdicts: Sequence[Sequence[Verdict]] = (), gold: str | None = "7"
) -> Annotation:
    """One question with (reasoning, answer) rationales, and the verdicts on each of them."""
    return Annotation(
        example=Example(id="q", text="Question?", gold=gold),
        split="train",
        rationales=tuple(
            Rationale(
                teacher="t",
                sample=sample,
                text=reasoning,
                reasoning=reasoning,
                answer=answer,
                parse=Parse.OK if answer is not None else Parse.NO_ANSWER,
            )
            for sample, (reasoning, answer) in enumerate(said)
        ),
        evaluations=tuple(
            SelfEvaluation(
                teacher="t", rationale=judged, sample=sample, verdict=verdict, source=VerdictSource.PLAIN, critique="c"
            )
            for judged, of_one in enumerate(verdicts)
            for sample, verdict in enumerate(of_one)
        ),
        provenance=Provenance(teacher="t", judge="t", prompt="p", temperature=0.8, tokens_in=0, tokens_out=0),
    )


def shown(annotation: Annotation, select: Rule, distinct: int | None = None) -> tuple[list[int], dict[str, int]]:
    """The samples that stay, and what was counted."""
    dropped: Counter[str] = Counter()
    parsed = [rationale for rationale in annotation.rationales if rationale.parse is Parse.OK]
    kept = selected(parsed, annotation, NUMBERS, select, distinct, dropped)
    return [rationale.sample for rationale in kept], dict(dropped)


FIVE = [("a", "7"), ("b", "12"), ("c", "7.0"), ("d", None), ("a", "7")]


def test_all_keeps_what_parsed() -> None:
    assert shown(annotated(FIVE), "all") == ([0, 1, 2, 4], {})


def test_right_goes_by_gold_in_value() -> None:
    assert shown(annotated(FIVE), "right") == ([0, 2, 4], {"rationale: not right": 1})
    assert shown(annotated(FIVE, gold="12"), "right") == ([1], {"rationale: not right": 3})
    none = {"rationale: not right": 4, "question: no rationale selected": 1}
    assert shown(annotated(FIVE, gold="1"), "right") == ([], none)


def test_majority_goes_by_the_answers_and_needs_one_that_leads() -> None:
    assert shown(annotated(FIVE, gold=None), "majority") == ([0, 2, 4], {"rationale: not the majority's answer": 1})
    torn = {"rationale: no answer leads": 2, "question: no rationale selected": 1}
    assert shown(annotated([("a", "1"), ("b", "2")]), "majority") == ([], torn)


def test_majority_counts_answers_without_reasoning_too() -> None:
    """The label is found among all answers; what is taught must agree with it."""
    annotation = annotated([("a", "1"), ("", "2"), ("b", "2"), ("c", "2")])
    usable = [rationale for rationale in annotation.rationales if rationale.reasoning]
    assert [r.sample for r in selected(usable, annotation, NUMBERS, "majority", None, Counter())] == [2, 3]


def test_judged_correct_takes_more_than_half_of_the_verdicts_that_parsed() -> None:
    verdicts = [
        [CORRECT, CORRECT, WRONG],
        [CORRECT, WRONG],
        [CORRECT, UNPARSED, UNPARSED],
        [CORRECT],
        [UNPARSED],
    ]
    kept, dropped = shown(annotated(FIVE, verdicts), "judged_correct")
    assert kept == [0, 2]
    assert dropped == {"rationale: not judged correct": 1, "rationale: no verdict": 1}
    assert shown(annotated([("a", "7")], [[CORRECT, UNCERTAIN]]), "judged_correct")[0] == []
    assert shown(annotated([("a", "7")]), "judged_correct")[1]["rationale: no verdict"] == 1


def test_distinct_drops_repeats_and_then_stops() -> None:
    said = [("a  b", "7"), ("a\nb ", "7"), ("c", "7"), ("a b", "8"), ("e", "7")]
    assert shown(annotated(said), "all", 9) == ([0, 2, 3, 4], {"rationale: repeated": 1})
    limited = {"rationale: repeated": 1, "rationale: more than distinct": 2}
    assert shown(annotated(said), "all", 2) == ([0, 2], limited)


def test_distinct_counts_among_what_the_rule_has_kept() -> None:
    assert shown(annotated([("a", "1"), ("b", "7"), ("b", "7")]), "right", 1) == (
        [1],
        {"rationale: not right": 1, "rationale: repeated": 1},
    )


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.sampled_from(["1", "2", "3", None])), max_size=7),
    st.lists(st.lists(st.sampled_from(list(Verdict)), max_size=3), max_size=7),
    st.sampled_from(["1", "2", "x", None]),
    st.sampled_from(RULES),
    st.none() | st.integers(1, 4),
)
def test_every_rationale_is_kept_or_counted(
    said: list[tuple[str, str | None]],
    verdicts: list[list[Verdict]],
    gold: str | None,
    select: Rule,
    distinct: int | None,
) -> None:
    annotation = annotated(said, verdicts, gold)
    parsed = sum(answer is not None for _, answer in said)
    kept, dropped = shown(annotation, select, distinct)
    assert kept == sorted(kept)
    lost = sum(count for reason, count in dropped.items() if reason.startswith("rationale: "))
    assert len(kept) + lost == parsed
    assert dropped.get("question: no rationale selected", 0) == (parsed > 0 and not kept)
    if distinct is not None:
        assert len({said[sample] for sample in kept}) == len(kept) <= distinct


@pytest.mark.parametrize("select", RULES)
def test_nothing_in_nothing_out(select: Rule) -> None:
    assert shown(annotated([]), select, 2) == ([], {})
