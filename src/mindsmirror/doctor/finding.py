"""What a check found: one line, and what to do about it."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from mindsmirror.errors import MindsMirrorError
from mindsmirror.records import Record


class Status(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    """The run will end, but may not do what its owner expects."""
    FAILURE = "failure"
    """The run will fail, or its result will be wrong."""
    SKIPPED = "skipped"
    """Not checked, for the reason given."""


class Finding(Record):
    """One line of the doctor's report."""

    check: str = Field(description="name of the check, as in CHECKS")
    status: Status
    found: str
    advice: str = Field("", description="what to do about it; empty if there is nothing to do")
    exit_code: int = Field(0, description="of a failure: the exit code of the kind of error that it would be")
    figures: dict[str, Any] = Field(default_factory=dict, description="what was measured")

    @property
    def line(self) -> str:
        """What was found and what to do about it."""
        return f"{self.found} {self.advice}".strip()


def ok(check: str, found: str, **figures: Any) -> Finding:
    """Nothing to do."""
    return Finding(check=check, status=Status.OK, found=found, figures=figures)


def warning(check: str, found: str, advice: str, **figures: Any) -> Finding:
    """The user should know this before the run starts."""
    return Finding(check=check, status=Status.WARNING, found=found, advice=advice, figures=figures)


def failure(check: str, kind: type[MindsMirrorError], found: str, advice: str = "", **figures: Any) -> Finding:
    """The run would raise an error of this kind, or go wrong without one."""
    return Finding(
        check=check, status=Status.FAILURE, found=found, advice=advice, exit_code=kind.exit_code, figures=figures
    )


def skipped(check: str, found: str) -> Finding:
    """Nothing was checked."""
    return Finding(check=check, status=Status.SKIPPED, found=found)
