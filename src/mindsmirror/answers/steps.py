"""The arithmetic that a rationale writes down, step by step: `5 bees * 6 legs = 30 legs`, and whether each step holds.

A step is two neighbouring sides of an equation, and the first one computes something. The exact parser of
`arithmetic.py` reads both sides. What it cannot read is not a step, so no step is called wrong because it was not
understood. A result that is rounded (`10 / 3 = 3.33`) holds.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from mindsmirror.answers.arithmetic import Node, NotArithmeticError, Token, parse
from mindsmirror.answers.equation import in_ascii_operators, without_units

MAX_TEXT = 20_000
"""Characters of a rationale that are looked at."""
MAX_STEPS = 200
MAX_SIDE = 40
"""Tokens of one side."""
MAX_UNIT = 3
"""Words that may follow a number as its unit."""

_TOKEN = re.compile(
    r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9,]*[0-9])|[0-9]{1,30}(?:\.[0-9]{1,30})?(?![0-9])|\.[0-9]{1,30})"
    r"|(?P<operator>\*\*|[-+*/^()=%])|(?P<word>[^\W\d_]{1,40})|(?P<space>\s)|(?P<other>.)",
    re.S,
)
_MODIFIES = frozenset(
    ("of", "half", "twice", "double", "triple", "thrice", "by", "dozen", "root", "sqrt", "than", "every")
)
"""Words before an expression that make another number of it."""
_OPENS, _CLOSES, _JOINS = "(", ")%", "+-*/^"


class Step(NamedTuple):
    """What was computed, and what it was said to be."""

    computed: Fraction
    stated: Fraction
    decimals: int
    """Digits after the point of the stated number, -1 if it is no plain number."""
    place: tuple[int, int] | None = None
    """Where the stated number begins and ends in the text; None if it is no plain number, or cannot be told."""

    @property
    def holds(self) -> bool:
        """Whether the stated result equals the computed one, exactly or rounded to the decimals that are written."""
        if self.computed == self.stated:
            return True
        # A whole number is not read as rounded: `7 / 2 = 3` is wrong.
        return self.decimals > 0 and abs(self.computed - self.stated) * 10**self.decimals <= Fraction(1, 2)


def arithmetic_steps(text: str) -> list[Step]:
    """The steps of a text in order; those that cannot be read are left out."""
    found: list[Step] = []
    begin = 0
    for line in text[:MAX_TEXT].splitlines(keepends=True):
        if "=" in line or "＝" in line or "≈" in line:
            plain = in_ascii_operators(line)
            for before, after in _equalities(_tokens(plain)):
                # Signs are exchanged one for one, but a word or a fraction for several.
                step = _step(before, after, begin if len(plain) == len(line) else None)
                if step is not None:
                    found.append(step)
                if len(found) == MAX_STEPS:
                    return found
        begin += len(line)
    return found


def valid_share(text: str) -> float | None:
    """The share of a text's arithmetic steps that hold; None if it has no step."""
    steps = arithmetic_steps(text)
    return sum(step.holds for step in steps) / len(steps) if steps else None


def follows(answer: str, steps: Sequence[Step]) -> bool | None:
    """Whether an answer is what the last of a rationale's steps comes to; None without steps, or for no number."""
    said = _node(_tokens(in_ascii_operators(answer)))
    return said.value == steps[-1].stated if steps and said is not None else None


def _tokens(line: str) -> list[Token]:
    """Numbers, operators, words, and `other` for whatever ends an expression."""
    tokens: list[Token] = []
    glued = False
    for match in _TOKEN.finditer(line):
        kind = str(match.lastgroup)
        if kind != "space":
            text = "^" if match.group() == "**" else match.group()
            tokens.append(Token(kind, text, glued, match.start()))
        glued = kind != "space"
    return tokens


