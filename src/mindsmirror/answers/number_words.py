"""Numbers in English words: `one hundred and thirty-five`, `three and a half`, `two thirds`, `five point two`."""

import re
from fractions import Fraction
from typing import NamedTuple

SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
MAX_WORDS = 40
"""Words of a number; more is none."""

_ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_PARTS = {
    "half": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
_PLURAL = {"halves" if word == "half" else word + "s": below for word, below in _PARTS.items()}
# A quarter is a coin as well, so three of them are no number for sure.
_UNSURE = ("quarter", "quarters", "dozen", "dozens", "hundreds", "thousands", "millions", "billions", "lakh", "crore")


def _several(word: str) -> str:
    """`fives`, `twenties`."""
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")


NUMBER_WORD = re.compile(
    r"\b(?:zero|hundred|"
    + "|".join([*_ONES, *_TEENS, *_TENS, *map(_several, [*_ONES, "ten", *_TENS]), *SCALES, *_UNSURE, *_PARTS, *_PLURAL])
    + r"|twice|thrice|double|triple)\b",
    re.I,
)
"""Any word that names, multiplies or divides a number."""

_TOKEN = re.compile(r"[a-z]+")
_GAP = re.compile(r"[\s,-]{0,3}")


class Worded(NamedTuple):
    """A number in words at the beginning of a text, and where in the text its last word ends."""

    value: Fraction
    end: int


def read_words(text: str) -> Worded | None:
    """The number that a text begins with; None if there is none, or if its words are ambiguous."""
    words = _leading_words(text.lower())
    reader = _NumberGrammar([word for word, _ in words][:MAX_WORDS])
    value = reader.number()
    if value is None or reader.place == 0:
        return None
    return Worded(value, words[reader.place - 1][1])


def _leading_words(text: str) -> list[tuple[str, int]]:
    """The words at the beginning, separated by only spaces, commas and hyphens, and where each ends."""
    words: list[tuple[str, int]] = []
    position = 0
    while len(words) <= MAX_WORDS:
        match = _TOKEN.match(text, position)
        if match is None:
            break
        words.append((match.group(), match.end()))
        gap = _GAP.match(text, match.end())
        position = gap.end() if gap else match.end()
    return words


class _NumberGrammar:
    """Reads the grammar of English numbers from a list of words."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.place = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.words[place] if place < len(self.words) else ""

    def number(self) -> Fraction | None:
        """A whole number, a fraction or both; no word that would change its value may follow."""
        value = self._fraction() if self.peek() == "half" or self.peek(1) in _PARTS else None
        if value is None:
            whole = self._whole()
            if whole is None:
                return None
            value = self._after_whole(whole)
        follower = self.peek()
        if value is None or (follower and NUMBER_WORD.fullmatch(follower)) or follower in ("st", "nd", "rd", "th"):
            return None
        if follower == "and" and (NUMBER_WORD.fullmatch(self.peek(1)) or NUMBER_WORD.fullmatch(self.peek(2))):
            return None
        return value

    def _fraction(self, beside: bool = False) -> Fraction | None:
        """`half`, `a third`, `two thirds`; `beside` a whole, a unit may follow."""
        start = self.place
        above = 1 if self.peek() in ("half", "a", "an") else self._below_hundred()
        self.place += start == self.place and self.peek() != "half"
        below = (_PARTS if above == 1 else _PLURAL).get(self.peek())
        if above is None or below is None:
            self.place = start
            return None
        self.place += 1
        # "half a million" is no half.
        if below == 2 and not beside and self.peek() not in ("", "of", "the", "an"):
            self.place = start
            return None
        return Fraction(above, below)

    def _after_whole(self, whole: int) -> Fraction | None:
        """The decimals, the fraction after the whole, or the unit of the fraction that the whole counts."""
        if self.peek() == "point" and (self.peek(1) in _ONES or self.peek(1) == "zero"):
            return self._decimals(whole)
        below = (_PARTS if whole == 1 else _PLURAL).get(self.peek())
        if below is not None and whole < 100:
            self.place += 1
            return Fraction(whole, below)
        if self.peek() == "and" and (self.peek(1) in ("a", "an") or self.peek(2) in (*_PARTS, *_PLURAL)):
            start = self.place
            self.place += 1
            part = self._fraction(beside=True)
            if part is not None:
                return whole + part
            self.place = start
        return Fraction(whole)

    def _decimals(self, whole: int) -> Fraction:
        self.place += 1
        digits = ""
        while self.peek() in _ONES or self.peek() == "zero":
            digits += str(_ONES.get(self.peek(), 0))
            self.place += 1
        return whole + Fraction(int(digits), 10 ** len(digits))

    def _whole(self) -> int | None:
        if self.peek() == "zero":
            self.place += 1
            return 0
        total, lowest = 0, None
        while True:
            start = self.place
            if lowest is not None and self.peek() == "and":
                self.place += 1
            group = self._below_thousand()
            if group is None:
                self.place = start
                return total if lowest is not None else None
            scale = SCALES.get(self.peek())
            if scale is None:
                return total + group
            if lowest is not None and scale >= lowest:
                return None
            self.place += 1
            total, lowest = total + group * scale, scale

    def _below_thousand(self) -> int | None:
        """Up to 9900, because people also say `twenty five hundred`."""
        if self.peek() in ("a", "an") and (self.peek(1) == "hundred" or self.peek(1) in SCALES):
            self.place += 1
            count: int | None = 1
        else:
            count = self._below_hundred()
        if count is None or self.peek() != "hundred":
            return count
        self.place += 1
        start = self.place
        self.place += self.peek() == "and"
        rest = self._below_hundred()
        if rest is None:
            self.place = start
        return count * 100 + (rest or 0)

    def _below_hundred(self) -> int | None:
        word = self.peek()
        if word in _TENS:
            self.place += 1
            ones = _ONES.get(self.peek(), 0)
            self.place += ones > 0
            return _TENS[word] + ones
        value = _ONES.get(word) or _TEENS.get(word)
        self.place += value is not None
        return value
