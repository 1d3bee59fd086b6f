import pytest

from mindsmirror.answers import ENTAILMENT, YES_NO, Label, Text, kind_named
from mindsmirror.errors import UnknownNameError


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("Yes.", "yes"),
        ("**No**", "no"),
        ("TRUE", "yes"),
        ("it is false", "no"),
        ("No, because yes", "no"),
        ("Yes, there is no doubt", "yes"),
        ("yes or no", None),
        ("not true", None),
        ("hardly true", None),
        ("it is not false", None),
        ("far from true", None),
        ("un-true", None),
        ("no idea", None),
        ("there is no way to know", None),
        ("yes, no", None),
        ("Yes?", None),
        ("true, or false", None),
        ("no because he left", "no"),
        ("it is true that he left", "yes"),
        ("nothing", None),
        ("", None),
    ],
)
def test_yes_no(raw: str, label: str | None) -> None:
    answer = YES_NO.read(raw, {})
    assert (answer.text if answer else None) == label


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("Entailment.", "entailment"),
        ("(neutral)", "neutral"),
        ("it contradicts", "contradiction"),
        ("not entailment", None),
        ("neutral or contradiction", None),
        ("no contradiction", None),
        ("zero contradiction", None),
        ("entailment is impossible", None),
        ("neutral if he sleeps", None),
        ("anything but neutral", None),
        ("non-entailment", None),
        ("Entailment?", None),
        ("contradiction because there is no dog", "contradiction"),
        ("neutral, not entailment", "neutral"),
        ("neither.", "neutral"),
        ("neither entailment nor contradiction", None),
        ("it is neither true nor false", None),
        ("x" * 500 + " neutral", None),
    ],
)
def test_entailment(raw: str, label: str | None) -> None:
    answer = ENTAILMENT.read(raw, {})
    assert (answer.key if answer else None) == label


def test_the_longer_label_wins_over_one_inside_it() -> None:
    kind = Label("label", ("good", "very good"))
    answer = kind.read("it is very good", {})
    assert answer is not None and answer.text == "very good"


def test_twenty_thousand_labels_are_looked_up_and_not_tried_one_by_one() -> None:
    kind = Label("label", tuple(f"label {number}" for number in range(20_000)))
    answer = kind.read("it is label 19999 indeed", {})
    assert answer is not None and answer.text == "label 19999"
    assert kind.read("it is label 20000", {}) is None


def test_text_is_kept_and_its_key_folded() -> None:
    answer = Text().read('  "The  Quick\nFox." ', {})
    assert answer is not None
    assert answer.text == '"The  Quick\nFox."'
    assert answer.key == "the quick fox"
    assert Text().read(" \n ", {}) is None
    dots, stars = Text().read(". .", {}), Text().read("* *", {})
    assert dots is not None and stars is not None and dots.key != stars.key


def test_kind_named_lists_what_there_is() -> None:
    assert [kind_named(name).name for name in ("number", "equation", "choice", "text", "yes_no")]
    with pytest.raises(UnknownNameError, match="Did you mean 'number'"):
        kind_named("numbr")
