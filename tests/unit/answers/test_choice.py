import pytest

from mindsmirror.answers import Choice

CHOICES = {"a": "bank", "b": "train", "c": "train station", "d": "bank", "e": "well-known Place"}


def letter_of(raw: str, choices: dict[str, str] = CHOICES) -> str | None:
    answer = Choice().read(raw, choices)
    if answer is None:
        return None
    return next(letter for letter, text in choices.items() if text == answer.text)


@pytest.mark.parametrize(
    ("raw", "letter"),
    [
        ("a", "a"),
        ("(a)", "a"),
        ("B.", "b"),
        ("b)", "b"),
        ("(b", "b"),
        ("B) train", "b"),
        ("b - train", "b"),
        ("(c) train station", "c"),
        ("(c) Train station.", "c"),
        ("the Bank.", "a"),
        ("d", "a"),
        ("(d) bank", "a"),
        ("A bank", "a"),
        ("a train", "b"),
        ("well known place", "e"),
        ('"Well-Known Place"', "e"),
        ("(e) well-known place, because it is known", "e"),
        ("option b", "b"),
        ("the answer is (b)", "b"),
        ("the train station downtown", "c"),
        ("**(b) train**", "b"),
        ("it must be (b)", "b"),
        ("(b) trian", "b"),
        ("(a) bank, not train", "a"),
        ("(a) bank because you cannot fly", "a"),
        ("(c) the train-stations", "c"),
    ],
)
def test_reads_letter_text_or_both(raw: str, letter: str) -> None:
    assert letter_of(raw) == letter


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "f",
        "(f) bank robber",
        "(b) train station",
        "(a) river",
        "a and b",
        "(a) bank or (b) train",
        "not bank",
        "trains",
        "(a) (b)",
        "bank, not train",
        "anything but bank",
        "all but bank",
        "no bank",
        "non-bank",
        "less than bank",
        "bank is wrong",
        "(a) bank is wrong",
        "(a) bank is not right",
        "(a) bank or river",
        "(a) bank - wrong",
        "if bank",
        "bank rather than train",
    ],
)
def test_what_contradicts_itself_or_the_choices_is_none(raw: str) -> None:
    assert letter_of(raw) is None


def test_repeated_texts_share_a_key() -> None:
    first, again = Choice().read("(a)", CHOICES), Choice().read("(d)", CHOICES)
    assert first is not None and again is not None
    assert first.key == again.key == "bank"


def test_a_letter_that_is_also_another_choices_text_is_ambiguous() -> None:
    assert letter_of("a", {"a": "B", "b": "A"}) is None
    assert letter_of("a", {"a": "A", "b": "B"}) == "a"


def test_a_choice_may_deny_something_in_its_own_name() -> None:
    choices = {"a": "do not enter", "b": "enter"}
    assert [letter_of(raw, choices) for raw in ("it says do not enter", "(a) do not enter", "not enter")] == [
        "a",
        "a",
        None,
    ]


def test_a_long_slip_is_compared_where_it_differs_only() -> None:
    choices = {"a": "a restaurant by the river", "b": "b" * 100}
    assert letter_of("(a) a resturant by the rivr", choices) == "a"
    assert letter_of("(a) " + "c" + "a restaurant by the river"[1:-1] + "c", choices) is None
    assert letter_of("(b) " + "b" * 45 + "c" * 30 + "b" * 35, choices) is None


def test_numerals_are_compared_as_numbers() -> None:
    choices = {"a": "12", "b": "1,200", "c": "-12"}
    assert [letter_of(raw, choices) for raw in ("$12", "1200.0", "-12", "13")] == ["a", "b", "c", None]


def test_choices_that_differ_in_what_is_dropped_stay_apart() -> None:
    choices = {"a": "the dog", "b": "dog", "c": "?", "d": "!"}
    assert [letter_of(raw, choices) for raw in ("the dog", "dog", "a dog", "?", "(d) !")] == ["a", "b", None, "c", "d"]
    assert Choice().read("a", choices) != Choice().read("b", choices)


def test_no_choices_no_answer() -> None:
    assert Choice().read("a", {}) is None
