"""The `[student]` table of a recipe; apart from the students themselves, so that reading it needs no torch."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class StudentConfig(BaseModel):
    """The `[student]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="catalogue name, hub id, or folder")
    path: Path | None = Field(None, description="the catalogue file of `model`, if you have it")
    adapter: Literal["none", "lora"] = "none"
    lora_rank: int = Field(16, ge=1)
    max_source: int = Field(1024, ge=8, description="tokens; longer questions are cut at their beginning")
    max_target: int = Field(256, ge=2, description="tokens; longer targets are dropped and counted")
