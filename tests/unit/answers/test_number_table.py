"""A thousand ways to write a number, made from the number itself, and the ones that must stay unread."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from mindsmirror.answers import Number, read_reply

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
PARTS = {2: "half", 3: "third", 5: "fifth", 8: "eighth", 10: "tenth"}
WHOLES = (0, 1, 2, 5, 7, 10, 12, 13, 19, 20, 21, 30, 42, 99, 100, 101, 130, 215, 342, 700, 999, 1000, 1001, 1234, 2500)
LARGE = (10_000, 12_345, 100_000, 130_013, 999_999, 1_000_000, 2_500_000, 7_000_042)
FRAMES = r"""
not {}
no {}
at least {}
at most {}
more than {}
less than {}
over {}
under {}
{} or more
{} or 7
between {} and 50
anything but {}
hardly {}
{} is wrong
{} and a half
{} and 7
sqrt({})
√{}
the square root of {}
log({})
\sqrt{{{}}}
f({})
twice {}
double {}
half of {}
a third of {}
{} squared
{} cubed
{}²
2^{}
{} dozen
{}B
{}bn
{} lakh
{}万
≥ {}
> {}
±{}
{}-{}
{} to 90
{}:30
{} feet 3 inches
5 - {}
pens - {}
x-{}
{}x
{} * 2
{} hundred five
{} thousand two hundred
seven ({})
three {}
{} thirds
{}M
the negative of {}
up to {}
exceeds {}
{} below zero
{}/0
1.{}.2
other than {}
"""
"""What makes of a numeral something else, or leaves it open."""
UNITS = ("apples", "dollars", "km", "years old", "quarters", "(pens)", "cookies in total")
CURRENCIES = "$€£¥₹"


def words(value: int, hyphen: str = "-", joint: str = " ") -> str:
    """A number in English, by counting down the scales."""
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            rest = value % size
            tail = (joint if rest < 100 else " ") + words(rest, hyphen, joint) if rest else ""
            return f"{words(value // size, hyphen, joint)} {name}{tail}"
    if value < 20:
        return ONES.split()[value]
    return TENS.split()[value // 10] + (hyphen + ONES.split()[value % 10] if value % 10 else "")


def in_digits(value: int) -> Iterator[tuple[str, Fraction]]:
    """The numeral with what may stand around it."""
    plus = Fraction(value)
    yield from (
        (text, plus) for text in (f"{value}", f"{value}.0", f"{value}.", f"**{value}**", f"({value})", f"+{value}")
    )
    yield from (
        (text, plus) for text in (f"{value}%", f"about {value}", f"= {value}", f"x = {value}", f"\\boxed{{{value}}}")
    )
    yield from ((f"{value} {unit}", plus) for unit in UNITS)
    yield from ((f"{sign}{value}", plus) for sign in CURRENCIES)
    for minus in ("-", "−", "- ", "minus ", "negative ", "Minus ", "minus $", "negative $", "-$", "$-", "-(", "x = -"):
        yield f"{minus}{value}{')' * minus.endswith('(')}", -plus


def in_words(value: int) -> Iterator[tuple[str, Fraction]]:
    """The number in words, joined in each way."""
    for text in dict.fromkeys((words(value), words(value, " "), words(value, "-", " and "))):
        yield text, Fraction(value)
        yield f"{text} apples", Fraction(value)
        yield f"{text.capitalize()}.", Fraction(value)
        yield f"minus {text}", Fraction(-value)
        yield f"negative {text}", Fraction(-value)
    yield f"{words(value)} ({value})", Fraction(value)
    yield f"{value} ({words(value)})", Fraction(value)


def scaled() -> Iterator[tuple[str, Fraction]]:
    """Thousands, millions and billions beside a numeral."""
    for digits in ("1", "5", "12", "1.5", "0.25", "300"):
        for name, size in (
            ("hundred", 100),
            ("thousand", 1000),
            ("million", 10**6),
            ("billion", 10**9),
            ("trillion", 10**12),
        ):
            yield f"{digits} {name}", Fraction(digits) * size
            yield f"${digits} {name}", Fraction(digits) * size
            yield f"minus {digits} {name} dollars", -Fraction(digits) * size
        yield f"{digits}k", Fraction(digits) * 1000
        yield f"${digits}k", Fraction(digits) * 1000
        yield f"${digits}M", Fraction(digits) * 10**6


def fractions() -> Iterator[tuple[str, Fraction]]:
    """Parts in digits, signs, LaTeX and words, alone and beside a whole."""
    for below, name in PARTS.items():
        for above in (1, 3, 7):
            part = Fraction(above, below)
            yield f"{above}/{below}", part
            yield f"-{above}/{below}", -part
            yield f"minus {above}/{below}", -part
            yield f"\\frac{{{above}}}{{{below}}}", part
            yield f"$\\dfrac{{{above}}}{{{below}}}$", part
            plural = name if above == 1 else "halves" if name == "half" else name + "s"
            yield f"{words(above)} {plural}", part
            yield f"minus {words(above)} {plural}", -part
            if part < 1:
                for whole in (1, 2, 12):
                    yield f"{whole} {above}/{below}", whole + part
                    yield f"-{whole} {above}/{below}", -(whole + part)
                    yield f"{whole}\\frac{{{above}}}{{{below}}}", whole + part
                    yield f"{words(whole)} and {words(above)} {plural}", whole + part
    for sign, value in (("½", "1/2"), ("¼", "1/4"), ("¾", "3/4"), ("⅓", "1/3"), ("⅔", "2/3"), ("⅝", "5/8")):
        yield sign, Fraction(value)
        for whole in (1, 2, 10):
            yield f"{whole}{sign}", whole + Fraction(value)
            yield f"{whole} {sign}", whole + Fraction(value)
            yield f"-{whole}{sign}", -whole - Fraction(value)


def unread() -> Iterator[str]:
    """What bounds, denies, computes or leaves a choice."""
    for value in (4, 5, 16, 42):
        for frame in FRAMES.strip().split("\n"):
            yield frame.format(value, value + 1)
    yield from (
        "many",
        "half a million",
        "a dozen",
        "two dozen",
        "three quarters",
        "twenty third",
        "two two",
        "one or two",
    )
    yield from (
        "three fives",
        "5 tens",
        "5 : 3",
        "42?",
        "42 if it rains",
        "a couple of 5",
        "seven hundred hundred",
        "one and a half million",
        "not five",
        "at least five",
        "five or six",
        "twice five",
    )


READ = [
    *(case for value in WHOLES for case in in_digits(value)),
    *(case for value in (*WHOLES, *LARGE) for case in in_words(value)),
    *scaled(),
    *fractions(),
]


def test_the_table_is_large() -> None:
    assert len({text for text, _ in READ}) >= 1000
    assert len(set(unread())) >= 200


@pytest.mark.parametrize("number", range(0, len(READ), 100))
def test_each_phrasing_has_its_value(number: int) -> None:
    for text, value in READ[number : number + 100]:
        answer = Number().read(text, {})
        assert answer is not None and answer.key == str(value), text
        assert Number().read(answer.text, {}) == answer, text


def test_what_is_no_number_for_sure_is_none() -> None:
    assert [text for text in unread() if Number().read(text, {}) is not None] == []


def test_a_reply_that_ends_in_a_phrasing_has_its_value() -> None:
    for text, value in READ:
        reply = read_reply(f"We count them. The answer is {text}.", lambda raw: Number().read(raw, {}))
        assert reply.answer is not None and reply.answer.key == str(value), text


def test_a_reply_that_ends_in_no_number_for_sure_has_another_one_never() -> None:
    wrong = []
    for text in unread():
        reply = read_reply(f"We count them. The answer is {text}.", lambda raw: Number().read(raw, {}))
        wrong += [text] if reply.answer is not None else []
    assert wrong == []
