"""A student's own rationales as annotations, and those of them whose sums were put right."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mindsmirror.answers import Number
from mindsmirror.answers.base import Answer
from mindsmirror.inference.predictor import Predictor
from mindsmirror.methods import method_named
from mindsmirror.methods.fine_tune_cot import FineTuneCoT
from mindsmirror.records import Annotation, Example, Parse, Sample, Tag, VerdictSource
from mindsmirror.reflection import draw
from mindsmirror.reflection.config import ReflectionConfig
from mindsmirror.reflection.own import ARITHMETIC, own_annotation, writer_of
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import load_student
from mindsmirror.tasks.base import Splits, Task

TASK = Task("legs", 1, "MIT", Number(), Splits((), (), ()))
COWS = Example(id="cows", text="How many legs have 2 cows and 3 bees?", gold="26")
SAID = (
    "2 * 4 = 8 and 3 * 6 = 18. Together 8 + 18 = 26. The answer is 26.",
    "2 * 4 = 8 and 3 * 6 = 16. Together 8 + 16 = 24. The answer is 24.",
    "2 * 4 = 8 and 3 * 4 = 11. Together 8 + 11 = 19. The answer is 19.",
    "I do not know.",
)


def sample(text: str) -> Sample:
    stated = text.rpartition("The answer is ")[2].removesuffix(".") if "answer" in text else None
    return Sample(text=text, answer=stated, right=stated == COWS.gold if stated else None, tokens=9)


def annotated(agreed: str | None = None, *, mend: bool = True) -> Annotation:
    held = Answer(agreed, agreed) if agreed else None
    source = VerdictSource.CONSENSUS if agreed else VerdictSource.INFORMED
    samples = [sample(text) for text in SAID]
    return own_annotation(COWS, samples, TASK, writer_of("a" * 64), 0.7, held, source, mend=mend)


def test_what_a_sum_alone_made_wrong_stands_a_second_time() -> None:
    annotation = annotated()
    *own, mended = annotation.rationales
    assert [rationale.teacher for rationale in own] == [writer_of("a" * 64)] * len(SAID)
    assert (mended.teacher, mended.sample, mended.parse, mended.right) == (ARITHMETIC, len(SAID), Parse.OK, True)
    assert mended.written == SAID[0]
    verdicts = {each.rationale: each.verdict.value for each in annotation.evaluations}
    assert verdicts == {0: "correct", 1: "wrong", 2: "wrong", 4: "correct"}
    assert annotated(mend=False).rationales == tuple(own)


def test_it_is_held_against_what_the_others_are() -> None:
    """The third has 20 once its sum is right, which is what the teacher agreed on."""
    annotation = annotated("20")
    mended = [each for each in annotation.rationales if each.teacher == ARITHMETIC]
    assert [(each.answer, each.right) for each in mended] == [("20", False)]


def test_it_is_taught_and_judged_like_the_others() -> None:
    arm = FineTuneCoT.settings(name="a", method="fine_tune_cot", labels="gold")
    (stage,) = FineTuneCoT().stages([annotated()], TASK, arm)
    assert [(target.text, target.weight) for target in stage.targets] == [(SAID[0], 2)]
    mirror = method_named("minds_mirror")
    settings = mirror.settings.model_validate(
        {"name": "m", "method": "minds_mirror", "labels": "gold", "alpha": 0, "schedule": "adapter"}
    )
    thinking, judging = mirror.stages([annotated()], TASK, settings)
    assert [(target.text, target.weight) for target in thinking.targets] == [(SAID[0], 2)]
    shown = {str(target.rationale): target.text for target in judging.targets if target.tag is Tag.VERDICT}
    assert shown == {SAID[0]: "correct", SAID[1]: "wrong", SAID[2]: "wrong"}


@pytest.mark.parametrize("select", ["all", "majority", "right", "judged_correct"])
def test_a_rule_about_what_teachers_wrote_leaves_out_none_that_is_judged_correct(select: str) -> None:
    """The one that is right is outvoted by two that agree on another answer."""
    said = [sample(text) for text in (SAID[0], SAID[2], SAID[2])]
    own = own_annotation(COWS, said, TASK, writer_of("a" * 64), 0.7, None, VerdictSource.INFORMED, mend=False)
    method = method_named("multi_cot")
    arm = method.settings.model_validate({"name": "m", "method": "multi_cot", "labels": "gold", "select": select})
    (stage,) = method.stages([own], TASK, arm)
    assert [target.text for target in stage.targets if target.tag is Tag.EXPLAIN] == [SAID[0]]


def test_they_are_counted_apart_from_what_the_student_wrote(
    tiny_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = load_student(StudentConfig(model=str(tiny_folder("llama"))))
    predictor = Predictor(student, student.model, TASK, 12, 8)
    monkeypatch.setattr(draw, "sample_rationales", lambda *_: [[sample(text) for text in SAID]])
    config = ReflectionConfig(samples=len(SAID))
    plan = draw.DrawPlan(predictor, [COWS], config, 0, "arm", writer_of("a" * 64), lambda *_: annotated())
    result = draw.draw(plan, tmp_path)
    assert (result.samples, result.answered, result.correct, result.mended) == (4, 3, 1, 1)
    assert result.tokens == 9 * len(SAID)
    assert draw.own_annotations(tmp_path)[0] == annotated()
