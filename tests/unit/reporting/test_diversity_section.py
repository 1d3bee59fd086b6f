"""How much rationales differ, by hand: answers, texts, and what is left out of the means."""

import math
from collections.abc import Iterable

import pytest
from unit.reporting.annotated_questions import annotation, rationale

from mindsmirror.records import Annotation, Example, Parse, Rationale
from mindsmirror.reporting.diversity_section import AnswerKey, DiversityTotals, as_written
from mindsmirror.reporting.schema import Diversity


def diversity(annotations: Iterable[Annotation], key: AnswerKey = as_written) -> Diversity | None:
    totals = DiversityTotals()
    for each in annotations:
        totals.add(each, key)
    return totals.means()


def said(sample: int, text: str, answer: str) -> Rationale:
    return rationale(sample, True, text=text, answer=answer)


FOUR = annotation("four", (said(0, "a b", "1"), said(1, "a b", "1.0"), said(2, "a c", "2"), said(3, "d", "2")))
TWO = annotation("two", (said(0, "x y", "3"), said(1, "x y", "3"), rationale(2, None, answer=None, parse=Parse.EMPTY)))
ALONE = annotation("alone", (said(0, "z", "9"), rationale(1, None, answer=None, parse=Parse.FAILED)))


def at(temperature: float | None, made: Annotation) -> Annotation:
    return made.model_copy(update={"provenance": made.provenance.model_copy(update={"temperature": temperature})})


def test_means_over_the_questions_with_two_that_parsed() -> None:
    found = diversity([FOUR, TWO, ALONE])
    assert found is not None
    assert (found.questions, found.rationales) == (2, 3.0)
    assert (found.answers, found.distinct_answers, found.one_answer) == (2.0, (3 / 4 + 1 / 2) / 2, 1 / 2)
    assert (found.texts, found.distinct_texts) == (2.0, (3 / 4 + 1 / 2) / 2)
    # "a b" twice: 1 each; "a c" shares no bigram, "d" nothing. The other question's texts are alike.
    assert found.self_bleu == pytest.approx(((1 + 1 + 0 + 0) / 4 + 1) / 2)
    assert found.temperatures == (0.8,)


def test_answers_of_equal_value_are_one() -> None:
    def key(example: Example, answer: str) -> str:
        assert example.id in ("four", "two")
        return f"{math.floor(float(answer))}"

    found = diversity([FOUR, TWO], key)
    assert found is not None and (found.answers, found.distinct_answers) == (1.5, 1 / 2)


def test_temperatures_are_those_that_are_known() -> None:
    found = diversity([at(1.0, FOUR), at(None, TWO), at(0.3, ALONE)])
    assert found is not None and found.temperatures == (0.3, 1.0)
    unknown = diversity([at(None, TWO)])
    assert unknown is not None and unknown.temperatures == ()


def test_nothing_to_compare_is_no_diversity() -> None:
    assert diversity([]) is None and diversity([ALONE]) is None
