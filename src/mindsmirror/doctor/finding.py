"""What a check has found: one line, with what to do about it."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from mindsmirror.errors import MindsMirrorError
from mindsmirror.records import Record


class Status(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    """The run can finish, but perhaps not as its owner expects."""
    FAILURE = "failure"
    """The run will not finish, or its results will be wrong."""
    SKIPPED = "skipped"
    """Not checked, and why."""


class Finding(Record):
    """One line of the doctor's output."""

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
    """Something to know before the run begins."""
    return Finding(check=check, status=Status.WARNING, found=found, advice=advice, figures=figures)


def failure(check: str, kind: type[MindsMirrorError], found: str, advice: str = "", **figures: Any) -> Finding:
    """Something that would be an error of that kind in a run, or would go unnoticed."""
    return Finding(
        check=check, status=Status.FAILURE, found=found, advice=advice, exit_code=kind.exit_code, figures=figures
    )


def skipped(check: str, found: str) -> Finding:
    """A check that was not made."""
    return Finding(check=check, status=Status.SKIPPED, found=found)
