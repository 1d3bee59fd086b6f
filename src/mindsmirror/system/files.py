"""Atomic files: how everything but models and the store is written, so that no file is ever half written."""

import errno
import json
import os
import re
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from mindsmirror.errors import MindsMirrorError, StorageError
from mindsmirror.system.processes import pid_lives
from mindsmirror.system.progress import Working

R = TypeVar("R", bound=BaseModel)

TORN_BY_TORCH = ("PytorchStreamWriter failed", "unexpected pos")
"""How torch.save says that a file came out short."""
PART = re.compile(r"\..+-(?P<pid>\d{1,9})-[a-z0-9_]{8}")
"""The temporary name of a file that is being written: its final name, and the process that writes it."""


FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""Error numbers of a full disk, of a file that is too large, and of a used-up quota."""
START_AGAIN = (
    "What was written before is safe. Free some disk space or correct the path, then run the same command again."
)


@contextmanager
def storage_guard(path: Path, doing: str = "write", advice: str = START_AGAIN) -> Iterator[None]:
    """Turn what a disk refuses into a StorageError: "cannot write PATH: REASON. ADVICE"."""
    try:
        yield
    except Exception as error:
        reason = _refusal(error)
        if reason is None:
            raise
        raise StorageError(f"cannot {doing} {path}: {reason}. {advice}") from error


def _refusal(error: Exception) -> str | None:
    """The reason that the disk gave; None if the error is not the disk's.

    safetensors and tokenizers, written in Rust, raise errors of their own for it, and torch a RuntimeError.
    """
    if isinstance(error, MindsMirrorError):
        return None
    if isinstance(error, OSError):
        # Transformers raises OSError for much else; only the disk's own refusals have a number.
        full = "the disk is full: " if error.errno in FULL else ""
        return f"{full}{error.strerror or error}" if error.errno is not None else None
    number = re.search(r"\(os error (\d+)\)", str(error))
    if number:
        return os.strerror(int(number[1]))
    torn = isinstance(error, RuntimeError) and any(words in str(error) for words in TORN_BY_TORCH)
    return "a file could not be written to its end" if torn else None


def expanded(path: Path | str) -> Path:
    """The path with `~` replaced by the home folder; unchanged if there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def there(path: Path) -> bool:
    """Whether the path exists and can be reached; False for a text that cannot be a path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> Any:
    """The document in a file; None if the file is missing or incomplete."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None


def read_record(path: Path, kind: type[R]) -> R | None:
    """The record in a file, or None if there is none, it was torn, or it holds something else."""
    document = read_json(path)
    if document is None:
        return None
    try:
        return kind.model_validate(document)
    except ValidationError:
        return None


def write_json(path: Path, document: Any) -> None:
    """Write a document so that a reader sees either the old file or the whole new one."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader sees either the old file or the whole new one."""
    with _replacing(path) as file:
        file.write(text.encode("utf-8", "surrogatepass"))


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that replaces the path once it is complete, and is deleted if writing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        share(Path(part))
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which replaces `folder` at the end; a kill or an error leaves the old one.

    What is in it gets the rights that the user's umask leaves to others, whoever wrote it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_prefix(folder)))
    try:
        yield part
        share(part)
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """An empty file beside a path, to be filled and moved there; if it is not moved, it is deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    os.close(handle)
    try:
        yield Path(part)
    finally:
        Path(part).unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Delete the temporary files of dead processes under a folder. Nobody else may be working in it."""
    for part in list(folder.rglob(".*-*")):
        named = PART.fullmatch(part.name)
        if named is None or pid_lives(int(named["pid"])):
            continue
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    return f".{path.name}-{os.getpid()}-"


def share(path: Path) -> None:
    """Give a file, or a folder with all that is in it, the rights that the user's umask leaves to others.

    Temporary files and folders are made for their owner alone, and safetensors writes weights so, too.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    for each in (path, *path.rglob("*")):
        # What another process writes beside it may have gone meanwhile.
        with suppress(FileNotFoundError):
            if not each.is_symlink():
                each.chmod((0o777 if each.is_dir() else 0o666) & ~mask)


def read_records(path: Path, kind: type[R]) -> list[R]:
    """The records of a JSON Lines file; OSError or ValueError if it cannot be read or holds something else."""
    with Working(f"reading {path.name}"), path.open(encoding="utf-8", errors="surrogatepass") as lines:
        return [kind.model_validate_json(line) for line in lines]


def write_records(path: Path, records: Iterable[BaseModel]) -> None:
    """Write records as JSON Lines, one at a time: they need not fit into memory together."""
    with _replacing(path) as file:
        for record in records:
            file.write(_line(record))


def write_in_order(path: Path, numbered: Iterable[tuple[int, BaseModel]]) -> None:
    """Write records that come in any order as JSON Lines in the order of their numbers, one at a time.

    Numbers are counted from 0, and each comes once at most.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begins = array("q")
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        for number, record in numbered:
            begins.extend([-1] * (number + 1 - len(begins)))
            begins[number] = spool.tell()
            spool.write(_line(record))
        with _replacing(path) as file:
            for begin in begins:
                if begin >= 0:
                    spool.seek(begin)
                    file.write(spool.readline())


def _line(record: BaseModel) -> bytes:
    return record.model_dump_json().encode("utf-8", "surrogatepass") + b"\n"
