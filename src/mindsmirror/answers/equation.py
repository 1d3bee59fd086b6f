"""Answers that are equations: `(4 + 13) * 15`, scored by their exact value (SVAMP, as the paper scores it)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mindsmirror.answers.arithmetic import (
    Node,
    NotArithmeticError,
    Token,
    parse,
    render,
    tokens_of,
)
from mindsmirror.answers.base import Answer
from mindsmirror.answers.denial import denies
from mindsmirror.answers.number_words import NUMBER_WORD
from mindsmirror.answers.spelling import unwrap

MAX_LENGTH = 400
MAX_WRAPPED = 1000
"""Characters with what is wrapped around them: emphasis, LaTeX."""
MAX_REPAIRED = 20
"""Numbers and signs of an expression in which a missing parenthesis is supplied: each place for it is tried."""

_FRACTIONS = "½¼¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("−–‒﹣－", "-"),
        **dict.fromkeys("×·⋅∙✕✖∗＊", "*"),
        **dict.fromkeys("÷⁄∕／", "/"),
        **dict.fromkeys("[{（", "("),
        **dict.fromkeys("]}）", ")"),
        **{sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
        **dict.fromkeys("\xa0\u2009\u202f", " "),
        "＋": "+",
        "＝": "=",
        "≈": "=",
        **{sign: f"({Fraction(unicodedata.numeric(sign)).limit_denominator(9)})" for sign in _FRACTIONS},
    }
)
_WORDS = (
    (re.compile(r"\\(?:left|right|,|;|!|:|quad)|\\(?=[$%()\[\]])"), ""),
    (re.compile(r"(?<=[0-9])\s?\\[dt]?frac\s?\{([0-9]{1,9})\}\s?\{([0-9]{1,9})\}"), r" \1/\2"),
    (re.compile(r"\\[dt]?frac\s?\{([^{}]{1,40})\}\s?\{([^{}]{1,40})\}"), r"((\1)/(\2))"),
    (re.compile(r"\\(?:times|cdot|ast)|\b(?:times|multiplied by)\b", re.I), "*"),
    (re.compile(r"\\div|\bdivided by\b|(?<=\s):(?=\s)", re.I), "/"),
    (re.compile(r"\bplus\b", re.I), "+"),
    (re.compile(r"\bminus\b", re.I), "-"),
    (re.compile(r"(?<=%)\s{1,3}of\b", re.I), "*"),
    (re.compile(r"[$€£¥₹]|\b(?:USD|EUR|GBP|Rs)\b\.?"), " "),
    (re.compile(r"(?<=[0-9)])\s?[x✕](?=\s?[-(0-9.$])|(?<=[0-9)])\s?X(?=\s?[-(0-9.$])"), " * "),
)

_NO_UNITS = frozenset({"x", "and", "or", "not", "k", "m", "bn", "if"})
"""Words that are no unit, because they leave an unknown, a second answer or another number."""
_FRACTION = re.compile(rf"(?<=[0-9])\s?([{_FRACTIONS}])")


@dataclass(frozen=True)
class Equation:
    """Arithmetic whose value decides. Of `84 / 2 = 42` the side with an operator is the answer."""

    name: str = "equation"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The equation that `raw` states; None if there is none, or two sides of equal rank disagree."""
        found = [] if denies(raw) else sides(raw)
        worked = [side for side in found if side.operator]
        plain = [side for side in found if not side.operator]
        candidates = worked or plain
        if not candidates or any(side.value != candidates[0].value for side in candidates):
            return None
        return Answer(render(candidates[0]), str(candidates[0].value))


def sides(raw: str) -> list[Node]:
    """What stands between the signs of equality, parsed; empty if any side is neither arithmetic nor a name."""
    text = plain_signs(raw)
    if text is None:
        return []
    nodes = []
    try:
        for tokens in _split(tokens_of(text)):
            kept = without_units(tokens)
            if kept:
                nodes.append(_parse_repaired(kept))
    except NotArithmeticError:
        return []
    return nodes


