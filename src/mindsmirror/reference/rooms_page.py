"""`docs/reference/rooms.md`: what each room holds and which rooms it imports from, drawn and listed."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from mindsmirror.reference.imports import COMMON, ORDER, SOURCE, imports, room
from mindsmirror.reference.markdown import code, page, table

OPENING = """
Imports run one way. A room imports only from rooms above it in the table; tests/architecture/test_imports.py fails
where one does not. In the figure an arrow leads from a room to one that it imports from. It is left out where other
arrows already lead there.
""".strip()


def rooms_page() -> str:
    """The document."""
    graph = rooms_graph(SOURCE)
    rows = [(code(name), _about(name), ", ".join(map(code, sorted(graph[name], key=ORDER.index)))) for name in graph]
    commons = ", ".join(map(code, COMMON))
    return page(
        "Rooms",
        OPENING,
        figure(graph),
        f"Every room may also import from {commons}. The last column leaves these out.",
        table(("room", "what it holds", "imports from"), rows),
    )


def rooms_graph(source: Path) -> dict[str, set[str]]:
    """The rooms in their order, each with those that it imports from, without those that all may use."""
    found: dict[str, set[str]] = {name: set() for name in ORDER if not name.startswith("__")}
    for each in imports(source):
        here, there = room(each.path), room(each.name)
        if each.own and here in found and there in found and there not in (here, *COMMON):
            found[here].add(there)
    return found


def figure(graph: Mapping[str, set[str]]) -> str:
    """The graph in Mermaid, without arrows that lead where other arrows lead already."""
    arrows = [f"    {here} --> {there}" for here in graph if here not in COMMON for there in _nearest(here, graph)]
    return "\n".join(["```mermaid", "flowchart BT", *arrows, "```"])


def _nearest(here: str, graph: Mapping[str, set[str]]) -> Iterator[str]:
    for there in sorted(graph[here], key=ORDER.index):
        if not any(there in _below(other, graph) for other in graph[here]):
            yield there


def _below(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Every room to which arrows lead from one."""
    return {deeper for inner in graph[start] for deeper in (inner, *_below(inner, graph))}


def _about(name: str) -> str:
    """The first paragraph of the docstring of a room or a loose module."""
    path = SOURCE / name / "__init__.py"
    text = ast.get_docstring(ast.parse((path if path.is_file() else SOURCE / f"{name}.py").read_text("utf-8"))) or ""
    return text.partition("\n\n")[0]
