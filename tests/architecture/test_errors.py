"""The error policy in `errors.py` names the rooms that raise each kind of failure; here it is held against the code."""

import ast
from pathlib import Path

from mindsmirror.errors import MindsMirrorError, failures

SOURCE = Path(__file__).parents[2] / "src" / "mindsmirror"


def raisers(source: Path, name: str) -> set[str]:
    """The rooms in which an exception of that name is made: raised at once, or handed to whoever raises it."""
    found = set()
    for path in source.rglob("*.py"):
        if path.parent == source:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                found.add(path.relative_to(source).parts[0])
    return found


def test_each_failure_names_the_rooms_that_raise_it() -> None:
    named = {kind.__name__: kind.raised_in for kind in failures()}
    assert named == {name: tuple(sorted(raisers(SOURCE, name))) for name in named}


def test_nobody_raises_the_base_class() -> None:
    assert raisers(SOURCE, MindsMirrorError.__name__) == set()


def test_the_meaning_of_each_is_one_line() -> None:
    for kind in failures():
        first, _, rest = (kind.__doc__ or "").partition("\n")
        assert first.endswith(".") and not rest.strip(), kind


def test_a_call_is_found_and_a_mention_is_not(tmp_path: Path) -> None:
    for room, text in {
        "tasks": 'raise DataError("x")',
        "runs": 'x = errors.DataError(f"{y}")',
        "cli": "try:\n    f()\nexcept DataError:\n    pass",
    }.items():
        (tmp_path / room).mkdir()
        (tmp_path / room / "one.py").write_text(text, encoding="utf-8")
    assert raisers(tmp_path, "DataError") == {"tasks", "runs"}
