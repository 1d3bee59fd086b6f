"""A kind of answer comes back from JSON as it was written, and reads the same."""

import pytest

from mindsmirror.answers import ENTAILMENT, YES_NO, Choice, Equation, Label, Number, Text
from mindsmirror.answers.base import AnswerKind
from mindsmirror.answers.stored import StoredKind
from mindsmirror.errors import UnknownNameError

OWN = Label("label", ("Billing", "Délivery"), {"post": "Délivery"})


@pytest.mark.parametrize("kind", [Number(), Equation(), Choice(), Text(), YES_NO, ENTAILMENT, OWN], ids=str)
def test_a_kind_comes_back(kind: AnswerKind) -> None:
    assert StoredKind.model_validate_json(StoredKind.of(kind).model_dump_json()).answers() == kind


def test_labels_and_their_synonyms_are_read_as_before() -> None:
    kind = StoredKind.model_validate_json(StoredKind.of(OWN).model_dump_json()).answers()
    assert [answer and answer.text for answer in (kind.read(word, {}) for word in ("post", "BILLING", "other"))] == [
        "Délivery",
        "Billing",
        None,
    ]


def test_a_kind_that_there_is_not_is_said() -> None:
    with pytest.raises(UnknownNameError, match="no kind of answer is called 'colour'"):
        StoredKind(kind="colour").answers()
