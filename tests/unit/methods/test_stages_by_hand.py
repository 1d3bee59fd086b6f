"""Every method on two hand-made annotations: the targets it must make, to the letter.

Question A: five samples. Two say the same, one another answer, one is cut off, one states an answer without
reasoning; self-evaluations of the first and the third. Question B: nothing parsed.
"""

from collections.abc import Sequence

import pytest
from pytest import approx

from mindsmirror.answers import Number
from mindsmirror.errors import AnnotationError
from mindsmirror.methods import VerdictRequest, method_named, read_arm
from mindsmirror.methods.minds_mirror import MindsMirrorSettings
from mindsmirror.records import (
    Annotation,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Stage,
    Tag,
    Target,
    Verdict,
    VerdictSource,
)
from mindsmirror.tasks.base import Splits, Task

OK = Parse.OK
FIRST, OTHER = "3 and 4 is 7.", "3 times 4 is 12."
QUESTION = "Question A?"


Said = tuple[str, str | None, Parse]
Judged = tuple[int, Verdict, str, Parse]
NUMBERS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))


def annotated(name: str, gold: str | None, rationales: Sequence[Said], judged: Sequence[Judged] = ()) -> Annotation:
    """An annotation of (reasoning, answer, parse) and (rationale, verdict, critique, parse)."""
    return Annotation(
        example=Example(id=name, text=f"Question {name}?", gold=gold),
        split="train",
        rationales=tuple(
            Rationale(teacher="t", sample=sample, text="", reasoning=reasoning, answer=answer, parse=parse)
            for sample, (reasoning, answer, parse) in enumerate(rationales)
        ),
        evaluations=tuple(
            SelfEvaluation(
                teacher="t",
                rationale=rationale,
                sample=sample,
                verdict=verdict,
                source=VerdictSource.PLAIN,
                critique=critique,
                parse=parse,
            )
            for sample, (rationale, verdict, critique, parse) in enumerate(judged)
        ),
        provenance=Provenance(teacher="t", judge="t", prompt="p", temperature=0.8, tokens_in=0, tokens_out=0),
    )


@pytest.fixture
def annotations() -> list[Annotation]:
    rationales = [
        (FIRST, "7", OK),
        ("Well, 3 and", None, Parse.TRUNCATED),
        (OTHER, "12", OK),
        (FIRST, "7", OK),
        ("", "7", OK),
    ]
    judged = [
        (0, Verdict.CORRECT, "It adds.", OK),
        (0, Verdict.CORRECT, "It adds.", OK),
        (0, Verdict.WRONG, "It is", Parse.TRUNCATED),
        (2, Verdict.WRONG, "It multiplies.", OK),
        (2, Verdict.UNPARSED, "Hm.", OK),
        (2, Verdict.UNCERTAIN, "", Parse.EMPTY),
        (1, Verdict.CORRECT, "Fine.", OK),
        (3, Verdict.CORRECT, "It adds.", OK),
    ]
    nothing = [("", None, Parse.EMPTY), ("I cannot.", None, Parse.REFUSED)]
    return [annotated("A", "7", rationales, judged), annotated("B", "5", nothing)]


def stages(method: str, annotations: Sequence[Annotation], **settings: object) -> tuple[Stage, ...]:
    arm = read_arm({"name": "arm", "method": method, **settings})
    made = method_named(method).stages(annotations, NUMBERS, arm)
    return tuple(stage.model_copy(update={"targets": tuple(stage.targets)}) for stage in made)


def said(stage: Stage) -> list[tuple[Tag, str | None, str | None, str, float]]:
    assert all(target.example in "AB" for target in stage.targets)
    return [(t.tag, t.question, t.rationale, t.text, t.weight) for t in stage.targets]


RATIONALES_LOST = {
    "question: no label": 1,
    "rationale: truncated": 1,
    "rationale: no_reasoning": 1,
}


def test_standard(annotations: list[Annotation]) -> None:
    [stage] = stages("standard", annotations)
    assert said(stage) == [(Tag.PREDICT, QUESTION, None, "7", 1.0)]
    assert stage.task_weights == {Tag.PREDICT: 1.0}
    assert stage.dropped == {"question: no label": 1}


