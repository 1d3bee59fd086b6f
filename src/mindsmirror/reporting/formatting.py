"""How numbers are written, the same in sentences and on the page."""

import math


def percent(share: float) -> str:
    """0.613 as "61.3 %"."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of shares in points, 0.03 as "3.0"; never "-0.0"."""
    text = f"{100 * difference:.1f}"
    return "0.0" if text == "-0.0" else text


def signed_points(difference: float) -> str:
    """The same with its sign, "+3.0" and "-3.0"; none at 0."""
    text = points(difference)
    return text if difference < 0 or text == "0.0" else f"+{text}"


def point_range(interval: tuple[float, float]) -> str:
    """An interval of differences or shares in points, "-6.0 to 12.0"."""
    return f"{points(interval[0])} to {points(interval[1])}"


def score(value: float) -> str:
    """AUROC and its like with two decimals."""
    return f"{value:.2f}"


def score_range(interval: tuple[float, float]) -> str:
    """An interval of such scores, "0.63 to 0.79"."""
    return f"{score(interval[0])} to {score(interval[1])}"


def p_value(p: float) -> str:
    """As it stands in a sentence: "p = 0.55", "p = 0.004", "p < 0.001"."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def named_arm(name: str) -> str:
    """An arm in a sentence: in quotes, so that one called like a mode is not taken for it."""
    return f'arm "{name}"'


def count(number: float) -> str:
    """Whole, with a narrow space between thousands."""
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def powers(number: float) -> str:
    """A number too large for its digits to matter, to three of them, "1.23e15"; below a million whole."""
    if number < 1e6:
        return count(number)
    digits, _, power = f"{number:.2e}".partition("e")
    return f"{digits}e{int(power)}"


def memory(size: int) -> str:
    """Bytes as they are bought: "512 MiB", "1.2 GiB"."""
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def duration(seconds: float) -> str:
    """In the two largest units that matter: "8 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def usd(amount: float) -> str:
    """In the places that a small amount needs: "$1.25", "$0.0031", "$0.00000042"."""
    if amount == 0 or amount >= 0.1:
        return f"${amount:.2f}"
    return f"${amount:.{1 - math.floor(math.log10(amount))}f}"
