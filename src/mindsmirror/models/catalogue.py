"""The catalogue: a few models known by size and SHA-256, and where to download them (`catalogue.toml`).

`locate` finds a model's file, `download` fetches it.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wheel(NamedTuple):
    """A distribution, and the path of one part of the model in its wheel."""

    name: str
    version: str
    member: str


class Wheels(_Table):
    """A row of distributions: `{n}` in name and member counts from 1 to `parts`."""

    name: str
    version: str
    parts: int = Field(ge=1)
    member: str

    def all(self) -> tuple[Wheel, ...]:
        """In the order in which their parts are joined."""
        return tuple(
            Wheel(self.name.format(n=n), self.version, self.member.format(n=n)) for n in range(1, self.parts + 1)
        )

    @property
    def title(self) -> str:
        """The wheels in a few words."""
        wheels = self.all()
        last = f" … {wheels[-1].name}" if len(wheels) > 1 else ""
        return f"{wheels[0].name}{last} =={self.version}"


class Hub(_Table):
    """The repository that publishes the model, and its file with the same bytes, if there is one."""

    repo: str
    file: str | None = None


class CatalogueEntry(_Table):
    """A model: its role, the size and hash of its file, and where to download it."""

    name: str
    role: str
    file: str
    bytes: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: str
    hub: Hub
    wheels: Wheels
    unfit: dict[str, str] = Field(default_factory=dict, description="engine to why it cannot run this")


@cache
def entries() -> Mapping[str, CatalogueEntry]:
    """All entries by name, as the package's data file has them."""
    text = (files("mindsmirror.models") / "catalogue.toml").read_text(encoding="utf-8")
    return {name: CatalogueEntry(name=name, **row) for name, row in tomllib.loads(text).items()}
