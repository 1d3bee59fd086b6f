"""The page at `/`: files as they lie here, in which nothing is put. What it shows it asks the server for.

So the page itself needs no token and holds no secret, and no text of a student is ever part of it.
"""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
PLACES = {
    "/": ("mindsmirror.server", "page.html"),
    "/icon.svg": ("mindsmirror.server", "icon.svg"),
    "/report.css": ("mindsmirror.reporting", "report.css"),
    "/page.css": ("mindsmirror.server", "page.css"),
    "/page.js": ("mindsmirror.server", "page.js"),
    "/card.js": ("mindsmirror.server", "card.js"),
    "/ask.js": ("mindsmirror.server", "ask.js"),
}
"""Addresses, and the package and file of each; the style is that of the report."""


def page_routes() -> list[Route]:
    """The addresses of the page's files, which are read now."""
    return [Route(path, _giving(package, name)) for path, (package, name) in PLACES.items()]


def _giving(package: str, name: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files(package) / "html" / name).read_bytes()
    kind = KINDS[name.rpartition(".")[2]]

    async def give(request: Request) -> Response:
        return Response(content, media_type=kind)

    return give
