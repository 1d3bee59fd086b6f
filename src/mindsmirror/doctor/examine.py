"""Runs all checks in order. An error that a check raises is its finding; checks that depend on it are skipped."""

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
"""Checks that must not have failed before a check is made: it would fail for the same reason."""


def examine(
    recipe: Recipe, runs: Path, only: Sequence[str] = (), skip: Sequence[str] = (), samples: int = 0
) -> Iterator[Finding]:
    """Yield findings of the checks named in `only` (none: all) that are not in `skip`.

    `samples` questions are really asked if a check can use them; they cost money, and their replies are kept.
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
    """Exit code of the first failure; 0 without one."""
    return next((finding.exit_code for finding in findings if finding.status is Status.FAILURE), 0)


def _looked(name: str, case: Case) -> Iterator[Finding]:
    try:
        yield from LOOK[name](case)
    except MindsMirrorError as error:
        yield Finding(check=name, status=Status.FAILURE, found=str(error), exit_code=error.exit_code)