def test_standard_with_gold_labels(annotations: list[Annotation]) -> None:
    [stage] = stages("standard", annotations, labels="gold")
    assert [(target.example, target.text) for target in stage.targets] == [("A", "7"), ("B", "5")]
    assert stage.dropped == {}


def test_step_by_step(annotations: list[Annotation]) -> None:
    [stage] = stages("step_by_step", annotations, alpha=0.25)
    assert said(stage) == [
        (Tag.PREDICT, QUESTION, None, "7", 1.0),
        (Tag.EXPLAIN, QUESTION, None, f"{FIRST} The answer is 7.", 1.0),
    ]
    assert stage.task_weights == {Tag.PREDICT: 0.25, Tag.EXPLAIN: 0.75}
    assert stage.dropped == RATIONALES_LOST


def test_without_labels_only_rationales_are_learnt(annotations: list[Annotation]) -> None:
    [labelled], [stage] = stages("multi_cot", annotations), stages("multi_cot", annotations, alpha=0)
    assert said(stage) == [row for row in said(labelled) if row[0] is Tag.EXPLAIN]
    assert stage.task_weights == {Tag.EXPLAIN: 1.0}
    assert stage.dropped == labelled.dropped


def test_multi_cot(annotations: list[Annotation]) -> None:
    """The label weighs as much as its three rationales, of which two are one."""
    [stage] = stages("multi_cot", annotations)
    assert said(stage) == [
        (Tag.PREDICT, QUESTION, None, "7", 3.0),
        (Tag.EXPLAIN, QUESTION, None, f"{FIRST} The answer is 7.", 2.0),
        (Tag.EXPLAIN, QUESTION, None, f"{OTHER} The answer is 12.", 1.0),
    ]
    assert (stage.name, stage.share) == ("thinking", 1.0)
    assert stage.task_weights == {Tag.PREDICT: 0.5, Tag.EXPLAIN: 0.5}
    assert stage.dropped == RATIONALES_LOST


def test_multi_cot_as_published(annotations: list[Annotation]) -> None:
    [stage] = stages("multi_cot", annotations, form="published")
    assert [target.text for target in stage.targets] == ["7", FIRST, OTHER]


def test_gold_labels_with_the_teachers_rationales(annotations: list[Annotation]) -> None:
    """A question whose rationales are all lost teaches nothing here, and its losses are counted."""
    gold = annotations[0].model_copy(update={"example": annotations[0].example.model_copy(update={"gold": "12.0"})})
    [stage] = stages("multi_cot", [gold, annotations[1]], labels="gold")
    assert (stage.targets[0].example, stage.targets[0].text) == ("A", "12")
    assert {target.example for target in stage.targets} == {"A"}
    assert stage.dropped == {
        "rationale: truncated": 1,
        "rationale: no_reasoning": 1,
        "rationale: empty": 1,
        "rationale: refused": 1,
    }


def test_fine_tune_cot(annotations: list[Annotation]) -> None:
    """Of A the two right samples, which say the same, with their answer and without a label; of B nothing."""
    [stage] = stages("fine_tune_cot", annotations, labels="gold")
    assert said(stage) == [(Tag.EXPLAIN, QUESTION, None, f"{FIRST} The answer is 7.", 2.0)]
    assert (stage.name, stage.task_weights, stage.share) == ("thinking", {Tag.EXPLAIN: 1.0}, 1.0)
    assert stage.dropped == {
        "rationale: truncated": 1,
        "rationale: no_reasoning": 1,
        "rationale: not right": 1,
        "rationale: empty": 1,
        "rationale: refused": 1,
    }


def test_fine_tune_cot_goes_by_gold_and_not_by_the_majority(annotations: list[Annotation]) -> None:
    """Where two of three say 7 and the truth is 12.0, the third is learnt, and in its own words."""
    twelve = annotations[0].example.model_copy(update={"gold": "12.0"})
    [stage] = stages("fine_tune_cot", [annotations[0].model_copy(update={"example": twelve})], labels="gold")
    assert said(stage) == [(Tag.EXPLAIN, QUESTION, None, f"{OTHER} The answer is 12.", 1.0)]


