"""Every way in which Minds Mirror refuses to go on, and the exit code that says so.

The policy. Input that is wrong is refused before money or time is spent on it, with one message that
names the file and row, the key or the model, and says what to do. What goes wrong with a single sample
(a reply that does not parse, a request that fails) is data, kept in the store with its reason, and never
an exception that reaches a user. An exception that is none of these is a bug and shows its traceback.
"""

import difflib
from collections.abc import Iterable


class MindsMirrorError(Exception):
    """A failure with a cause that the user can act on; its text is the whole message."""

    exit_code = 1


class RecipeError(MindsMirrorError):
    """The recipe is not one: a key is unknown, missing, or holds what it cannot hold."""

    exit_code = 10


class DataError(MindsMirrorError):
    """A data file is missing, broken, or does not hold what the task needs."""

    exit_code = 11


class UnknownNameError(MindsMirrorError):
    """A task, method, engine or model of that name does not exist."""

    exit_code = 12

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no {what} is called {name!r}.{hint} There are: {', '.join(known)}.")


class ModelFileError(MindsMirrorError):
    """The bytes of a model cannot be had, or are not the bytes that the catalogue names."""

    exit_code = 13


class EngineError(MindsMirrorError):
    """An engine or endpoint as a whole does not work: it is down, refuses the key, has no such model."""

    exit_code = 14


class StorageError(MindsMirrorError):
    """The disk is full, or a file that must be written or read cannot be."""

    exit_code = 15


class RunLockedError(MindsMirrorError):
    """Another process works on this run."""

    exit_code = 16


class MissingExtraError(MindsMirrorError):
    """An optional dependency is not installed."""

    exit_code = 17

    def __init__(self, package: str, extra: str | None = None) -> None:
        wanted = f"'mindsmirror[{extra}]'" if extra else package
        super().__init__(f"{package} is not installed. Install it with: pip install {wanted}")


class BudgetError(MindsMirrorError):
    """A limit on spending was reached; what was bought until then is kept."""

    exit_code = 18


class AnnotationError(MindsMirrorError):
    """The annotation lacks what a method needs."""

    exit_code = 19


class TrainingError(MindsMirrorError):
    """A student's weights or loss are no numbers any more."""

    exit_code = 20


class UnansweredError(MindsMirrorError):
    """Too many of a teacher's requests failed, or nothing that came can be used; what came is kept."""

    exit_code = 21
