"""Which module imports which, read from the source, for the architecture tests and the map of the rooms."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "mindsmirror"
SOURCE = Path(__file__).parents[1]
ORDER = (
    "errors",
    "limits",
    "records",
    "system",
    "answers",
    "tasks",
    "models",
    "engines",
    "annotation",
    "methods",
    "students",
    "training",
    "inference",
    "evaluation",
    "reflection",
    "reporting",
    "delivery",
    "runs",
    "server",
    "doctor",
    "cli",
    "reference",
    "__init__",
    "__main__",
)
"""From the bottom up."""
COMMON = ("errors", "limits", "records", "system")
"""What every room may use."""


@dataclass(frozen=True)
class Import:
    """One import in one module; `path` and `name` are dotted and relative to the package."""

    path: str
    line: int
    name: str
    """A module of the package (`answers.base`, "" for the package itself), or a foreign package's top name."""
    own: bool
    at_top: bool
    """Executed when the module is loaded: not inside a function, nor for type checkers only."""


def modules(source: Path) -> dict[str, Path]:
    """Dotted names, relative to the package, of all its modules."""
    return {".".join(path.relative_to(source).with_suffix("").parts): path for path in sorted(source.rglob("*.py"))}


def room(module: str) -> str:
    """The room of a module, or the module itself where it lies loose."""
    return module.split(".")[0]


def imports(source: Path) -> Iterator[Import]:
    """Every import in the package at `source`, also inside functions and for type checkers."""
    found = modules(source)
    known = {module[:end] for module in found for end in range(len(module) + 1) if module[end : end + 1] in (".", "")}
    for module, path in found.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {id(inner) for node in ast.walk(tree) if _is_late(node) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in _names(node, module, known):
                    own = name == PACKAGE or name.startswith(PACKAGE + ".")
                    shown = name.removeprefix(PACKAGE).removeprefix(".") if own else name.split(".")[0]
                    yield Import(module, node.lineno, shown, own, id(node) not in late)


def _is_late(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _names(node: ast.Import | ast.ImportFrom, module: str, known: set[str]) -> list[str]:
    """The full names of the modules that a statement imports; `from package import module` is the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        # `module` of a package's __init__ ends in "__init__", so one part less leads to its own package.
        above = [PACKAGE, *module.split(".")][: -node.level]
        base = ".".join([*above, *([node.module] if node.module else [])])
    if base.split(".")[0] != PACKAGE:
        return [base]
    inside = base.removeprefix(PACKAGE).removeprefix(".")
    full = [f"{inside}.{alias.name}".removeprefix(".") for alias in node.names]
    return list(dict.fromkeys(f"{PACKAGE}.{name}" if name in known else base for name in full))


def rooms_of_modules(source: Path) -> dict[str, set[str]]:
    """The rooms that each module imports from, without its own and those that every room may use."""
    found: dict[str, set[str]] = {module: set() for module in modules(source)}
    for each in imports(source):
        if each.own:
            there = room(each.name) if each.name else "__init__"
            found[each.path] |= {there} - {room(each.path), *COMMON}
    return found


def circles(source: Path, late: bool) -> list[list[str]]:
    """Modules that import each other in a circle, each group once; with the imports inside functions if `late`."""
    found = modules(source)
    arrows: dict[str, set[str]] = {module: set() for module in found}
    for each in imports(source):
        if each.own and (late or each.at_top):
            name = each.name if each.name in found else f"{each.name}.__init__".removeprefix(".")
            arrows[each.path].add(name)
    reached = {module: _reached(module, arrows) for module in found}
    groups = {tuple(sorted(other for other in reached[m] if m in reached[other])) for m in found if m in reached[m]}
    return [list(group) for group in sorted(groups)]


def _reached(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    """Every module to which arrows lead from one, that one itself only if they lead back."""
    found: set[str] = set()
    ahead = list(arrows[start])
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            ahead += arrows.get(module, ())
    return found
