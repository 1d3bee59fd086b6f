"""How much work a reading is: counted in lines of Python that run, and in how its patterns repeat, never in seconds."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

import mindsmirror.answers
from mindsmirror.answers import (
    ENTAILMENT,
    YES_NO,
    AnswerKind,
    Choice,
    Equation,
    Label,
    Number,
    Text,
    read_reply,
    read_verdict,
)

MOST_LINES = 25_000
"""For 4 kB, some 10 ms; before there was a bound, the worst of these texts ran millions."""
CHOICES = {"a": "ab" * 50, "b": "ba" * 50, "c": "aab" * 33, "d": "bank", "e": "a" * 100}
KINDS: tuple[AnswerKind, ...] = (
    Number(),
    Equation(),
    Choice(),
    Text(),
    YES_NO,
    ENTAILMENT,
    Label("many", tuple(f"label {number} of many" for number in range(2_000))),
    Label("nested", tuple(" ".join(["x"] * length) for length in range(1, 200))),
)
BODIES = (
    "The answer is (1+2*3+4*5+6*7+8*9 = (3+4*5+6 because, of, a, b, c, d. ",
    "The answer is (1/3+1/7+1/11+1/13+1/17+1/19 = 3+4, 5, 6, 7. ",
    "The answer is " + "(" * 23 + "1" + ")" * 22 + " = 3, a, b, c. ",
    "The answer is (a) " + "ab" * 49 + "xy" + "ab, because, x, y, z. ",
    "The answer is (b) " + "ba" * 40 + "q" * 12 + "ba" * 4 + ", a, b, c. ",
    "The answer is (b) ",
    "The answer is label 1 of label 2 of label 3 of, a, b, c. ",
    "The answer is x x x x x x x x x x x x x x x x x x x, x x, x x. ",
    "The answer is one hundred one hundred one hundred and, one, two. ",
    "answer is A. A. A. A. A. A. ",
    "Evaluation result: the given answer is, ",
    "Verdict: the answer of the answer of the answer that is ",
    '"Verdict is "',
    "\\boxed{",
    "\\boxed{1" + "’" * 100 + "minus 1" * 400,
    "####",
    "\nQ: ",
    "minus ",
    "½",
    "not ",
    ". ",
    "? ",
    "**",
    "\n",
    "(",
    "a",
    "1,",
)


def lines_of(action: Callable[[], object]) -> int:
    """How many lines of Python run."""
    count = 0

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return follow

    before = sys.gettrace()
    sys.settrace(follow)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def reading(kind: AnswerKind, text: str) -> Callable[[], object]:
    return lambda: read_reply(text, lambda raw: kind.read(raw, CHOICES))


def alone(kind: AnswerKind, text: str) -> Callable[[], object]:
    return lambda: kind.read(text, CHOICES)


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    """What a kind makes once, at its first reading, is no part of the others' work."""
    for kind in KINDS:
        kind.read("made once", CHOICES)
    read_verdict("made once")


@pytest.mark.parametrize("body", BODIES)
def test_no_text_of_four_kilobytes_is_much_work(body: str) -> None:
    text = (body * 4000)[:4000]
    for kind in KINDS:
        assert lines_of(reading(kind, text)) < MOST_LINES, kind.name
        assert lines_of(alone(kind, text[:400])) < MOST_LINES, kind.name
    assert lines_of(lambda: read_verdict(text)) < MOST_LINES


@pytest.mark.parametrize("body", BODIES)
def test_a_text_of_twice_the_length_is_twice_the_work_at_most(body: str) -> None:
    half, whole = (body * 16_000)[:8000], (body * 16_000)[:16_000]
    assert lines_of(lambda: read_verdict(whole)) <= 2.2 * lines_of(lambda: read_verdict(half)) + 500
    for kind in KINDS:
        # A bounded number of candidates is read however long the text: what grows is the search for them, in C.
        assert lines_of(reading(kind, whole)) < MOST_LINES, kind.name


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every pattern that a module of the room holds, by itself or within tuples and dictionaries."""
    for info in pkgutil.iter_modules(mindsmirror.answers.__path__):
        module = importlib.import_module(f"mindsmirror.answers.{info.name}")
        for name, value in vars(module).items():
            for found in within(value):
                yield f"{info.name}.{name}", found


def within(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from within(part)


def nested_repeats(parsed: Any, inside: bool = False) -> bool:
    """Whether a repeat without a limit stands in another one: the pattern that backtracks without end."""
    for operator, argument in parsed:
        unlimited = False
        parts: list[Any] = []
        if str(operator) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            unlimited = int(argument[1]) > 1_000_000
            parts = [argument[2]]
        elif str(operator) == "BRANCH":
            parts = list(argument[1])
        elif str(operator) in ("SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"):
            parts = [argument[-1] if isinstance(argument, tuple) else argument]
        if (unlimited and inside) or any(nested_repeats(part, inside or unlimited) for part in parts):
            return True
    return False


def test_no_pattern_repeats_a_repeat() -> None:
    parser = importlib.import_module("re._parser")
    found = dict(patterns())
    assert len(found) > 40
    assert nested_repeats(parser.parse("(?:a+b?)+"))
    assert [name for name, pattern in found.items() if nested_repeats(parser.parse(pattern.pattern))] == []
