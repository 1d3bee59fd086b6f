"""Every kind of failure, and its exit code.

The policy:

1. Wrong input is refused before money or time is spent on it. One message names the file and row, the key or the model,
   and says what to do.
2. What goes wrong with a single sample (a reply that does not parse, a request that fails) is data. The store keeps it
   with its reason, and no exception reaches the user.
3. An exception that is none of these classes is a bug. It shows its traceback and ends with exit code 1.

`raised_in` names the rooms whose modules raise the class; tests/architecture/test_errors.py compares it with the code.
The first line of each docstring is the meaning that docs/reference/cli.md shows for the exit code.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class MindsMirrorError(Exception):
    """A failure with a cause that the user can act on; its text is the whole message."""

    exit_code = 1
    raised_in: ClassVar[tuple[str, ...]] = ()


class RecipeError(MindsMirrorError):
    """The recipe, or an option that replaces a key of it, is wrong: file and key are named."""

    exit_code = 10
    raised_in = (
        "annotation",
        "cli",
        "delivery",
        "engines",
        "methods",
        "runs",
        "server",
        "system",
        "tasks",
        "training",
    )


class DataError(MindsMirrorError):
    """A data file or a run is missing or broken: file and line are named."""

    exit_code = 11
    raised_in = (
        "annotation",
        "cli",
        "delivery",
        "engines",
        "inference",
        "reflection",
        "reporting",
        "runs",
        "system",
        "tasks",
    )


class UnknownNameError(MindsMirrorError):
    """There is no task, method, engine, model, arm or device of that name; those that exist are listed."""

    exit_code = 12
    raised_in = (
        "annotation",
        "answers",
        "delivery",
        "engines",
        "inference",
        "models",
        "runs",
        "students",
        "system",
        "tasks",
    )

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no {what} is called {name!r}.{hint} There are: {', '.join(known)}.")


class ModelFileError(MindsMirrorError):
    """The files of a model cannot be had, are not sound, or are not those that the catalogue names."""

    exit_code = 13
    raised_in = ("delivery", "doctor", "inference", "models", "runs", "students")


class EngineError(MindsMirrorError):
    """An engine or endpoint does not work: it is down, refuses the key, or has no such model."""

    exit_code = 14
    raised_in = ("annotation", "doctor", "engines")


class StorageError(MindsMirrorError):
    """The disk is full, a file cannot be written or read, or the store is damaged."""

    exit_code = 15
    raised_in = ("annotation", "delivery", "models", "reporting", "system", "training")


class RunLockedError(MindsMirrorError):
    """Another process works on the run."""

    exit_code = 16
    raised_in = ("runs",)


class MissingExtraError(MindsMirrorError):
    """An optional package is not installed; the command that installs it is shown."""

    exit_code = 17
    raised_in = ("cli", "delivery", "engines", "runs", "tasks", "training")

    def __init__(self, package: str, extra: str | None = None) -> None:
        wanted = f"'mindsmirror[{extra}]'" if extra else package
        super().__init__(f"{package} is not installed. Install it with: pip install {wanted}")


class BudgetError(MindsMirrorError):
    """A cap of `[annotation] budget` is reached; everything that was paid for is kept."""

    exit_code = 18
    raised_in = ("runs",)


class AnnotationError(MindsMirrorError):
    """The annotation lacks what a method needs."""

    exit_code = 19
    raised_in = ("methods", "training")


class TrainingError(MindsMirrorError):
    """Training diverged: the loss or the weights are no longer finite numbers."""

    exit_code = 20
    raised_in = ("training",)


class UnansweredError(MindsMirrorError):
    """Too many requests to a teacher failed, or no reply can be used; every reply that came is kept."""

    exit_code = 21
    raised_in = ("annotation", "runs")


def failures() -> list[type[MindsMirrorError]]:
    """Every kind of failure, by its exit code."""
    return sorted(MindsMirrorError.__subclasses__(), key=lambda kind: kind.exit_code)
