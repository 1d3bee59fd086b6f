"""Which paths can be a store's: those of files that stay."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator


def unfit(path: str) -> str:
    """Why a path cannot be a store's; empty if it can."""
    hint = f"name a file, such as runs/store.sqlite, not {path!r}"
    if path in ("", "."):
        return f"a store needs the path of a file: {hint}"
    if path.startswith(":"):
        return f"a store must be a file, because what is paid for would be lost with a database in memory: {hint}"
    if path.lower().startswith("file:"):
        return f"a store is named by a plain path: {hint}"
    return ""


def _fit(value: object) -> object:
    if isinstance(value, str | Path) and unfit(str(value)):
        raise ValueError(unfit(str(value)))
    return value


StorePath = Annotated[Path, BeforeValidator(_fit)]
"""A path in a recipe that can be a store's."""
