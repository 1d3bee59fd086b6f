"""Answers that are numbers: `42`, `$1,234.50`, `3/4`, `2 1/2`, `\\boxed{42}`, `twelve apples`, `minus five`.

A numeral counts only if nothing beside it could change its value: no bound ("at least 5"), no function ("sqrt(16)"),
no second number, no unit that multiplies ("5 dozen").
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mindsmirror.answers.arithmetic import MAX_DIGITS, Node, decimal_text
from mindsmirror.answers.base import Answer
from mindsmirror.answers.denial import denies
from mindsmirror.answers.equation import MAX_WRAPPED, plain_signs, sides
from mindsmirror.answers.number_words import NUMBER_WORD, SCALES, read_words

_SCALES = {"hundred": 100, **SCALES}
_NUMERAL = re.compile(
    r"(?<![A-Za-z0-9_.,/^])(?P<sign>[-+]\s{0,3})?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?![0-9])|(?=\.[0-9]))(?P<decimals>\.[0-9]+)?"
    r"(?:\s?/\s?(?P<below>[0-9]+)(?![0-9./])|\s{1,3}(?P<above>[0-9]+)\s?/\s?(?P<mixed>[0-9]+)(?![0-9./]))?"
)
_PLAIN_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}")
_PLAIN = re.compile(
    r"[-+]?\s?[$€£¥₹]?\s?[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?(?:\s?/\s?[0-9]+)?\s?%?"
    r"(?:\s?\(?[A-Za-z][A-Za-z '-]{0,30}\)?)?"
)
_CURRENCY = re.compile(r"[$€£¥₹]|\b(?:USD|EUR|GBP|Rs)\b")
_NEGATIVE = re.compile(r"\b(?:minus|negative)\s{1,3}(?=[$€£¥₹(]?\s?[0-9.(]|[a-z])", re.I)
_LATEX = re.compile(r"\\(?:mathbf|mathit|mathsf|bf|displaystyle|approx|sim|underline)\b")
_CHOICE = re.compile(r"\b(?:or|than|between|negative|minus|no(?!\.))\b", re.I)
_BOUND = re.compile(
    r"\b(?:at (?:least|most)|less|fewer|more|over|under|above|below|beyond|past|exceed(?:s|ing)?|up to|within)\W{0,4}$",
    re.I,
)
_BOUND_AFTER = re.compile(r"\bat (?:least|most)\b|^\s?(?:degrees\s)?below\b|\band (?:up|above|below)\b", re.I)
_FUNCTION = re.compile(
    r"\b(?:sqrt|roots?|log|ln|exp|sin|cos|tan|abs|absolute|floor|ceil|ceiling|factorial|square|cube|squared|cubed"
    r"|reciprocal|inverse|couple|pair|power|mod|modulo|max|min)\b|[A-Za-z]\($",
    re.I,
)
_MULTIPLIES = re.compile(
    r"(?:k|K|M|mn|mln|mil|mio|MM|b|B|bn|Bn|BN|T|tn|G|e|E|x|X|i|grand|crores?|lakhs?|dozens?|quarter|squared|cubed"
    r"|factorial|halves|thirds|fourths|fifths|sixths|sevenths|eighths|ninths|tenths|hundredths|thousandths)\b"
    r"|(?:half|hundreds|thousands|millions|billions|trillions|and an? (?:half|third|quarter|[a-z]{3,8}th))\b"
)
_PRONOUN = re.compile(
    r"\b(?:each|every|this|that|in|for|per|the|of) one\b(?!\s?(?:and|hundred|half|third))"
    r"|^[\s(]{0,2}quarters\b(?! of)|^[\s(]{0,2}(?:third|fourth|fifth|sixth|seventh|eighth|ninth|tenth) (?!of\b)[a-z]",
    re.I,
)
_RATIO = re.compile(r"[0-9]\s?:\s?[0-9]")
_LETTER = re.compile(r"[A-DF-Za-df-z]|[Ee](?![-+]?[0-9])|(?<![0-9])[Ee]")
_ARROWS = frozenset("→⇒~")
_PER = re.compile(r"(?<=[0-9A-Za-z])\s?/\s?(?=[A-Za-z]{2}|[hs]\b)")
"""`60 km/h`, `$5/hour`: a unit, no division."""
_POWER_OF_UNIT = re.compile(r"(?<=[0-9\s])([cdkm]?m|ft|feet|in|inch(?:es)?|yards?|miles?)(?:\^[23](?![0-9])|[²³])")
"""`12 m²`, `12 ft^2`: a unit, no power of the number."""


@dataclass(frozen=True)
class Number:
    """One number, compared exactly. Units, currency and the percent sign do not matter: `50%` equals `50`."""

    name: str = "number"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The number that `raw` states; of `84 / 2 = 42` the last side. None if it is none, or none for sure."""
        if _PLAIN_WHOLE.fullmatch(raw):
            # Most gold answers and most answers: a file of a million questions is read in half the time.
            return Answer(raw, raw)
        if len(raw) > MAX_WRAPPED or "π" in raw or _RATIO.search(raw) or raw.rstrip(" *_").endswith("?"):
            return None
        signed = _NEGATIVE.sub(_minus, _LATEX.sub(" ", _POWER_OF_UNIT.sub(r"\1", _PER.sub(" per ", raw))))
        text = plain_signs(signed.replace("\\%", "").replace("%", " "))
        if text is None or _CHOICE.search(text) or denies(text) or not all(map(_is_plain, text)):
            return None
        paid = _CURRENCY.search(raw) is not None
        return _only_numeral(text, paid) or _from_sides(text, paid) or _in_words(text)


