"""Secrets in a recipe: they are refused where it is read, so that no file of a run can hold one.

A recipe is written into its run's folder and is meant to be passed on. A key belongs into an environment variable,
which `api_key_env` names; an address with a user, a password or a key belongs into OPENAI_BASE_URL.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY_VARIABLES = ("_API_KEY", "_TOKEN")
"""How the names of variables end that a recipe may name without more ado."""
HARMLESS_QUERY = re.compile(r"(.*[-_])?(version|deployment|model|region|project)", re.IGNORECASE)
"""Fields of an address's query that hold no secret."""
SECRET_NAME = re.compile(
    r"(.*[-_ .])?((api|access|secret|private|subscription|auth|account)?[-_ ]?key|secret|password|passwd|passphrase"
    r"|token|authorization|auth|bearer|credentials?|cookie)",
    re.IGNORECASE,
)
HARMLESS_NAME = re.compile(r"prompt_cache_key|.*(stop|eos|bos|pad)[-_]token", re.IGNORECASE)
SECRET_VALUE = re.compile(
    r"\b(bearer|basic) \S{8,}|\b(sk|pk|rk|gsk|xai|hf|ghp|glpat|nvapi)[-_][A-Za-z0-9_-]{12,}"
    r"|\bAIza[\w-]{30,}|\beyJ[\w-]{10,}\.[\w.-]{10,}",
    re.IGNORECASE,
)
SHORTEST = 8
"""Characters of the shortest value of a variable that is looked for."""


def secret_in_address(url: str) -> str:
    """Which part of an address is a secret, in words; empty if none is."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        return "a user or a password"
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if not HARMLESS_QUERY.fullmatch(name):
            return f"the field {name!r} in its query"
    return "a fragment" if parts.fragment else ""


def secret_in(fields: Mapping[str, Any]) -> str:
    """The path of a field that holds a secret, by its name or by its value; empty if none does."""
    known = [
        value
        for name, value in os.environ.items()
        if name.upper().endswith((*KEY_VARIABLES, "_SECRET", "_PASSWORD")) and len(value) >= SHORTEST
    ]
    return next((path for path, text in _texts(fields) if _is_secret(path, text, known)), "")


def check_key_variable(name: str, allowed: Collection[str] = ()) -> str:
    """Why a recipe may not name that environment variable for a key; empty if it may."""
    if name in allowed or name.upper().endswith(KEY_VARIABLES):
        return ""
    return (
        f"the variable {name} would be sent to the server as its key, and its name does not end in "
        f"{' or '.join(KEY_VARIABLES)}. Call it so, or allow it with --key-variable {name}"
    )


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in fields, with its path, however deep it lies."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            waiting += [(f"{path}.{name}" if path else str(name), inner) for name, inner in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [(path, inner) for inner in value]


def _is_secret(path: str, text: str, known: Collection[str]) -> bool:
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", path.rpartition(".")[2])
    named = SECRET_NAME.fullmatch(name) and not HARMLESS_NAME.fullmatch(name)
    return bool(text and named) or bool(SECRET_VALUE.search(text)) or any(value in text for value in known)
