"""Answers that are numbers: `42`, `$1,234.50`, `3/4`, `2 1/2`, `\\boxed{42}`, `twelve apples`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mindsmirror.answers.arithmetic import MAX_DIGITS, Node, decimal_text
from mindsmirror.answers.base import Answer
from mindsmirror.answers.equation import plain_signs, sides

_WORD_VALUES = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_NUMERAL = re.compile(
    r"(?<![A-Za-z0-9_.,/^])(?P<sign>-\s?)?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?![0-9])|(?=\.[0-9]))(?P<decimals>\.[0-9]+)?"
    r"(?:\s?/\s?(?P<below>[0-9]+)(?![0-9./])|\s+(?P<above>[0-9]+)\s?/\s?(?P<mixed>[0-9]+)(?![0-9./]))?"
)
_PLAIN_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")
_SCALE = re.compile(r"\s?(hundred|thousand|million|billion)\b", re.I)
_DENIAL = re.compile(r"\b(?:not|than|cannot|between|or)\b|n't\b", re.I)
_PLAIN = re.compile(
    r"[-+]?\s?[$€£¥₹]?\s?[0-9][0-9,]*(?:\.[0-9]+)?(?:\s?/\s?[0-9]+)?\s?%?(?:\s?\(?[A-Za-z][A-Za-z '-]{0,30}\)?)?"
)


@dataclass(frozen=True)
class Number:
    """One number, compared exactly. Units, currency and the percent sign say nothing: `50%` equals `50`."""

    name: str = "number"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The number that `raw` states; of `84 / 2 = 42` the last side. None if several numbers stand there."""
        if _PLAIN_WHOLE.fullmatch(raw):
            # Most gold answers and most answers: a file of a million questions is read in half the time.
            return Answer(raw, raw)
        text = plain_signs(raw.replace("\\%", "").replace("%", " "))
        if text is None:
            return None
        return _only_numeral(text) or _right_hand_side(text) or _in_words(text)


def looks_numeric(text: str) -> bool:
    """Whether a text is a numeral with no more than a unit around it; `Apollo 13` is not."""
    return len(text) <= 60 and _PLAIN.fullmatch(text.strip()) is not None


def _only_numeral(text: str) -> Answer | None:
    """The one numeral of a text in which no other digit stands."""
    match = _NUMERAL.search(text)
    if match is None or len(match.group()) > MAX_DIGITS:
        return None
    before, after = text[: match.start()], text[match.end() :]
    if re.search(r"[0-9+*/^=<>]", after) or re.search(r"[0-9+*/^<>]", before) or _DENIAL.search(text):
        return None
    value = _value(match)
    if value is None:
        return None
    scale = _SCALE.match(after)
    if scale:
        value *= _SCALES[scale.group(1).lower()]
    return _answer(value, written_as_fraction=bool(match["below"] or match["mixed"]))


def _value(match: re.Match[str]) -> Fraction | None:
    below = match["below"] or match["mixed"]
    if below is not None and (int(below) == 0 or match["decimals"]):
        return None
    value = Fraction((match["whole"].replace(",", "") or "0") + (match["decimals"] or ""))
    if match["mixed"]:
        value += Fraction(int(match["above"]), int(match["mixed"]))
    elif match["below"]:
        value /= int(match["below"])
    return -value if match["sign"] else value


def _right_hand_side(text: str) -> Answer | None:
    """The last plain number among the sides of an equation such as `84 / 2 = 42`."""
    found = sides(text)
    plain = [side for side in found if _is_literal(side)]
    if len(found) < 2 or not plain:
        return None
    return _answer(plain[-1].value, written_as_fraction=False)


def _is_literal(side: Node) -> bool:
    return not side.operator or (side.operator == "neg" and not side.parts[0].operator)


def _in_words(text: str) -> Answer | None:
    """`twelve`, `twelve apples`: one number word up to twenty, alone or first."""
    words = re.findall(r"[a-z]+", text.lower())[:40]
    named = [word for word in words if word in _WORD_VALUES]
    if not words or len(named) != 1 or words[0] != named[0] or _DENIAL.search(text):
        return None
    if any(character.isdigit() for character in text):
        return None
    scale = _SCALES.get(words[1], 1) if len(words) > 1 else 1
    return _answer(Fraction(_WORD_VALUES[named[0]] * scale), written_as_fraction=False)


def _answer(value: Fraction, *, written_as_fraction: bool) -> Answer:
    return Answer(str(value) if written_as_fraction else decimal_text(value), str(value))
