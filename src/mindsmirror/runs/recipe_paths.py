"""Relative paths in a recipe: looked up beside the recipe first, then in the current folder."""

from pathlib import Path
from typing import Any

from mindsmirror.models import catalogue
from mindsmirror.system.files import there
from mindsmirror.tasks.other_files import ENDINGS
from mindsmirror.tasks.tables import FILES


def with_paths(document: dict[str, Any], beside: Path) -> dict[str, Any]:
    """The document with relative paths made to lead where they are found."""
    places: list[tuple[str, str, tuple[str, ...]]] = [
        ("task", "data_dir", ()),
        ("task", "name", (*FILES, *ENDINGS)),
        ("annotation", "prompts", (".toml",)),
        ("annotation", "file", ()),
        ("student", "path", ()),
        ("student", "model", ()),
    ]
    for table, key, endings in places:
        document[table] = _with_path(document.get(table), key, beside, endings)
    teachers = document.get("teacher")
    if isinstance(teachers, list):
        document["teacher"] = [_with_path(teacher, "path", beside) for teacher in teachers]
    return {key: value for key, value in document.items() if value is not None}


def _with_path(table: Any, key: str, beside: Path, endings: tuple[str, ...] = ()) -> Any:
    """A name stays one, even where a folder beside the recipe is called so."""
    value = table.get(key) if isinstance(table, dict) else None
    if (
        not isinstance(value, str)
        or not value
        or not value.lower().endswith(endings or "")
        or value in catalogue.entries()
    ):
        return table
    return {**table, key: str(beside / value)} if there(beside / value) else table
