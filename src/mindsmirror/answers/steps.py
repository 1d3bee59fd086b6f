"""The arithmetic that a rationale writes down, step by step: `5 bees * 6 legs = 30 legs`, and whether each step holds.

A step is two neighbouring sides of an equation, and the first one computes something. The exact parser of
`arithmetic.py` reads both sides. What it cannot read is not a step, and neither is what it can read only a part of (an
unknown, a root, `3 hours 20 minutes`), so no step is called wrong because it was not understood. A result that is
rounded holds: `10 / 3 = 3.33`, `22 / 7 ≈ 3`.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from mindsmirror.answers.arithmetic import Node, NotArithmeticError, Token, parse
from mindsmirror.answers.equation import in_ascii_operators, without_units
from mindsmirror.answers.sides import equalities, line_tokens

MAX_TEXT = 20_000
"""Characters of a rationale that are looked at."""
MAX_STEPS = 200
_ABOUT = "≈"


class Step(NamedTuple):
    """What was computed, and what it was said to be."""

    computed: Fraction
    stated: Fraction
    decimals: int
    """Digits after the point of the stated number, -1 if it is no plain number."""
    place: tuple[int, int] | None = None
    """Where the stated number begins and ends in the text; None if it is no plain number, or cannot be told."""
    about: bool = False
    """Whether the sign between the two says "about"."""

    @property
    def holds(self) -> bool:
        """Whether the stated result equals the computed one, exactly or rounded to the decimals that are written."""
        if self.computed == self.stated:
            return True
        # A whole number is not read as rounded unless that is said: `7 / 2 = 3` is wrong.
        rounded = self.decimals > 0 or (self.about and self.decimals == 0)
        return rounded and abs(self.computed - self.stated) * 10**self.decimals <= Fraction(1, 2)


def arithmetic_steps(text: str) -> list[Step]:
    """The steps of a text in order; those that cannot be read are left out."""
    found: list[Step] = []
    begin = 0
    for line in text[:MAX_TEXT].splitlines(keepends=True):
        if "=" in line or "＝" in line or _ABOUT in line:
            plain = in_ascii_operators(line)
            # Signs are exchanged one for one, but a word or a fraction for several.
            same = len(plain) == len(line)
            for place, before, after in equalities(line_tokens(plain)):
                step = _step(before, after, begin if same else None)
                if step is not None:
                    about = line[place] == _ABOUT if same else _ABOUT in line
                    found.append(step._replace(about=about))
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
    said = _node(line_tokens(in_ascii_operators(answer)))
    return said.value == steps[-1].stated if steps and said is not None else None


def _step(before: Sequence[Token], after: Sequence[Token], begin: int | None) -> Step | None:
    """The step of two sides in a line that begins at `begin`, if that can be told."""
    computed, stated = _node(before), _node(after)
    if computed is None or stated is None or not _computes(computed):
        return None
    first = _first_operand(stated)
    if computed.value != stated.value and computed.value == first.value:
        # `3 + 4 = 7 + 2 = 9` goes on from what was computed.
        stated = first
    if any(token.text == "%" for token in (*before, *after)):
        return _percent(computed.value, stated.value)
    if len(after) > 1 and not all(token.kind == "word" for token in after[1:]):
        return Step(computed.value, stated.value, -1)
    number = after[0]
    place = None if begin is None else (begin + number.start, begin + number.start + len(number.text))
    return Step(computed.value, stated.value, len(number.text.partition(".")[2]), place)


def _percent(computed: Fraction, stated: Fraction) -> Step:
    """A step with a sign of per cent, which is written for a hundredth and as a mere unit: `25 - 5 = 20%` holds."""
    for scale in (Fraction(1), Fraction(100), Fraction(1, 100)):
        if abs(computed - stated * scale) * 1000 <= abs(computed):
            return Step(computed, computed, -1)
    return Step(computed, stated, -1)


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
