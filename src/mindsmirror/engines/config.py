"""The `[[teacher]]` table of a recipe: which model, by which engine, with which parameters.

The parameters belong to the engine, whose class is found by its name (registry.py): they are checked when the recipe
is read.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mindsmirror import limits
from mindsmirror.engines.address import address_fault, public_url
from mindsmirror.engines.registry import registered
from mindsmirror.engines.secrets import secret_in, secret_in_address
from mindsmirror.system.validation import in_words


class Price(BaseModel):
    """USD per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(0.0, ge=0, le=limits.PRICE, description="USD per million tokens read")
    output: float = Field(0.0, ge=0, le=limits.PRICE, description="USD per million tokens written")


class Options(BaseModel):
    """Parameters of an engine: each engine that has any derives a model of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    neutral: ClassVar[frozenset[str]] = frozenset()
    """Those that change speed, never what is written: they are no part of an identity."""

    def identity(self) -> dict[str, Any]:
        """What of this determines completions; defaults are left out, so a new option changes no key."""
        return self.model_dump(mode="json", exclude=set(self.neutral), exclude_defaults=True)


class TeacherConfig(BaseModel):
    """One `[[teacher]]` of a recipe."""

    # An error that quotes what was given would quote secrets.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = Field(
        min_length=1,
        description="catalogue name, path, hub id, model name at base_url, or name of a script",
    )
    engine: str = Field("openvino", max_length=limits.NAME, description="one of `mindsmirror list engines`")
    path: Path | None = Field(None, description="your copy of a catalogue model, or the recording")
    base_url: str | None = Field(None, description="for openai; else the variable OPENAI_BASE_URL")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    price: Price | None = Field(None, description="what the teacher charges; caps in USD need it")
    parameters: dict[str, Any] = Field(default_factory=dict, description="the engine's own")

    @field_validator("engine")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        registered(name)
        return name

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, name: str) -> str:
        if not name.isidentifier():
            # Not shown: it may be the key itself.
            raise ValueError("must be the name of an environment variable that holds the key, not the key itself")
        return name

    @model_validator(mode="after")
    def _known_parameters(self) -> Self:
        options_of(self.engine, self.parameters)
        return self

    @model_validator(mode="after")
    def _has_an_address_for_endpoints(self) -> Self:
        if self.base_url is not None and self.local:
            raise ValueError(f'base_url: the engine {self.engine} asks no server. Set engine = "openai", or remove it')
        return self

    @model_validator(mode="after")
    def _no_secrets(self) -> Self:
        if self.base_url is not None:
            fault = address_fault(self.base_url)
            if fault:
                raise ValueError(f"base_url: {public_url(self.base_url)!r} is not an address: {fault}")
            secret = secret_in_address(self.base_url)
            if secret:
                raise ValueError(
                    f"base_url: {secret} may be a secret, and a recipe is written down and passed on. Put a key into "
                    "the environment variable that api_key_env names, or the whole address into OPENAI_BASE_URL"
                )
        field = secret_in(self.parameters)
        if field:
            raise ValueError(
                f"parameters.{field}: this looks like a secret, and a recipe is written down and passed on. Put the "
                "key into the environment variable that api_key_env names"
            )
        return self

    @property
    def options(self) -> Options:
        """The parameters, checked, as the engine's own type."""
        return options_of(self.engine, self.parameters)

    @property
    def local(self) -> bool:
        """Whether the model is a file on this machine, or is downloaded to it."""
        return bool(registered(self.engine).local)


def options_of(engine: str, parameters: Mapping[str, Any]) -> Options:
    """The options of an engine; ValueError, with the key and the nearest known one, if they are wrong."""
    kind = cast("type[Options]", registered(engine).options)
    try:
        return kind.model_validate(dict(parameters))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] != "extra_forbidden":
            raise ValueError(f"parameters.{key}: {in_words(first)}") from error
        near = difflib.get_close_matches(key, kind.model_fields, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(kind.model_fields) or "none"
        raise ValueError(
            f"parameters.{key}: the engine {engine} has no such parameter.{hint} It has: {known}."
        ) from error
