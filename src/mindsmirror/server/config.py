"""What a server allows: its address, who may ask, and how much at once.

Nothing here loads pydantic, so that the verb's help comes at once.
"""

import ipaddress
import os
from dataclasses import dataclass, field

from mindsmirror.errors import RecipeError

TOKEN_VARIABLE = "MINDSMIRROR_TOKEN"
SHORTEST_TOKEN = 16
"""Characters: a shorter token could be guessed."""


@dataclass(frozen=True)
class ServerConfig:
    """The settings of a server; `mindsmirror serve` checks them as it reads them."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: any that is free."""
    token: str | None = field(default=None, repr=False)
    """What a request must bring as its bearer token; None: nothing."""
    max_tokens: int = 1024
    """The most that a request may have written in a rationale."""
    max_choices: int = 16
    """Prompts times n of one request."""
    max_samples: int = 16
    """Rationales of one vote."""
    body: int = 256 * 1024
    """Bytes of a request's body."""
    queue: int = 128
    """Questions that may wait."""
    concurrency: int = 256
    """Requests that may be open."""
    together: int = 16
    """Questions that are decoded together."""
    grace: int = 30
    """Seconds that open requests have when the server is told to end."""
    escalate: bool = False
    """Whether what the student abstains from is sent to the run's teacher, unless a request says otherwise."""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by name or by number."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host: str, variable: str = TOKEN_VARIABLE) -> str | None:
    """The bearer token in the environment.

    RecipeError where other machines can reach the host and there is none, or if it is short enough to be guessed.
    """
    found = os.environ.get(variable, "")
    if not found and is_loopback(host):
        return None
    if not found:
        raise RecipeError(
            f"--host {host} lets other machines ask, so requests must bring a token: "
            f"set the environment variable {variable} to a secret of at least {SHORTEST_TOKEN} characters."
        )
    if len(found) < SHORTEST_TOKEN or not found.isascii() or not found.isprintable() or " " in found:
        raise RecipeError(
            f"the token in {variable} can be guessed or not be sent: take at least {SHORTEST_TOKEN} letters and "
            "digits, such as those of `openssl rand -hex 32`."
        )
    return found