def _equalities(tokens: Sequence[Token]) -> Iterator[tuple[list[Token], list[Token]]]:
    """For each sign of equality the longest sides that can be an expression."""
    for place, token in enumerate(tokens):
        if token.text == "=" and token.kind == "operator":
            before = _left_of(tokens, place)
            after = _right_of(tokens, place)
            if before and after:
                yield before, after


def _left_of(tokens: Sequence[Token], place: int) -> list[Token]:
    """The expression that ends at the sign of equality at `place`."""
    start, words = place, 0
    operand = False
    """Whether the token to the right is an operand or an opening parenthesis."""
    while start > 0 and place - start < MAX_SIDE:
        token = tokens[start - 1]
        if token.kind == "word" and not operand and words < MAX_UNIT:
            words += 1
        elif token.kind == "number" and not operand:
            operand, words = True, 0
        elif token.kind == "operator" and token.text in _JOINS and operand:
            operand = False
        elif token.text in _CLOSES and not operand:
            words = 0
        elif token.text == _OPENS and operand:
            pass
        else:
            break
        start -= 1
    if start > 0 and tokens[start - 1].text.lower() in _MODIFIES:
        return []
    if place - start > 1 and tokens[start].text == "-" and not tokens[start + 1].glued:
        # The dash of a list: a sign stands at its number.
        start += 1
    return _trimmed(tokens[start:place])


def _right_of(tokens: Sequence[Token], place: int) -> list[Token]:
    """The expression that begins behind the sign of equality at `place`; words behind its last operand are its unit."""
    end, operand = place + 1, False
    while end < len(tokens) and end - place <= MAX_SIDE:
        token = tokens[end]
        if token.kind == "number" and not operand:
            operand = True
        elif token.kind == "word" and operand and _joined_later(tokens, end):
            pass
        elif token.kind == "operator" and token.text in _JOINS and (operand or token.text in "+-"):
            operand = False
        elif (token.text in _CLOSES and operand) or (token.text == _OPENS and not operand):
            pass
        else:
            break
        end += 1
    return _trimmed(tokens[place + 1 : end])


def _joined_later(tokens: Sequence[Token], place: int) -> bool:
    """Whether the word at `place` is a unit within an expression: an operator follows within a few words."""
    for token in tokens[place + 1 : place + 1 + MAX_UNIT]:
        if token.kind != "word":
            return token.kind == "operator" and token.text in "+-*/^)"
    return False


def _trimmed(tokens: Sequence[Token]) -> list[Token]:
    """Without what cannot begin or end an expression, such as the dash of a list."""
    kept = list(tokens)
    while kept and (kept[0].kind == "word" or kept[0].text in "+*/^)%="):
        kept.pop(0)
    while kept and kept[-1].kind == "operator" and kept[-1].text in "+-*/^(":
        kept.pop()
    return kept


def _step(before: Sequence[Token], after: Sequence[Token], begin: int | None) -> Step | None:
    """The step of two sides in a line that begins at `begin`, if that can be told."""
    computed, stated = _node(before), _node(after)
    if computed is None or stated is None or not _computes(computed):
        return None
    first = _first_operand(stated)
    if computed.value != stated.value and computed.value == first.value:
        # `3 + 4 = 7 + 2 = 9` goes on from what was computed.
        stated = first
    if len(after) > 1 and not all(token.kind == "word" for token in after[1:]):
        return Step(computed.value, stated.value, -1)
    number = after[0]
    place = None if begin is None else (begin + number.start, begin + number.start + len(number.text))
    return Step(computed.value, stated.value, len(number.text.partition(".")[2]), place)


def _node(tokens: Sequence[Token]) -> Node | None:
    try:
        return parse(without_units(list(tokens)))
    except NotArithmeticError:
        return None


def _first_operand(node: Node) -> Node:
    while node.parts and node.operator != "neg":
        node = node.parts[0]
    return node


def _computes(node: Node) -> bool:
    """Whether a side has an operation."""
    return bool(node.operator) and not (node.operator == "neg" and not node.parts[0].operator)
