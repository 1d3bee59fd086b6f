"""`docs/reference/python.md`: the public names of the package, with signatures and docstrings.

They are read from the source and not from the objects, so that the page is the same under every version of Python.
"""

import ast
import importlib
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mindsmirror.reference.imports import PACKAGE
from mindsmirror.reference.markdown import code, page, sentence, table

OPENING = """
All names are importable from `mindsmirror` itself, and are loaded when they are first used. Files and folders may be
strings or paths. [The guide](../guide/use.md#from-python) has examples, and
[examples/minimal.py](../../examples/minimal.py) is the whole method in one file.
""".strip()
WIDTH = 100
"""Signs of a signature in one line; a longer one has a line for each argument."""


def python_page() -> str:
    """The document."""
    package = importlib.import_module(PACKAGE)
    found: dict[str, list[str]] = {title: [] for title in ("Functions", "Classes", "Records", "Errors")}
    for name in package.__all__:
        found[_kind(getattr(package, name))] += [f"### `{name}`", *described(getattr(package, name))]
    return page("Python", OPENING, *(part for title, parts in found.items() for part in (f"## {title}", *parts)))


def described(thing: Any) -> Iterator[str]:
    """The paragraphs on a function or class: how it is called, its docstring, its fields or members, its methods."""
    node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    if isinstance(node, ast.FunctionDef):
        yield f"```\n{signature(node, vars(sys.modules[thing.__module__]))}\n```"
        yield ast.get_docstring(node) or ""
    elif isinstance(node, ast.ClassDef):
        yield from _class(thing, node)


def signature(node: ast.FunctionDef, known: Mapping[str, Any], name: str | None = None) -> str:
    """How a function is called, by its own name or by `name`; `known` are the names of its module, for defaults."""
    arguments = node.args
    given = [*arguments.posonlyargs, *arguments.args]
    values: list[ast.expr | None] = [None] * (len(given) - len(arguments.defaults))
    parts = [_argument(*pair, known) for pair in zip(given, [*values, *arguments.defaults], strict=True)]
    if arguments.posonlyargs:
        parts.insert(len(arguments.posonlyargs), "/")
    parts = [part for part in parts if part not in ("self", "cls")]
    if arguments.vararg is not None:
        parts.append(f"*{_argument(arguments.vararg, None, known)}")
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [_argument(*pair, known) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg is not None:
        parts.append(f"**{_argument(arguments.kwarg, None, known)}")
    back = f" -> {_annotation(node.returns)}" if node.returns is not None else ""
    line = f"{name or node.name}({', '.join(parts)}){back}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name or node.name}(", *(f"    {part}," for part in parts), f"){back}"])


def _argument(argument: ast.arg, default: ast.expr | None, known: Mapping[str, Any]) -> str:
    said = argument.arg + (f": {_annotation(argument.annotation)}" if argument.annotation is not None else "")
    if default is None:
        return said
    value = known.get(default.id) if isinstance(default, ast.Name) else None
    if isinstance(default, ast.Constant) and isinstance(default.value, str):
        value = default.value
    shown = json.dumps(str(value) if isinstance(value, Path) else value) if value is not None else ast.unparse(default)
    return f"{said} = {shown}"


def _annotation(node: ast.expr) -> str:
    return ast.unparse(_Unquoted().visit(node))


def _kind(thing: Any) -> str:
    if not inspect.isclass(thing):
        return "Functions"
    if issubclass(thing, Exception):
        return "Errors"
    return "Records" if issubclass(thing, BaseModel | Enum) else "Classes"


def _class(thing: Any, node: ast.ClassDef) -> Iterator[str]:
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    begun, names = methods.get("__init__"), vars(sys.modules[thing.__module__])
    if begun is not None and _kind(thing) == "Classes":
        begun.returns = None
        yield f"```\n{signature(begun, names, node.name)}\n```"
    yield ast.get_docstring(node) or ""
    if begun is not None:
        yield ast.get_docstring(begun) or ""
    if issubclass(thing, Enum):
        yield ", ".join(code(str(each.value)) for each in thing) + "."
    yield table(("field", "type", "default", "what it is"), _fields(thing, node))
    public = [each for name, each in methods.items() if not name.startswith("_")]
    yield table(("method or property", "what it does"), [(code(_called(each, names)), _first(each)) for each in public])


def _fields(thing: Any, node: ast.ClassDef) -> Iterator[tuple[str, ...]]:
    """A row for each public attribute that is declared: what it is says its `Field`, or the text below it."""
    known = thing.model_fields if issubclass(thing, BaseModel) else {}
    for place, each in enumerate(node.body):
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name) or each.target.id[0] == "_":
            continue
        field, below = known.get(each.target.id), node.body[place + 1 : place + 2]
        about = field.description if field is not None and field.description else ""
        if not about and below and isinstance(below[0], ast.Expr) and isinstance(below[0].value, ast.Constant):
            about = str(below[0].value.value)
        default = "" if field is None or field.is_required() else _default(field)
        kind = _annotation(each.annotation)
        if not kind.startswith("ClassVar"):
            yield code(each.target.id), code(kind), default, sentence(about) if about else ""


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    # A table of defaults has a page of its own.
    return "" if isinstance(value, BaseModel) else code(repr(value.value if isinstance(value, Enum) else value))


def _called(node: ast.FunctionDef, known: Mapping[str, Any]) -> str:
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    return node.name if marks & {"property", "cached_property"} else _one_line(signature(node, known))


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("( ", "(").replace(", )", ")")


def _first(node: ast.FunctionDef) -> str:
    """The docstring's first paragraph."""
    return (ast.get_docstring(node) or "").partition("\n\n")[0]


class _Unquoted(ast.NodeTransformer):
    """Takes the quotation marks from annotations that name what is imported for type checkers only."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        # The texts of a Literal are values.
        return node if ast.unparse(node.value) == "Literal" else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else node
