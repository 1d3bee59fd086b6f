"""Tables and paragraphs in Markdown."""

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make reference` from the code. Changes here are lost. -->"


def page(title: str, *paragraphs: str) -> str:
    """A whole document; empty paragraphs are left out."""
    return "\n\n".join([f"# {title}", GENERATED, *filter(None, paragraphs)]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty if it has no rows."""
    lines = [_row(header), _row(["---"] * len(header)), *map(_row, rows)]
    return "\n".join(lines) if len(lines) > 2 else ""


def code(text: str) -> str:
    """A piece of code in a line."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _row(cells: Sequence[str]) -> str:
    escaped = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