def test_fine_tune_cot_takes_so_many_different_ones(annotations: list[Annotation]) -> None:
    rationales = [(FIRST, "7", OK), (FIRST, "7", OK), (OTHER, "7", OK), ("So 7.", "7", OK), ("No.", "8", OK)]
    [stage] = stages("fine_tune_cot", [annotated("A", "7", rationales)], labels="gold", distinct=2)
    assert [(target.text, target.weight) for target in stage.targets] == [
        (f"{FIRST} The answer is 7.", 1.0),
        (f"{OTHER} The answer is 7.", 1.0),
    ]
    assert stage.dropped == {
        "rationale: not right": 1,
        "rationale: repeated": 1,
        "rationale: more than distinct": 1,
    }


EVALUATIONS_LOST = {
    "critique: truncated": 1,
    "critique: empty": 1,
    "evaluation: no verdict": 1,
    "evaluation: its rationale is not usable": 1,
}


def test_minds_mirror_judges_first_and_thinks_then(annotations: list[Annotation]) -> None:
    settings = {"alpha": 0.3, "judge_alpha": 0.6, "schedule": "sequential", "select": "all"}
    judging, thinking = stages("minds_mirror", annotations, **settings)
    seven, twelve = f"{FIRST} The answer is 7.", f"{OTHER} The answer is 12."
    assert said(judging) == [
        (Tag.VERDICT, QUESTION, seven, "correct", 3.0),
        (Tag.CRITIQUE, QUESTION, seven, "It adds.", 3.0),
        (Tag.VERDICT, QUESTION, seven, "wrong", 1.0),
        (Tag.VERDICT, QUESTION, twelve, "wrong", 1.0),
        (Tag.CRITIQUE, QUESTION, twelve, "It multiplies.", 1.0),
        (Tag.VERDICT, QUESTION, twelve, "uncertain", 1.0),
    ]
    assert judging.name == "self_evaluation"
    assert judging.task_weights == approx({Tag.VERDICT: 0.6, Tag.CRITIQUE: 0.4})
    assert judging.dropped == EVALUATIONS_LOST
    [alone] = stages("multi_cot", annotations, alpha=0.3)
    assert thinking == alone.model_copy(update={"share": 8 / 13})
    assert judging.share == 5 / 13


def test_even_verdicts_weigh_the_same_in_sum(annotations: list[Annotation]) -> None:
    """Correct 3, wrong 1 + 1, uncertain 1: six in all, so two for each of the three."""
    judging, thinking = stages("minds_mirror", annotations, schedule="sequential", verdict_weights="even")
    seven, twelve = f"{FIRST} The answer is 7.", f"{OTHER} The answer is 12."
    assert said(judging) == [
        (Tag.VERDICT, QUESTION, seven, "correct", approx(3 * 2 / 3)),
        (Tag.CRITIQUE, QUESTION, seven, "It adds.", 3.0),
        (Tag.VERDICT, QUESTION, seven, "wrong", approx(1 * 2 / 2)),
        (Tag.VERDICT, QUESTION, twelve, "wrong", approx(1 * 2 / 2)),
        (Tag.CRITIQUE, QUESTION, twelve, "It multiplies.", 1.0),
        (Tag.VERDICT, QUESTION, twelve, "uncertain", approx(1 * 2 / 1)),
    ]
    counted_judging, counted_thinking = stages("minds_mirror", annotations, schedule="sequential")
    assert thinking == counted_thinking
    assert judging.task_weights == counted_judging.task_weights
    assert (judging.dropped, judging.share) == (counted_judging.dropped, counted_judging.share)


def test_even_verdicts_where_some_do_not_occur(annotations: list[Annotation]) -> None:
    """Of three correct and one wrong, two each; of one verdict alone, what it had."""

    def weights(*kept: int) -> dict[str, float]:
        evaluations = tuple(annotations[0].evaluations[index] for index in kept)
        one = annotations[0].model_copy(update={"evaluations": evaluations})
        judging, _ = stages("minds_mirror", [one], schedule="sequential", verdict_weights="even")
        return {target.text: target.weight for target in judging.targets if target.tag is Tag.VERDICT}

    assert weights(0, 1, 7, 3) == approx({"correct": 2.0, "wrong": 2.0})
    assert weights(0, 1, 7) == approx({"correct": 3.0})