def plain_signs(raw: str) -> str | None:
    """The text in ASCII operators, without currency, wrapping and final full stop; None if it is too long."""
    if len(raw) > MAX_WRAPPED:
        return None
    text = unwrap(raw)
    if len(text) > MAX_LENGTH or "\n" in text:
        return None
    return in_ascii_operators(text).rstrip(" .,;:!?*_`'\"").lstrip(" ,;:!?*_`'\"")


def in_ascii_operators(text: str) -> str:
    """The text with its operators, fractions and digits in ASCII, and without currency: `5 × ½` is `5 * (1/2)`."""
    text = _FRACTION.sub(_beside_a_whole, text.replace("\\boxed", ""))
    for pattern, replacement in _WORDS[:3]:
        text = pattern.sub(replacement, text)
    text = text.translate(_SIGNS)
    for pattern, replacement in _WORDS[3:]:
        text = pattern.sub(replacement, text)
    return text


def _beside_a_whole(match: re.Match[str]) -> str:
    """`½` after a digit: `1½` is one and a half, not a product."""
    return f" {Fraction(unicodedata.numeric(match[1])).limit_denominator(9)}"


def _split(tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == "=":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def without_units(tokens: list[Token]) -> list[Token]:
    """The text without units: words after a number or a closing parenthesis; a side of words alone is a name."""
    if all(token.kind == "word" for token in tokens):
        return []
    kept: list[Token] = []
    for token in tokens:
        if token.kind != "word":
            kept.append(token)
        elif not kept or not (kept[-1].kind == "number" or kept[-1].text in ")%"):
            raise NotArithmeticError(f"unexpected {token.text!r}")
        elif token.text.lower() in _NO_UNITS or NUMBER_WORD.fullmatch(token.text):
            raise NotArithmeticError("an unknown or a second answer is left")
    return [Token(t.kind, t.text, t.glued and _glues(tokens, kept, i)) for i, t in enumerate(kept)]


def _glues(tokens: list[Token], kept: list[Token], index: int) -> bool:
    """Whether a parenthesis directly follows a unit: then it multiplies nothing, as in `5 apples(fresh)`."""
    return len(tokens) == len(kept) or index == 0 or kept[index].text != "("


def _parse_repaired(tokens: list[Token]) -> Node:
    """The tree; adds one missing parenthesis if every sensible place for it gives the same value."""
    texts = [token.text for token in tokens]
    missing = texts.count("(") - texts.count(")")
    if abs(missing) != 1:
        return parse(tokens)
    if len(tokens) > MAX_REPAIRED:
        raise NotArithmeticError("a parenthesis is missing")
    added = Token("operator", ")" if missing > 0 else "(", False)
    sensible: list[Node] = []
    around_one: list[Node] = []
    for place in _places(tokens, missing):
        trial = [*tokens[:place], added, *tokens[place:]]
        found = around_one if _wraps_one(trial, place, missing) else sensible
        try:
            found.append(parse(trial))
        except NotArithmeticError:
            continue
        if found[0].value != found[-1].value and found is sensible:
            break
    nodes = sensible or around_one
    if not nodes or any(node.value != nodes[0].value for node in nodes):
        raise NotArithmeticError("a parenthesis is missing, and its place decides")
    return nodes[-1] if missing > 0 else nodes[0]


def _places(tokens: list[Token], missing: int) -> list[int]:
    """Where the parenthesis may stand: a closing one after an operand, an opening one before it."""
    if missing > 0:
        return [place + 1 for place, token in enumerate(tokens) if token.kind == "number" or token.text in ")%"]
    return [place for place, token in enumerate(tokens) if token.kind == "number" or token.text in "(+-"]


def _wraps_one(tokens: list[Token], place: int, missing: int) -> bool:
    """Whether the parenthesis put at `place` encloses a single number, where nobody would write one."""
    if missing > 0:
        return place >= 2 and tokens[place - 2].text == "("
    return place + 2 < len(tokens) and tokens[place + 2].text == ")"
