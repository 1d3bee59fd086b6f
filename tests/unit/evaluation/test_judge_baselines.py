"""What ranks rationales without a judge, on students whose texts are made by hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import tiny

from mindsmirror.answers import Number
from mindsmirror.evaluation.judge_baselines import judge_baselines
from mindsmirror.inference.predictor import Predictor
from mindsmirror.records import Annotation, Example, Parse, Prediction, Provenance, Rationale, Sample
from mindsmirror.tasks.base import Splits, Task

Folder = Callable[..., Path]
SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
RIGHT, WRONG = "2 and 3 is 5. The answer is 5.", "2 and 3 is 6. The answer is 6."
"""Every right rationale, and every wrong one: a probe can hardly miss the difference."""


def ready(folder: Path) -> Predictor:
    student = tiny.load(folder)
    return Predictor(student, student.model.eval(), SUMS, batch=4)


def question(number: int) -> Example:
    return Example(id=str(number), text=f"{number}: 2+3?", gold="5")


def learnt(number: int, rights: Sequence[bool]) -> Annotation:
    rationales = tuple(
        Rationale(
            teacher="t",
            sample=place,
            text=RIGHT if right else WRONG,
            reasoning=(RIGHT if right else WRONG).partition(" The")[0],
            answer="5" if right else "6",
            parse=Parse.OK,
            right=right,
        )
        for place, right in enumerate(rights)
    )
    made = Provenance(teacher="t", judge="gold", prompt="p", temperature=0.7, tokens_in=0, tokens_out=0)
    return Annotation(example=question(number), split="train", rationales=rationales, evaluations=(), provenance=made)


def asked(number: int) -> Prediction:
    samples = (
        Sample(text=RIGHT, answer="5", right=True),
        Sample(text=WRONG, answer="6", right=False),
        Sample(text="Hm.", answer=None, right=None),
    )
    return Prediction(example=str(number), mode="mirror", answer="5", right=True, samples=samples)


def test_a_probe_finds_what_it_was_shown_and_what_reaches_no_answer_is_left_out(tiny_folder: Folder) -> None:
    predictor = ready(tiny_folder("llama"))
    tested = range(20, 28)
    examples, predictions = [question(n) for n in tested], [asked(n) for n in tested]
    taught = [learnt(n, (True, False)) for n in range(6)]
    found = judge_baselines(predictor, predictor, examples, predictions, taught, seed=0)
    assert list(found) == ["p_true", "probe"]
    assert {each.n for each in found.values()} == {16}
    assert found["probe"].auroc == 1.0 and found["probe"].within.auroc == 1.0
    assert found["p_true"].within.pairs == 8


@pytest.mark.parametrize(
    ("kind", "taught"),
    [("t5", [learnt(n, (True, False)) for n in range(4)]), ("llama", [learnt(0, (True, True))]), ("llama", [])],
)
def test_without_a_state_or_both_kinds_there_is_no_probe(
    kind: str, taught: list[Annotation], tiny_folder: Folder
) -> None:
    predictor = ready(tiny_folder(kind))
    found = judge_baselines(predictor, predictor, [question(7)], [asked(7)], taught, seed=0)
    assert list(found) == ["p_true"]


def test_where_no_rationale_reaches_an_answer_there_is_nothing_to_rank(tiny_folder: Folder) -> None:
    predictor = ready(tiny_folder("llama"))
    silent = Prediction(example="7", mode="mirror", answer=None, right=False)
    assert judge_baselines(predictor, predictor, [question(7)], [silent], [learnt(0, (True, False))], seed=0) == {}