def test_even_verdicts_leave_labels_alone_that_share_their_tag(annotations: list[Annotation]) -> None:
    """As published, verdicts and labels are both learnt under `predict`; only verdicts are weighed."""
    settings = {"form": "published", "schedule": "joint"}
    [even], [counted] = (
        stages("minds_mirror", annotations, **settings, verdict_weights=w) for w in ("even", "counted")
    )
    found = {(target.rationale, target.text): target.weight for target in even.targets if target.tag is Tag.PREDICT}
    assert found == approx(
        {
            (None, "7"): 3.0,
            (f"{FIRST} The answer is 7.", "correct"): 2.0,
            (f"{FIRST} The answer is 7.", "wrong"): 1.0,
            (f"{OTHER} The answer is 12.", "wrong"): 1.0,
            (f"{OTHER} The answer is 12.", "uncertain"): 2.0,
        }
    )
    before = {(t.rationale, t.text): t.weight for t in counted.targets if t.tag is Tag.PREDICT}
    assert sum(found.values()) == approx(sum(before.values()))


def test_minds_mirror_judges_and_thinks_at_once(annotations: list[Annotation]) -> None:
    judging, thinking = stages("minds_mirror", annotations, alpha=0.3, judge_alpha=0.6, schedule="sequential")
    [both] = stages("minds_mirror", annotations, alpha=0.3, judge_alpha=0.6, schedule="joint")
    assert said(both) == said(thinking) + said(judging)
    assert both.share == 1.0
    assert both.task_weights == approx(
        {
            Tag.PREDICT: 0.3 * 8 / 13,
            Tag.EXPLAIN: 0.7 * 8 / 13,
            Tag.VERDICT: 0.6 * 5 / 13,
            Tag.CRITIQUE: 0.4 * 5 / 13,
        }
    )
    assert both.dropped == {**thinking.dropped, **EVALUATIONS_LOST}


def test_minds_mirror_judges_again_while_it_thinks(annotations: list[Annotation]) -> None:
    judging, _ = stages("minds_mirror", annotations, schedule="sequential")
    [both] = stages("minds_mirror", annotations, schedule="joint")
    assert stages("minds_mirror", annotations, schedule="replayed") == (
        judging,
        both.model_copy(update={"share": 8 / 13}),
    )


def test_published_tags_add_up_where_both_are_learnt_at_once(annotations: list[Annotation]) -> None:
    [both] = stages("minds_mirror", annotations, form="published", schedule="joint")
    assert both.task_weights == approx({Tag.PREDICT: 0.5, Tag.EXPLAIN: 0.5})


def test_minds_mirror_as_published(annotations: list[Annotation]) -> None:
    """The judge sees the rationale alone, with its answer, under the same two tags as the thinker."""
    judging, thinking = stages("minds_mirror", annotations, form="published", alpha=0.3)
    first, other = f"{FIRST} The answer is 7.", f"{OTHER} The answer is 12."
    assert said(judging) == [
        (Tag.PREDICT, None, first, "correct", 3.0),
        (Tag.EXPLAIN, None, first, "It adds.", 3.0),
        (Tag.PREDICT, None, first, "wrong", 1.0),
        (Tag.PREDICT, None, other, "wrong", 1.0),
        (Tag.EXPLAIN, None, other, "It multiplies.", 1.0),
        (Tag.PREDICT, None, other, "uncertain", 1.0),
    ]
    assert all(target.ends for target in judging.targets)
    assert judging.task_weights == {Tag.PREDICT: 0.3, Tag.EXPLAIN: 0.7}
    assert [target.text for target in thinking.targets] == ["7", FIRST, OTHER]


def test_a_verdict_does_not_end_and_a_critique_does(annotations: list[Annotation]) -> None:
    """A verdict is read off its first token, so learning where it ends would only take weight from it."""
    judging, _ = stages("minds_mirror", annotations, schedule="sequential")
    assert {target.tag: target.ends for target in judging.targets} == {Tag.VERDICT: False, Tag.CRITIQUE: True}


def test_a_judge_without_critiques_learns_verdicts_with_all_of_its_weight(annotations: list[Annotation]) -> None:
    judging, _ = stages("minds_mirror", annotations, schedule="sequential", critique=False, judge_alpha=0.1)
    assert {target.tag for target in judging.targets} == {Tag.VERDICT}
    assert judging.task_weights == {Tag.VERDICT: 1.0}
    assert not any(reason.startswith("critique") for reason in judging.dropped)


