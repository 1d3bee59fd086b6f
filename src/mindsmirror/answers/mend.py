"""Sums put right: a text of which only the arithmetic is wrong, with every result as the exact parser computes it.

A small student often sets up the right sum and adds it wrongly. `3 * 6 = 16. Together 8 + 16 = 26.` becomes
`3 * 6 = 18. Together 8 + 18 = 26.`: a result that changes is changed wherever it stands afterwards. A number that only
happens to be equal is changed, too, so whether the text is right now is for the caller to find out.
"""

import re
from fractions import Fraction

from mindsmirror.answers.arithmetic import decimal_text
from mindsmirror.answers.steps import MAX_STEPS, MAX_TEXT, arithmetic_steps


def mended(text: str) -> str | None:
    """The text with results that hold; None if all do, or if one cannot be replaced by a plain number."""
    if len(text) > MAX_TEXT:
        return None
    given, begun = text, 0
    for _ in range(MAX_STEPS):
        wrong = next((step for step in arithmetic_steps(text[begun:]) if not step.holds), None)
        if wrong is None:
            return text if text != given else None
        result = decimal_text(wrong.computed)
        if wrong.place is None or "/" in result:
            return None
        begin, end = (begun + place for place in wrong.place)
        text = text[:begin] + result + _replaced(text[end:], wrong.stated, result)
        # What stands before the line of the fix holds and stays as it is.
        begun = text.rfind("\n", 0, begin) + 1
    return None


def _replaced(text: str, old: Fraction, new: str) -> str:
    """The text with another number wherever the old one stands by itself."""
    number = re.escape(decimal_text(old))
    return re.sub(rf"(?<![\d.,]){number}(?![.,]?\d)", new, text)
