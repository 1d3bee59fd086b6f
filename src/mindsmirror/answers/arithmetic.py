"""Exact arithmetic on text that a model wrote: bounded in length, depth and size, and never `eval`.

`parse` reads one expression of + - * / ^ and parentheses into a tree. Every node of the tree holds its exact value.
The parser refuses large values (9**9**9**9) before it computes them.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

MAX_TOKENS = 80
MAX_DEPTH = 24
MAX_DIGITS = 30
MAX_EXPONENT = 64
MAX_BITS = 1024
"""Of numerator and denominator together, in every intermediate result."""


class NotArithmeticError(Exception):
    """The text is no expression, or one beyond the bounds; caught inside this room."""


class Token(NamedTuple):
    """A number, an operator or parenthesis, or a word; `glued` if no space stands before it."""

    kind: str
    text: str
    glued: bool
    start: int = -1
    """Where it begins in the text that it was read from, if anybody asks for that."""


@dataclass(frozen=True)
class Node:
    """A number, a negation or an operation, with its exact value."""

    value: Fraction
    operator: str = ""
    """Empty for a number, `neg`, or one of + - * / ^."""
    parts: tuple["Node", ...] = ()


_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9,]*[0-9])"
    r"|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}(?![0-9A-Za-z]))?)"
    r"|(?P<operator>\*\*|[-+*/^()=%])"
    r"|(?P<word>[^\W\d_]+)"
)

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "^": 4, "": 5}


def tokens_of(text: str) -> list[Token]:
    """The tokens of `text`. NotArithmeticError on a strange character, a long number or too many tokens."""
    tokens: list[Token] = []
    position, glued = 0, False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotArithmeticError(f"unexpected {text[position]!r}")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "space":
            glued = False
            continue
        if kind == "number" and len(match.group()) > MAX_DIGITS:
            raise NotArithmeticError("a number is too long")
        tokens.append(Token(kind, "^" if match.group() == "**" else match.group(), glued))
        glued = True
        if len(tokens) > MAX_TOKENS:
            raise NotArithmeticError("too many tokens")
    return tokens


def parse(tokens: list[Token]) -> Node:
    """The tree of one whole expression. NotArithmeticError if it is none or is beyond the bounds."""
    parser = _Parser(tokens)
    node = parser.expression(0, 1)
    if parser.position != len(tokens):
        raise NotArithmeticError(f"unexpected {tokens[parser.position].text!r}")
    return node


def decimal_text(value: Fraction) -> str:
    """A value as a decimal where it has a finite one of at most 30 places, else as a fraction: `-0.5`, `1/3`."""
    if value.denominator == 1:
        return str(value.numerator)
    places, rest = 0, value.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MAX_DIGITS:
        return str(value)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def render(node: Node) -> str:
    """The canonical spelling: one space around operators, parentheses only where the value needs them."""
    if not node.operator:
        return decimal_text(node.value)
    if node.operator == "neg":
        return "-" + _within(node.parts[0], _PRECEDENCE[node.parts[0].operator] <= 3)
    left, right = node.parts
    mine = _PRECEDENCE[node.operator]
    left_bare = _PRECEDENCE[left.operator] > mine or (node.operator != "^" and _PRECEDENCE[left.operator] == mine)
    theirs = _PRECEDENCE[right.operator]
    right_bare = right.operator != "neg" and (theirs > mine or (theirs == mine and node.operator in ("+", "*", "^")))
    return f"{_within(left, not left_bare)} {node.operator} {_within(right, not right_bare)}"


def _within(node: Node, parentheses: bool) -> str:
    return f"({render(node)})" if parentheses else render(node)


class _Parser:
    """Precedence climbing over a token list."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0

    def peek(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def expression(self, depth: int, lowest: int) -> Node:
        """Operands joined by operators of precedence `lowest` and above."""
        left = self.operand(depth)
        while True:
            operator = self.operator()
            if operator is None or _PRECEDENCE[operator] < lowest:
                return left
            if self.tokens[self.position].text != "(":
                self.position += 1
            above = _PRECEDENCE[operator] + (operator != "^")
            left = _operate(operator, left, self.expression(depth + 1, above))

    def operator(self) -> str | None:
        """The operator that comes next; an opening parenthesis glued to what it follows multiplies."""
        token = self.peek()
        if token is None or token.kind != "operator":
            return None
        if token.text == "(" and token.glued:
            return "*"
        return token.text if token.text in "+-*/^" else None

    def operand(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise NotArithmeticError("nested too deeply")
        token = self.peek()
        if token is None:
            raise NotArithmeticError("it breaks off")
        self.position += 1
        if token.text in "+-" and token.kind == "operator":
            inner = self.expression(depth + 1, 3)
            return inner if token.text == "+" else _bounded(-inner.value, "neg", inner)
        if token.text == "(":
            node = self.expression(depth + 1, 1)
            closing = self.peek()
            if closing is None or closing.text != ")":
                raise NotArithmeticError("a parenthesis is not closed")
            self.position += 1
        elif token.kind == "number":
            node = Node(Fraction(token.text.replace(",", "").rstrip(".")))
        else:
            raise NotArithmeticError(f"unexpected {token.text!r}")
        return self.percent(node)

    def percent(self, node: Node) -> Node:
        token = self.peek()
        if token is None or token.text != "%":
            return node
        self.position += 1
        if node.operator:
            return _operate("/", node, Node(Fraction(100)))
        return Node(node.value / 100)


def _operate(operator: str, left: Node, right: Node) -> Node:
    a, b = left.value, right.value
    if operator == "+":
        value = a + b
    elif operator == "-":
        value = a - b
    elif operator == "*":
        value = a * b
    elif operator == "/":
        if b == 0:
            raise NotArithmeticError("division by zero")
        value = a / b
    else:
        value = _power(a, b)
    return _bounded(value, operator, left, right)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT or (base == 0 and exponent < 0):
        raise NotArithmeticError("the exponent is out of bounds")
    if _bits(base) * abs(exponent.numerator) > 2 * MAX_BITS:
        raise NotArithmeticError("the power is too large")
    return Fraction(base**exponent.numerator)


def _bounded(value: Fraction, operator: str, *parts: Node) -> Node:
    if _bits(value) > MAX_BITS:
        raise NotArithmeticError("a result is too large")
    return Node(value, operator, parts)


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()
