"""Classes by name: lazily, with other packages' beside the built-in ones, and refused where they are no such class."""

import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from mindsmirror.errors import RecipeError, UnknownNameError
from mindsmirror.system import plugins
from mindsmirror.system.plugins import Registry


class Shape:
    """What is looked for."""


class Circle(Shape):
    """One."""


class Square:
    """No shape."""


def broken() -> None:
    """No class at all."""


def shapes(monkeypatch: pytest.MonkeyPatch, **points: str) -> Registry[Shape]:
    found = EntryPoints([EntryPoint(name, value, "tests.shapes") for name, value in points.items()])
    monkeypatch.setattr(plugins, "entry_points", found.select)
    built_in = {"circle": f"{__name__}:Circle", "lazy": "no_such_module_anywhere:Lazy"}
    return Registry("shape", "tests.shapes", Shape, built_in)


def test_built_in_ones_come_first_and_nothing_is_imported_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = shapes(monkeypatch, round=f"{__name__}:Circle", unused="antigravity:Anything")
    assert registry.names() == ("circle", "lazy", "round", "unused")
    assert registry.named("circle") is Circle and registry.named("round") is Circle
    assert "antigravity" not in sys.modules


def test_no_package_takes_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = shapes(monkeypatch, circle=f"{__name__}:Square")
    assert registry.names() == ("circle", "lazy") and registry.named("circle") is Circle


def test_an_unknown_name_suggests_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match=r"no shape is called 'roudn'. Did you mean 'round'\? .*circle"):
        shapes(monkeypatch, round=f"{__name__}:Circle").named("roudn")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (f"{__name__}:Square", "is no class derived from .*Shape"),
        (f"{__name__}:broken", "is no class derived from .*Shape"),
        (f"{__name__}:Missing", "cannot be loaded: AttributeError"),
        ("no_such_module_anywhere:Lazy", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_what_another_package_brings_wrongly_is_named(monkeypatch: pytest.MonkeyPatch, value: str, why: str) -> None:
    with pytest.raises(RecipeError, match=rf"shape 'theirs': the entry point '{value}'.*{why}"):
        shapes(monkeypatch, theirs=value).named("theirs")
