"""Runs the checks in order; an error that stops a check becomes its finding."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mindsmirror.doctor import CHECKS, disk, endpoint, fidelity, judge, machine, prices, student, task
from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, Status, skipped
from mindsmirror.errors import MindsMirrorError
from mindsmirror.runs.recipe import Recipe

LOOK: Mapping[str, Callable[[Case], Iterator[Finding]]] = {
    "task": task.check,
    "student": student.check,
    "machine": machine.check,
    "disk": disk.check,
    "endpoint": endpoint.check,
    "prices": prices.check,
    "judge": judge.check,
    "fidelity": fidelity.check,
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "student": ("task",),
    "machine": ("student",),
    "disk": ("task", "student"),
    "prices": ("task", "endpoint"),
    "judge": ("task", "endpoint"),
    "fidelity": ("task",),
}
"""The checks that must pass before another is useful: else it would fail for the same reason."""


def examine(
    recipe: Recipe, runs: Path, only: Sequence[str] = (), skip: Sequence[str] = (), samples: int = 0
) -> Iterator[Finding]:
    """The findings of the checks in `only` (all if empty) that are not in `skip`, as they are made.

    `samples` questions are asked for real if a check can use them; they are paid for, and the replies are kept.
    """
    case = Case(recipe, runs, samples)
    failed: set[str] = set()
    for name in CHECKS:
        if (only and name not in only) or name in skip:
            continue
        broken = [need for need in NEEDS.get(name, ()) if need in failed]
        if broken:
            failed.add(name)
            yield skipped(name, f"Not checked, because {' and '.join(broken)} failed.")
            continue
        for finding in _looked(name, case):
            if finding.status is Status.FAILURE:
                failed.add(name)
            yield finding


def exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of the first failure; 0 if there is none."""
    return next((finding.exit_code for finding in findings if finding.status is Status.FAILURE), 0)


def _looked(name: str, case: Case) -> Iterator[Finding]:
    try:
        yield from LOOK[name](case)
    except MindsMirrorError as error:
        yield Finding(check=name, status=Status.FAILURE, found=str(error), exit_code=error.exit_code)
