"""Who may ask, how much at once, and what a browser may do with the answer: checked before anything is read.

On loopback without a token every program of this machine may ask, but no web page of somebody else's: its requests
carry the page's address as their origin, and a name that was bound anew to 127.0.0.1 stands in their host.
"""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mindsmirror.server.config import ServerConfig, is_loopback
from mindsmirror.server.counters import Counters
from mindsmirror.server.refusal import Json, Refusal

API = "/v1/"
NEED_TOKEN = (API, "/metrics")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets requests through to an application, or answers why not."""

    def __init__(self, app: ASGIApp, config: ServerConfig, counters: Counters) -> None:
        self._app, self._config, self._counters = app, config, counters
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope["path"], scope["method"], Headers(scope=scope))
        except Refusal as refusal:
            response = Json(refusal.document, refusal.status, refusal.headers)
            await response(scope, receive, self._marked(scope["path"], send))
            return
        self._open += 1
        try:
            with self._counters.open.track_inprogress():
                await self._app(scope, self._measured(receive), self._marked(scope["path"], send))
        finally:
            self._open -= 1

    def _check(self, path: str, method: str, headers: Headers) -> None:
        token = self._config.token
        host, origin = headers.get("host", ""), headers.get("origin")
        if token is None and not is_loopback(_name(host)):
            raise Refusal(403, f"this server answers at the names of its own machine, not at {host!r}", "wrong_host")
        if origin is not None and _place(origin) != host:
            raise Refusal(403, f"a page of {origin} may not ask this server", "wrong_origin")
        if token is not None and path.startswith(NEED_TOKEN):
            given = headers.get("authorization", "").removeprefix("Bearer ").encode()
            if not hmac.compare_digest(given, token.encode()):
                raise Refusal(401, "send the server's token: Authorization: Bearer …", "invalid_api_key")
        if not path.startswith(API):
            return
        if self._open >= self._config.concurrency:
            raise Refusal(503, f"{self._open} requests are open already; ask again later", "too_busy", retry=1)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._config.body:
            raise self._too_large()
        if method == "POST" and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            # A page of another site can send a form, but not this without being asked first, which is refused.
            raise Refusal(415, "send Content-Type: application/json", "wrong_content_type")

    def _measured(self, receive: Receive) -> Receive:
        """The same, which stops a body that is larger than it said."""
        size = 0

        async def measured() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._config.body:
                raise self._too_large()
            return message

        return measured

    def _marked(self, path: str, send: Send) -> Send:
        """The same, with what a browser has to heed; the reply is counted."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                self._counters.request(path, message["status"])
            await send(message)

        return marked

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self._config.body} bytes", "body_too_large")


def _name(host: str) -> str:
    """The host in a header, without its port; empty if it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str | None:
    """Host and port of an origin; None if it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
