"""Secrets are kept out of every text: the key, in whichever usual form a server repeats it.

What is shown is first freed of control characters, since a server could put some into the key and so let it pass, then
masked, and only then cut, since a key that lies across a cut would not be found.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from mindsmirror.system.terminal import plain

MASK = "***"
LONG = 12
"""Characters from which on a secret is masked in what a model has written, too: shorter ones may be words."""
LOOKED_AT = 2**16
"""Characters of a text that are searched for a line of it."""
CODED = 4
"""Characters from which on the coded forms of a secret are looked for."""


class Redactor:
    """Puts *** in the place of secrets; those that are empty are none."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        forms = [form for secret in known for form in _forms(secret)]
        self._any, self._widest = _pattern(forms), max(map(len, forms), default=0)
        self._long = _pattern(secret for secret in known if len(secret) >= LONG)

    def line(self, text: str, longest: int) -> str:
        """The text in one line of at most so many characters, without control characters and secrets."""
        line = " ".join(plain(text[:LOOKED_AT]).split())
        if len(text) > LOOKED_AT:
            # A secret may lie across this cut, too.
            line = line[: max(0, len(line) - self._widest)]
        return (self._any.sub(MASK, line) if self._any else line)[:longest]

    def written(self, text: str) -> str:
        """What a model has written, without secrets, and else as it is."""
        return self._long.sub(MASK, text) if self._long else text


def secrets_of(url: str) -> list[str]:
    """User, password and the query's values in an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    pair = [unquote(part) for part in (parts.username, parts.password) if part]
    # The user is a secret as well where it stands alone, as a token does.
    named = pair[-1:] + [":".join(pair)] * (len(pair) > 1)
    return [*named, *(value for _, value in parse_qsl(parts.query) if len(value) >= CODED)]


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, and quoted or coded as servers do."""
    yield secret
    if len(secret) < CODED:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    yield from (quote(raw, safe=""), json.dumps(secret)[1:-1], raw.hex(), raw.hex().upper(), secret[::-1])
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            # What stands before it moves its bits; the characters that it shares with its neighbours are left out.
            coded = encode(b"\0" * before + raw).decode().rstrip("=")
            first, last = (0, 2, 3)[before], (before + len(raw)) % 3
            yield coded[first : len(coded) - (1 if last else 0)]


def _pattern(forms: Iterable[str]) -> re.Pattern[str] | None:
    """Matches any of the forms, the longest first; None without any."""
    ordered = sorted(set(forms), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None
