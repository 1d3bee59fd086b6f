"""The two sides of each sign of equality in a line of a rationale, as far as both can be read whole.

A side ends where words, a sentence or another equality begins. Where it ends at something that belongs to it and that
cannot be read (an unknown, a root, the first half of `3 hours 20 minutes`), there is no side: a part of an expression
would be judged for the whole.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mindsmirror.answers.arithmetic import Token

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
    ("of", "half", "twice", "double", "triple", "thrice", "by", "dozen", "root", "sqrt", "than", "every", "x")
)
"""Words before an expression that make another number of it."""
_OPENS, _CLOSES, _JOINS = "(", ")%", "+-*/^"
_APART = frozenset(".,;:!?\"'`“”‘’«»…—–•→⇒·|_#<>\\~")
"""Signs that end a sentence or a clause, or stand around an expression: what is beyond them is no part of it."""
_BETWEEN = frozenset(("and", "or", "so", "then", "but"))
"""Words between two expressions; another one between two numbers is the unit of the first."""
_CODE = re.compile("0[0-9]")
"""How a time of day or a number of a house begins, `0900`, and no quantity."""
_REMAINDERS = frozenset(("remainder", "r"))


def line_tokens(line: str) -> list[Token]:
    """Numbers, operators, words, and `other` for whatever ends an expression; marks of emphasis are left out."""
    tokens: list[Token] = []
    glued = False
    for match in _TOKEN.finditer(line):
        kind, text = str(match.lastgroup), match.group()
        seen = kind != "space" and (text != "**" or _is_power(line, match.start(), match.end()))
        if seen:
            tokens.append(Token(kind, "^" if text == "**" else text, glued, match.start()))
        glued = seen
    return tokens


def _is_power(line: str, begin: int, end: int) -> bool:
    """Whether two stars stand between operands, with spaces on both sides or on neither; else they mark emphasis."""
    before, after = line[:begin], line[end:]
    between = re.search(r"[0-9A-Za-z)]$", before.rstrip()) and re.match(r"[-0-9A-Za-z(.]", after.lstrip())
    return bool(between) and before.endswith(" ") == after.startswith(" ")


def equalities(tokens: Sequence[Token]) -> Iterator[tuple[int, list[Token], list[Token]]]:
    """For each sign of equality where it stands in the line, and the whole expressions on both of its sides."""
    for place, token in enumerate(tokens):
        if token.text == "=" and token.kind == "operator":
            before = _left_of(tokens, place)
            after = _right_of(tokens, place)
            if before and after and not _has_unknown(before, tokens[place + 1 : place + 5]):
                yield token.start, before, after


def _has_unknown(before: Sequence[Token], beyond: Sequence[Token]) -> bool:
    """Whether a side holds what is no number: an unknown, `2n + 4 = 10`, a power of a unit, a time of day.

    `beyond` are the first tokens behind the sign of equality. A letter that is a unit stands on both sides.
    """
    both, letters = [*before, *beyond], _letters(before)
    numbers = sum(token.kind == "number" for token in before)
    return (
        set(letters) != set(_letters(beyond))
        # A sum of which one part has a unit and another has none is a sum with an unknown.
        or (any(a.text in "+-" for a in before) and len(letters) not in (0, numbers))
        or any(a.kind == "word" and b.text == "^" for a, b in pairwise(both))
        or any(_CODE.match(token.text) for token in both)
        or _divides_twice(before)
    )


def _letters(side: Sequence[Token]) -> list[str]:
    """Single letters that touch the number before them."""
    return [
        b.text for a, b in pairwise(side) if a.kind == "number" and b.kind == "word" and b.glued and len(b.text) == 1
    ]


def _divides_twice(side: Sequence[Token]) -> bool:
    """Whether it is written `60 / 3/4`, which may be meant as 60 / (3/4)."""
    return len({(sign.glued, after.glued) for sign, after in pairwise(side) if sign.text == "/"}) > 1


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
    if _cut_from_left(tokens, start, operand):
        return []
    if place - start > 1 and tokens[start].text == "-" and not tokens[start + 1].glued:
        # The dash of a list: a sign stands at its number.
        start += 1
    return _trimmed(tokens[start:place])


def _cut_from_left(tokens: Sequence[Token], start: int, operand: bool) -> bool:
    """Whether what stands before `start` is a part of the expression that was read from there on.

    `operand` says whether that begins with an operand.
    """
    last, before = (tokens[place] if place >= 0 else None for place in (start - 1, start - 2))
    if not operand:
        # An operator without its first operand, such as that behind an unknown, `x + 3`; a mark of a list is none.
        return tokens[start].text not in ("-", "*", "+") or (last is not None and last.kind in ("word", "number"))
    if last is None:
        return False
    if last.kind == "other":
        return last.text not in _APART or (last.text == ":" and last.glued and tokens[start].glued)
    if last.kind == "word":
        if last.text.lower() in _MODIFIES:
            return True
        result = start > 2 and tokens[start - 3].text == "="
        return before is not None and before.kind == "number" and not result and last.text.lower() not in _BETWEEN
    if last.text == ")":
        return start != 2
    return last.text != "="


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
    return [] if _cut_from_right(tokens, end) else _trimmed(tokens[place + 1 : end])


def _cut_from_right(tokens: Sequence[Token], end: int) -> bool:
    """Whether what begins at `end` is a part of the expression that was read up to there."""
    first, second, third = (tokens[place] if place < len(tokens) else None for place in (end, end + 1, end + 2))
    if first is None or tokens[end - 1].kind != "number":
        # Behind a sign an operand follows, here an unknown; a dash may stand between words.
        sign, unknown = tokens[end - 1].text, first is not None and first.kind == "word"
        return unknown and (sign in "+*/^" or (sign == "-" and first is not None and len(first.text) == 1))
    if first.text == "(":
        return first.glued
    if first.kind == "other":
        return first.glued and first.text in "√∛∞π"
    if first.kind == "word":
        if first.text.lower() in _REMAINDERS or (first.glued and not first.text.isascii()):
            return True
        # `3 hours 20 minutes` is one quantity, `30 and 4 * 2 = 8` are two steps.
        if first.text.lower() == "and" and second is not None:
            # `5 and 2/3` is one number.
            return second.text == "(" or (third is not None and third.text == "/" and third.glued)
        joined = third is not None and third.kind != "word"
        return second is not None and second.kind == "number" and not joined and first.text.lower() not in _BETWEEN
    return first.kind == "number"


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
