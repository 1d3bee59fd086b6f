"""Files that are whole or not there: how everything but models and the store is written."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mindsmirror.errors import StorageError


@contextmanager
def storage_guard(path: Path) -> Iterator[None]:
    """Turn what a disk refuses into a StorageError that says which folder."""
    try:
        yield
    except OSError as error:
        # Transformers and safetensors raise OSError for much else; only the disk's own refusals are meant.
        if error.errno is None:
            raise
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}. What was written before is safe; "
            "free some disk space or mend the path, then start the same command again."
        ) from error


def read_json(path: Path) -> Any:
    """The document in a file, or None if there is none or it was torn."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def write_json(path: Path, document: Any) -> None:
    """Write a document so that a reader sees either the old file or the whole new one."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader sees either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def write_records(path: Path, records: Iterable[BaseModel]) -> None:
    """Write records as JSON Lines."""
    write_text(path, "".join(record.model_dump_json() + "\n" for record in records))
