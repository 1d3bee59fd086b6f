"""Whether there are test questions enough for a report to say something, told before anything is paid for."""

from collections.abc import Sequence
from typing import NamedTuple

from mindsmirror.evaluation.statistics import wilson
from mindsmirror.records import Example
from mindsmirror.tasks import TaskConfig
from mindsmirror.tasks.tables import is_own_file

FEW = 50
"""Test questions, of which half right give an interval of 27 points; with fewer it is wider."""


class TooFew(NamedTuple):
    """What too few test questions mean, and what to do about it."""

    found: str
    advice: str


def too_few_tests(config: TaskConfig, tests: Sequence[Example]) -> TooFew | None:
    """What a score on these test questions cannot say; None if there are at least FEW."""
    count = len(tests)
    if count >= FEW:
        return None
    half = (count + 1) // 2
    low, high = wilson(half, count)
    found = (
        f"{count} test question{'s' if count > 1 else ''}: with {half} right, "
        f"the 95 % interval is {100 * low:.0f} to {100 * high:.0f} %."
    )
    advice = []
    if config.test is not None:
        advice.append("raise test in [task]")
    if is_own_file(config.name):
        advice += ["add rows", "put more of them into the test by a field 'split' in every row"]
    text = ", or ".join(advice or ["take more test questions"])
    return TooFew(found, f"{text[0].upper()}{text[1:]}.")
