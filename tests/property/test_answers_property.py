"""What holds for any text: readings end quickly, never raise, and their canonical form reads as itself."""

import time
from collections.abc import Callable
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mindsmirror.answers import Answer, Choice, Equation, Number, Text, kind_named, read_reply, read_verdict
from mindsmirror.records import Parse, Verdict

PIECES = st.sampled_from(
    [
        "the answer is ",
        "The final answer is: ",
        "answer",
        "####",
        "\\boxed{",
        "}",
        "(",
        ")",
        "\nQ:",
        "\n\n",
        " ",
        ".",
        "42",
        "1,000",
        "**",
        "-",
        "=",
        "x",
        "so ",
        "the ",
        "not ",
        "correct",
        "incorrect",
        "Evaluation result: ",
        "$",
        "%",
        "a) ",
        "I'm sorry",
        "I don't think ",
        "one hundred ",
        "minus ",
        "½",
        "k",
        "no ",
        "anything but ",
        "because ",
        "the given answer is ",
        '"',
        "\t",
    ]
)
HOSTILE = st.tuples(st.lists(PIECES, min_size=1, max_size=6), st.integers(1, 20_000))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """A random expression, fully parenthesised, with its value."""
    if depth == 0 or draw(st.booleans()):
        value = draw(st.integers(0, 999))
        return str(value), Fraction(value)
    (left, a), (right, b) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    operator = draw(st.sampled_from("+-*/" if b else "+-*"))
    results = {"+": a + b, "-": a - b, "*": a * b}
    return f"({left} {operator} {right})", results[operator] if operator in results else a / b


@given(expressions())
def test_equations_keep_their_value_and_their_canonical_form_is_stable(drawn: tuple[str, Fraction]) -> None:
    text, value = drawn
    answer = Equation().read(text, {})
    assert answer is not None
    assert answer.key == str(value)
    assert Equation().read(answer.text, {}) == answer
    assert answer.text.count("(") <= text.count("(")


@given(st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=1000))
def test_numbers_round_trip(value: Fraction) -> None:
    answer = Number().read(str(value), {})
    assert answer is not None and answer.key == str(value)
    assert Number().read(answer.text, {}) == answer


@given(st.integers(0, 10**18))
def test_a_plain_whole_number_reads_as_it_does_with_something_around_it(value: int) -> None:
    assert Number().read(str(value), {}) == Number().read(f" {value}%", {}) == Answer(str(value), str(value))


@given(st.integers(-(10**12), 10**12), st.integers(0, 999))
def test_thousands_and_decimals(whole: int, thousandths: int) -> None:
    answer = Number().read(f"{whole:,}.{thousandths:03d}", {})
    assert answer is not None
    assert abs(Fraction(answer.key)) == abs(whole) + Fraction(thousandths, 1000)


@given(st.text(max_size=300), st.dictionaries(st.sampled_from("abcde"), st.text(max_size=20), max_size=5))
def test_no_text_makes_a_reading_raise(raw: str, choices: dict[str, str]) -> None:
    for name in ("number", "equation", "choice", "text", "yes_no"):
        answer = kind_named(name).read(raw, choices)
        assert answer is None or (answer.text.strip() and answer.key)
    choice = Choice().read(raw, choices)
    assert choice is None or choice.text in {text.strip() for text in choices.values()}
    verdict, critique = read_verdict(raw)
    assert isinstance(verdict, Verdict) and len(critique) <= len(raw) + 1


@given(
    st.lists(
        st.text("abcdefgh ", min_size=1, max_size=12).filter(str.strip),
        min_size=2,
        max_size=5,
        unique_by=lambda t: " ".join(t.split()),
    )
)
@example(["a", "a a"])
def test_a_choice_given_as_letter_and_text_is_read_as_itself(texts: list[str]) -> None:
    choices = dict(zip("vwxyz", texts, strict=False))
    for letter, text in choices.items():
        answer = Choice().read(f"({letter}) {text}", choices)
        assert answer is not None and answer.text == text.strip()


@given(st.text(max_size=200), st.integers(-999, 999), st.booleans())
def test_the_answer_sentence_is_found_after_any_reasoning(reasoning: str, value: int, stop: bool) -> None:
    reply = read_reply(f"{reasoning}\nThe answer is {value}{'.' * stop}", lambda raw: Number().read(raw, {}))
    if reply.answer is None:
        assert "answer" in reasoning.lower() or "boxed" in reasoning or "####" in reasoning
    elif not any(word in reasoning.lower() for word in ("answer", "boxed", "####", ":")):
        assert reply.answer.key == str(value)


BACKTRACKING = 3.0
"""Seconds of processor time for 100 kB: linear reading takes hundredths, backtracking minutes."""


@settings(max_examples=60)
@given(HOSTILE)
def test_hostile_text_costs_little_time(drawn: tuple[list[str], int]) -> None:
    text = ("".join(drawn[0]) * drawn[1])[:100_000]
    number, choices = Number(), {"a": "bank", "b": "(a)"}
    reads: list[Callable[[str], Answer | None]] = [
        lambda raw: number.read(raw, {}),
        lambda raw: Equation().read(raw, {}),
        lambda raw: Choice().read(raw, choices),
        lambda raw: Text().read(raw, {}),
    ]
    for read in reads:
        begun = time.process_time()
        reply = read_reply(text, read, truncated=True)
        assert time.process_time() - begun < BACKTRACKING
        assert isinstance(reply.parse, Parse)
    begun = time.process_time()
    read_verdict(text)
    for name in ("number", "equation", "choice", "text", "yes_no"):
        kind_named(name).read(text, choices)
    assert time.process_time() - begun < BACKTRACKING


SUBJECTS = st.sampled_from(["", "it is ", "the given answer is ", "my solution is ", "this seems ", "they are "])
BEFORE = st.sampled_from(
    [
        "not ",
        "never ",
        "hardly ",
        "anything but ",
        "far from ",
        "un-",
        "in-",
        "less than ",
        "nowhere near ",
        "no more ",
        "non-",
    ]
)


@given(
    SUBJECTS, BEFORE, st.sampled_from(["correct", "right", "accurate", "valid", "true", "sound"]), st.text(max_size=30)
)
def test_a_positive_word_that_is_denied_is_never_correct(subject: str, denied: str, word: str, after: str) -> None:
    assert read_verdict(f"Evaluation result: {subject}{denied}{word} {after}")[0] is not Verdict.CORRECT


@given(st.sampled_from(["correct", "wrong", "uncertain"]), st.text(max_size=200))
def test_the_line_that_we_ask_for_is_read_after_any_critique(verdict: str, critique: str) -> None:
    read, rest = read_verdict(f"{critique}\nEvaluation result: the given answer is {verdict}.")
    assert read is Verdict(verdict)
    assert len(rest) <= len(critique)


@given(st.text(max_size=60), st.sampled_from(["number", "equation", "yes_no"]))
def test_what_is_read_reads_as_itself(raw: str, name: str) -> None:
    kind = kind_named(name)
    answer = kind.read(raw, {})
    assert answer is None or kind.read(answer.text, {}) == answer


@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.sampled_from(["number", "equation", "yes_no"]))
def test_what_is_read_of_odd_pieces_reads_as_itself(raw: str, name: str) -> None:
    kind = kind_named(name)
    answer = kind.read(raw, {})
    assert answer is None or kind.read(answer.text, {}) == answer


def test_answers_are_plain_pairs() -> None:
    assert Answer("84 / 2", "42") == ("84 / 2", "42")
