"""When a server may be asked again, by its headers.

`Retry-After` is a number of seconds or a date; OpenAI and those who follow it send `x-ratelimit-…` with
durations such as "1s", "6m0s" and "20ms", for requests and for tokens. A date is compared with the date in
the same reply, so nothing here depends on this machine's clock. What makes no sense is ignored.
"""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)", re.ASCII)
LONGEST = 64
"""Characters of a header's value; longer ones are no durations."""


def duration(text: str) -> float | None:
    """Seconds in "1s", "6m0s", "20ms", "1h2m3.5s" or a plain number; None for anything else."""
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * SECONDS[unit] for number, unit in parts)
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from `retry-after-ms` or `retry-after`; None if it does not ask."""
    milliseconds = duration(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")[:LONGEST]
    seconds = duration(value)
    if seconds is not None:
        return seconds
    try:
        between = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, between.total_seconds())


def used_up(headers: Mapping[str, str], tokens: int = 1) -> float | None:
    """Seconds until one more request, of so many tokens, is allowed, where the headers say that it is not yet.

    Requests and tokens are limited apart, and the longer wait counts. None where neither is used up.
    """
    waits = [_refilled(headers, "requests", 1), _refilled(headers, "tokens", max(1, tokens))]
    return max((wait for wait in waits if wait is not None), default=None)


def pause_asked(headers: Mapping[str, str], tokens: int = 1) -> float | None:
    """Seconds to wait after a refused request of so many tokens, by any of the headers; None if none says it."""
    asked = retry_after(headers)
    return asked if asked is not None else used_up(headers, tokens)


def _refilled(headers: Mapping[str, str], what: str, needed: int) -> float | None:
    """Seconds until `needed` of the limit are there again; None if they are, or the headers do not say.

    The reset is the time until the whole limit is. Where the limit is known, and not below what is needed, it is
    taken to come back evenly.
    """
    left = duration(headers.get(f"x-ratelimit-remaining-{what}", ""))
    reset = duration(headers.get(f"x-ratelimit-reset-{what}", ""))
    if left is None or left >= needed or reset is None:
        return None
    limit = duration(headers.get(f"x-ratelimit-limit-{what}", ""))
    return reset * (needed - left) / (limit - left) if limit is not None and limit >= needed else reset
