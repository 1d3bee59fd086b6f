"""Replies as JSON, and requests that are not answered, and why, in the shape of OpenAI's errors."""

import json
from typing import Any, NoReturn

from starlette.responses import JSONResponse

KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def as_json(document: Any) -> bytes:
    """The document in one line. Half a character, which UTF-8 cannot hold, becomes a question mark."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


class Json(JSONResponse):
    """A document as the reply."""

    def render(self, content: Any) -> bytes:
        """The reply's bytes."""
        return as_json(content)


class Refusal(Exception):  # noqa: N818
    """Says what is wrong with a request, or with the moment at which it came.

    `param` names the field of the body that is at fault, `code` is for programs; `retry` are seconds after which it
    may be asked again.
    """

    def __init__(self, status: int, message: str, code: str, param: str | None = None, retry: int | None = None):
        super().__init__(message)
        self.status, self.code, self.param, self.retry = status, code, param, retry

    @property
    def document(self) -> dict[str, Any]:
        """The body of the reply."""
        kind = KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the reply."""
        found = {} if self.retry is None else {"Retry-After": str(self.retry)}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def refuse(param: str | None, message: str, code: str) -> NoReturn:
    """Raise the Refusal (400) of a field that is wrong."""
    raise Refusal(400, message, code, param)
