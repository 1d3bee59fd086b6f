"""One HTTP endpoint over a pool of kept connections: bytes out, bytes in, always within a time.

httpx2's transport is used without its client. The client is as fast (680 against 700 µs of processor a request in the
medians of 5 pairs of 2,000 requests, 64 at once), but it logs every address with its query, in which a key may stand
(`test_no_key_is_logged`), and sends back the cookies of a server. A redirect is a refusal, because the key would go
wherever it points.
"""

import asyncio
import os
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mindsmirror.engines.address import address_fault, is_local, public_url
from mindsmirror.engines.openai.failures import LostError, SlowError
from mindsmirror.errors import EngineError

if TYPE_CHECKING:
    import httpx2

LONGEST_CONNECT = 15.0
"""Seconds for which a connection is waited for, where a request has longer."""
LARGEST = 8 * 2**20
"""Bytes of a reply; what is larger is given up."""

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Environment variables that name them."""


class Response(NamedTuple):
    """A reply as it came; the names of its headers are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Posts to `base_url`/chat/completions, at most `connections` at once; EngineError if that is no address.

    A post takes at most `timeout` seconds from its start to the last byte of its reply. User and password in
    the address are sent as such where there is no key. A proxy is taken from the environment, as usual.
    """

    def __init__(self, base_url: str, secret: str, *, connections: int, timeout: float) -> None:
        import httpx2  # here, so that a recipe is read without it

        self._timeout = timeout
        shown, fault = public_url(base_url), address_fault(base_url)
        if fault:
            raise EngineError(f"the `base_url` {shown!r} is not an address: {fault}")
        parts = urlsplit(base_url)
        assert parts.hostname is not None
        query = f"?{parts.query}" if parts.query else ""
        try:
            self._url = httpx2.URL(f"{shown}/chat/completions{query}")
            self._models = httpx2.URL(f"{shown}/models{query}")
            self._transport = httpx2.AsyncHTTPTransport(
                proxy=_proxy(parts.scheme, parts.hostname),
                limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            )
        except OSError as error:
            named = [f"{name} ({os.environ[name]})" for name in CERTIFICATES if os.environ.get(name)]
            raise EngineError(
                f"the certificates that servers are checked against cannot be read: {error}. "
                f"Correct or unset {' and '.join(named) or 'what the system has'}."
            ) from None
        except (httpx2.InvalidURL, ValueError, ImportError) as error:
            raise EngineError(f"the endpoint {shown} cannot be reached: {error}") from None
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "mindsmirror",
        }
        if secret:
            self._headers["Authorization"] = f"Bearer {secret}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        self._extensions = {"timeout": {"connect": min(LONGEST_CONNECT, timeout)}}

    async def post(self, body: bytes) -> Response:
        """The reply to the body, whatever its status; LostError or SlowError if there is none."""
        return await self._ask("POST", self._url, body)

    async def models(self) -> Response:
        """The reply to the question which models there are; LostError or SlowError if there is none."""
        return await self._ask("GET", self._models)

    async def _ask(self, method: str, url: "httpx2.URL", body: bytes | None = None) -> Response:
        import httpx2

        sent = False

        async def follow(event: str, _: Mapping[str, object]) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_headers.started")

        extensions = {**self._extensions, "trace": follow}
        request = httpx2.Request(method, url, headers=self._headers, content=body, extensions=extensions)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._transport.handle_async_request(request)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise SlowError(f"no whole reply within {self._timeout:g} seconds", sent=sent) from None
        except (httpx2.HTTPError, OSError) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise LostError(reason, sent=sent) from None
        return Response(response.status_code, response.headers, content)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


async def _read(response: "httpx2.Response") -> bytes:
    """The reply's bytes as they are sent: nothing is unpacked, for a few of them can stand for any number."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise LostError(f"the reply is encoded as {encoding!r}, which was not asked for", sent=True)
    parts, size = [], 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise LostError(f"the reply is larger than {LARGEST} bytes", sent=True)
    return b"".join(parts)


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names for such an address; a server on this machine needs none."""
    if is_local(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