def test_a_critique_that_its_rationale_contradicts_is_left_out_and_counted(annotations: list[Annotation]) -> None:
    false = (
        annotations[0].evaluations[0].model_copy(update={"critique": "3 and 4 is 7, not 8.", "verdict": Verdict.WRONG})
    )
    one = annotations[0].model_copy(update={"evaluations": (false,)})
    judging, _ = stages("minds_mirror", [one], schedule="sequential", select="all")
    assert [target.tag for target in judging.targets] == [Tag.VERDICT]
    assert judging.dropped == {"critique: the rationale says what it demands": 1}
    unchecked, _ = stages("minds_mirror", [one], schedule="sequential", select="all", check_critiques=False)
    assert [target.text for target in unchecked.targets] == ["wrong", "3 and 4 is 7, not 8."]


@pytest.mark.parametrize("labels", ["gold", "teacher"])
def test_rationales_with_a_good_verdict_are_thinking_unless_another_choice_is_named(
    annotations: list[Annotation], labels: str
) -> None:
    rule = "right" if labels == "gold" else "judged_correct"
    gold = [annotations[0]]
    found = stages("minds_mirror", gold, labels=labels, schedule="sequential")
    assert found == stages("minds_mirror", gold, labels=labels, schedule="sequential", select=rule)
    assert found != stages("minds_mirror", gold, labels=labels, schedule="sequential", select="all")


def test_one_key_stands_for_many_and_each_can_be_set_apart() -> None:
    def arm(**settings: object) -> MindsMirrorSettings:
        return MindsMirrorSettings.model_validate({"name": "a", "method": "minds_mirror", **settings})

    published, mixed, own = arm(form="published"), arm(form="published", judge_sees_question=True), arm()
    assert (published.tags, published.rationale_target) == ("published", "published")
    assert (published.judge_sees_question, published.schedule) == (False, "sequential")
    assert (mixed.tags, mixed.judge_sees_question) == ("published", True)
    assert (own.verdict_tag, own.critique_tag) == (Tag.VERDICT, Tag.CRITIQUE)
    assert (own.tags, own.rationale_target, own.judge_sees_question) == ("distinct", "with_answer", True)
    mirror = method_named("minds_mirror")
    assert mirror.verdict_request(own) == VerdictRequest("a", Tag.VERDICT, sees_question=True)
    assert mirror.verdict_request(published) == VerdictRequest("a", Tag.PREDICT, sees_question=False)


def test_a_selection_chooses_thinking_and_leaves_the_judge_its_wrong_rationales(annotations: list[Annotation]) -> None:
    arm = {"schedule": "sequential", "labels": "gold", "select": "right", "distinct": 1}
    judging, thinking = stages("minds_mirror", annotations, **arm)
    assert judging == stages("minds_mirror", annotations, schedule="sequential", labels="gold")[0]
    assert "wrong" in {target.text for target in judging.targets}
    assert said(thinking) == [
        (Tag.PREDICT, QUESTION, None, "7", 1.0),
        (Tag.EXPLAIN, QUESTION, None, f"{FIRST} The answer is 7.", 1.0),
    ]
    assert thinking.dropped == {
        "rationale: truncated": 1,
        "rationale: no_reasoning": 1,
        "rationale: empty": 1,
        "rationale: refused": 1,
        "rationale: not right": 1,
        "rationale: repeated": 1,
    }


def test_one_rationale_a_question_is_the_first_that_is_selected(annotations: list[Annotation]) -> None:
    """Of 12, 7 and 7 the first is not the one to teach."""
    turned = annotations[0].model_copy(update={"rationales": annotations[0].rationales[2:]})
    [stage] = stages("step_by_step", [turned], labels="gold", select="right")
    assert [target.text for target in stage.targets] == ["7", f"{FIRST} The answer is 7."]


def test_labels_do_not_depend_on_the_selection(annotations: list[Annotation]) -> None:
    """Two judges' favourite is 12; the label stays the answer of most samples."""
    twelve = annotations[0].evaluations[3].model_copy(update={"verdict": Verdict.CORRECT})
    one = annotations[0].model_copy(update={"evaluations": (twelve,)})
    [stage] = stages("multi_cot", [one], select="judged_correct")
    assert [target.text for target in stage.targets] == ["7", f"{OTHER} The answer is 12."]


