"""Classes that are found by name: those of this package, and those that other packages bring on an entry point.

Nothing is imported before it is asked for, so a name that nobody uses costs nothing and cannot fail.
"""

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from mindsmirror.errors import RecipeError, UnknownNameError

Kind = TypeVar("Kind")


class Registry(Generic[Kind]):
    """Subclasses of one base class, by name."""

    def __init__(self, what: str, group: str, base: type[Any] | str, built_in: Mapping[str, str]) -> None:
        """`what` they are, for messages; the entry points' `group`; `built_in` maps a name to "module:Class".

        `base` is their base class, or "module:Class" where its module imports the registry's.
        """
        self.what, self.group = what, group
        self._base, self._built_in = base, built_in

    def names(self) -> tuple[str, ...]:
        """All names: the built-in ones in their order, then those of other packages."""
        foreign = (point.name for point in entry_points(group=self.group) if point.name not in self._built_in)
        return (*self._built_in, *foreign)

    def named(self, name: str) -> type[Kind]:
        """The class of that name; a built-in name cannot be taken by another package.

        Raises UnknownNameError with the names that exist, RecipeError if another package's class cannot be used.
        """
        if name in self._built_in:
            return _class_at(self._built_in[name])
        for point in entry_points(group=self.group):
            if point.name == name:
                return self._load(point)
        raise UnknownNameError(self.what, name, self.names())

    def _load(self, point: EntryPoint) -> type[Kind]:
        where = f"{self.what} {point.name!r}: the entry point {point.value!r} of the package " + (
            repr(point.dist.name) if point.dist else "that brings it"
        )
        try:
            found = point.load()
        # Whatever somebody else's module raises when it is imported.
        except Exception as error:
            raise RecipeError(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
        base = _class_at(self._base) if isinstance(self._base, str) else self._base
        if not (isinstance(found, type) and issubclass(found, base)):
            raise RecipeError(f"{where} is no class derived from {base.__module__}.{base.__qualname__}.")
        loaded: type[Kind] = found
        return loaded


def _class_at(place: str) -> type[Any]:
    """The class that is written as "module:Class"."""
    module, _, attribute = place.partition(":")
    found: type[Any] = getattr(importlib.import_module(module), attribute)
    return found
