"""What may become of an HTTP request instead of a reply, and what that says of the next one."""

from collections.abc import Mapping

PASSING = (408, 409, 425, 429)
"""Statuses below 500 that may not come again."""
CROWDED = (429, 502, 503, 504, 529)
"""Statuses that speak of the server and not of the request."""
REFUSING = (401, 403, 404)
"""Statuses by which a server refuses the key or does not know the model."""


class MalformedError(Exception):
    """A reply with status 200 that is no chat completion; the text quotes all of it (see `Endpoint.reason`)."""


class RefusedError(Exception):
    """A reply with another status: its code and what the server says, in `message`."""

    def __init__(self, status: int, message: str, code: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"status {status}: {message}" if message else f"status {status}")
        self.status, self.message, self.code, self.headers = status, message, code, headers


class LostError(Exception):
    """No connection, or one that broke before the reply was whole; `sent` says whether the request had gone out."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class SlowError(LostError):
    """The reply was not whole when the time was up."""


FAILURES = (RefusedError, LostError, SlowError, MalformedError, ValueError, RecursionError)
"""What may become of one HTTP request."""


def is_crowded(error: Exception) -> bool:
    """Whether the failure speaks of the server, so that less should be sent to it."""
    return isinstance(error, LostError | SlowError) or (isinstance(error, RefusedError) and error.status in CROWDED)


def concerns_all(error: Exception) -> bool:
    """Whether other requests will hardly fare better, if it is more than a mishap: key, model, address or load."""
    refused = isinstance(error, RefusedError) and (error.status in REFUSING or 300 <= error.status < 400)
    return refused or is_crowded(error)


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, RefusedError):
        return error.status in PASSING or error.status >= 500
    return not isinstance(error, ValueError)