def looks_numeric(text: str) -> bool:
    """Whether a text is a numeral, at most with a unit; `Apollo 13` is not."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    return len(text) <= 60 and _PLAIN.fullmatch(plain) is not None


def _minus(match: re.Match[str]) -> str:
    """A minus sign in place of the word, unless another word stands before it ("8 minus 5", "is it minus")."""
    before = match.string[: match.start()].rstrip().lower()
    led = not before or before.endswith((":", "=", "(", "is", "about", "exactly", "approximately", "$", "{", "*"))
    return "-" if led else match.group()


def _is_plain(character: str) -> bool:
    """Whether a character beside a numeral has no meaning of its own; √, ≥, ², 万 and a backslash have one."""
    if character.isascii():
        return character not in "\\|"
    return not character.isnumeric() and (unicodedata.category(character) != "Sm" or character in _ARROWS)


def _only_numeral(text: str, paid: bool) -> Answer | None:
    """The one numeral of a text in which no other number stands; `paid` if it is an amount of money."""
    match = _NUMERAL.search(text)
    if match is None or len(match.group()) > MAX_DIGITS:
        return None
    before, after = text[: match.start()], text[match.end() :]
    if not (_leads_to(before, match) and _follows(after)):
        return None
    value = _value(match)
    scale, after = _scale(after, paid)
    if value is None or scale is None:
        return None
    value *= scale
    worded = [part for part in (before, after) if NUMBER_WORD.search(_without_pronouns(part))]
    if any(not _says_the_same(part, value) for part in worded):
        return None
    return _answer(value, written_as_fraction=bool(match["below"] or match["mixed"]))


def _leads_to(before: str, numeral: re.Match[str]) -> bool:
    """Whether what stands before a numeral leaves it as it is."""
    if re.search(r"[0-9+*/^<>]|-\s{0,3}\(?\s{0,3}$", before) or _BOUND.search(before) or _FUNCTION.search(before):
        return False
    sign = numeral["sign"] or ""
    # "apples - 5": a dash or a subtraction, never a sign.
    return not (sign[1:] and re.search(r"\w\s{0,3}$", before))


def _follows(after: str) -> bool:
    return not (re.search(r"[0-9+*/^=<>]", after) or _BOUND_AFTER.search(after))


def _scale(after: str, paid: bool) -> tuple[int | None, str]:
    """The factor that the word after a numeral stands for, None if it is unclear, and the text after that word."""
    word = re.match(r"[\s-]?(hundred|thousand|million|billion|trillion|k)\b", after, re.I)
    if word and word[1].lower() in _SCALES:
        return _SCALES[word[1].lower()], after[word.end() :]
    letters = re.match(r"([A-Za-z]+)", after)
    if letters and (letters[1] == "k" or (paid and letters[1] in ("K", "M"))):
        return 10**6 if letters[1] == "M" else 1000, after[letters.end() :]
    if _MULTIPLIES.match(after.lstrip(" -")) or (paid and re.match(r"\s?m\b", after)):
        return None, after
    return 1, after


def _without_pronouns(text: str) -> str:
    """The text without words that only look like numbers: `42 in one week`, `42 quarters` (coins)."""
    return _PRONOUN.sub(" ", text)


def _says_the_same(text: str, value: Fraction) -> bool:
    """Whether the number in words beside a numeral repeats it: `five (5)`, `5 (five)`."""
    bare = text.strip(" (),.-:")
    worded = read_words(bare)
    return worded is not None and worded.value == value and not NUMBER_WORD.search(bare[worded.end :])


def _value(match: re.Match[str]) -> Fraction | None:
    below = match["below"] or match["mixed"]
    if below is not None and (int(below) == 0 or match["decimals"]):
        return None
    value = Fraction((match["whole"].replace(",", "") or "0") + (match["decimals"] or ""))
    if match["mixed"]:
        value += Fraction(int(match["above"]), int(match["mixed"]))
    elif match["below"]:
        value /= int(match["below"])
    return -value if (match["sign"] or "").startswith("-") else value


def _from_sides(text: str, paid: bool) -> Answer | None:
    """The last plain number among the sides of `84 / 2 = 42`; the value of `-(5)` and `(3)/(4)`, alone."""
    found = sides(text)
    if len(found) == 1 and "=" not in text and not _LETTER.search(text):
        return _answer(found[0].value, written_as_fraction="/" in text) if _is_number(found[0]) else None
    if len(found) < 2:
        return None
    for part in reversed(text.split("=")):
        nodes = sides(part)
        if len(nodes) == 1 and _is_literal(nodes[0]):
            return _only_numeral(part.strip(), paid)
    return None


def _is_literal(side: Node) -> bool:
    return not side.operator or (side.operator == "neg" and not side.parts[0].operator)


def _is_number(side: Node) -> bool:
    """Whether a side is a literal or a fraction of two whole ones."""
    if side.operator == "/":
        return all(_is_literal(part) and part.value.denominator == 1 for part in side.parts)
    return _is_number(side.parts[0]) if side.operator == "neg" else not side.operator


def _in_words(text: str) -> Answer | None:
    """`twelve`, `twelve apples`, `minus five`: a number in words that begins the text, and no other number in it."""
    match = re.match(r"(?:(?:about|exactly|only|just|approximately) )?(?P<sign>-\s{0,3})?", text, re.I)
    start = match.end() if match else 0
    worded = read_words(text[start:])
    if match is None or worded is None:
        return None
    rest = text[start + worded.end :]
    if re.search(r"[0-9+*/^=<>]", rest) or NUMBER_WORD.search(rest) or _BOUND_AFTER.search(rest):
        return None
    if _MULTIPLIES.match(rest.lstrip(" -")):
        return None
    value = -worded.value if match["sign"] else worded.value
    return _answer(value, written_as_fraction=False)


def _answer(value: Fraction, *, written_as_fraction: bool) -> Answer:
    return Answer(str(value) if written_as_fraction else decimal_text(value), str(value))
