"""Which files the reference consists of, and whether those on disk say what the code says."""

from pathlib import Path

from mindsmirror.reference.cli_page import cli_page
from mindsmirror.reference.python_page import python_page
from mindsmirror.reference.recipe_page import recipe_page
from mindsmirror.reference.rooms_page import rooms_page
from mindsmirror.runs.schema import PUBLISHED, as_text, recipe_schema

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
"""In a checkout."""


def pages() -> dict[Path, str]:
    """The text of each file, as the code has it now."""
    schema = recipe_schema()
    return {
        PUBLISHED: as_text(schema),
        FOLDER / "recipe.md": recipe_page(schema),
        FOLDER / "cli.md": cli_page(),
        FOLDER / "python.md": python_page(),
        FOLDER / "rooms.md": rooms_page(),
    }


def stale_pages() -> dict[Path, str]:
    """Those of them whose file is missing or says something else."""
    return {path: text for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text}