@pytest.mark.parametrize(
    ("method", "settings", "advice"),
    [
        ("step_by_step", {"select": "right"}, 'Set select = "all"'),
        ("multi_cot", {"select": "right"}, 'Set select = "all"'),
        *(("minds_mirror", {"select": "right", "schedule": s}, "select") for s in ("sequential", "replayed", "joint")),
        ("fine_tune_cot", {}, "Look at the annotation"),
    ],
)
def test_an_arm_that_is_left_without_rationales_names_itself_and_the_reason(
    annotations: list[Annotation], method: str, settings: dict[str, object], advice: str
) -> None:
    example = annotations[0].example.model_copy(update={"gold": "1"})
    one = annotations[0].model_copy(update={"example": example})
    with pytest.raises(
        AnnotationError, match=rf"arm 'arm'.*'thinking' \(question: no rationale selected: 1.*not right: 3.*{advice}"
    ):
        stages(method, [one], labels="gold", **settings)


def test_an_arm_without_verdicts_or_labels_is_refused_too(annotations: list[Annotation]) -> None:
    unjudged = [annotation.model_copy(update={"evaluations": ()}) for annotation in annotations]
    with pytest.raises(AnnotationError, match=r"'arm'.*'self_evaluation'"):
        stages("minds_mirror", unjudged, select="all")
    with pytest.raises(AnnotationError, match=r"'arm'.*'labels' \(question: no label: 1\)"):
        stages("standard", annotations[1:])


def test_teacher_labels_are_the_most_frequent_answer() -> None:
    """Equal in value counts as equal; where no answer leads, the first counts."""

    def label(*answers: str) -> str:
        [stage] = stages("standard", [annotated("A", None, [("t", answer, OK) for answer in answers])])
        return stage.targets[0].text

    assert label("3", "7", "7.0") == "7"
    assert label("3", "7") == "3"
    assert label("3", "7", "7", "3", "1") == "3"
    assert label("9") == "9"


@pytest.mark.parametrize("gold", [None, "many"])
@pytest.mark.parametrize("method", ["standard", "step_by_step", "multi_cot", "minds_mirror", "fine_tune_cot"])
def test_a_gold_label_that_is_missing_is_refused(method: str, gold: str | None) -> None:
    """Dropped in one arm only, it would make the comparison unfair."""
    one = annotated("A", gold, [("t", "7", OK)])
    with pytest.raises(AnnotationError, match=rf"arm 'arm'.*'A' of sums.*{gold!r}.*labels = \"teacher\""):
        stages(method, [one], labels="gold")


def test_equal_texts_of_different_questions_stay_apart() -> None:
    two = [annotated(name, None, [("Same.", "7", OK), ("Same.", "7", OK)]) for name in "AB"]
    [stage] = stages("multi_cot", two)
    assert [(t.example, t.tag, t.weight) for t in stage.targets] == [
        ("A", Tag.PREDICT, 2.0),
        ("A", Tag.EXPLAIN, 2.0),
        ("B", Tag.PREDICT, 2.0),
        ("B", Tag.EXPLAIN, 2.0),
    ]


def test_stages_are_written_and_read_as_they_are(annotations: list[Annotation]) -> None:
    for stage in stages("minds_mirror", annotations):
        assert Stage.model_validate_json(stage.model_dump_json()) == stage
        assert all(isinstance(target, Target) for target in stage.targets)


def test_a_likelihood_teaches_its_verdict_and_no_critique(annotations: list[Annotation]) -> None:
    first, second = annotations
    by_likelihood = tuple(
        evaluation.model_copy(update={"source": VerdictSource.LIKELIHOOD, "critique": "", "likelihood": 0.9})
        for evaluation in first.evaluations[:1]
    )
    judging = stages(
        "minds_mirror", [first.model_copy(update={"evaluations": by_likelihood}), second], schedule="sequential"
    )[0]
    assert [(target.tag, target.text) for target in judging.targets] == [(Tag.VERDICT, "correct")]
    assert judging.dropped["critique: a likelihood has none"] == 1
