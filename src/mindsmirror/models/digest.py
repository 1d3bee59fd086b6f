"""SHA-256 of model files, computed once while a file stays untouched.

Hashing a gigabyte takes seconds, so a hash is remembered in a stamp under the cache folder together with
the file's size, inode and times. The time of the last status change is among them: it cannot be set by
hand, so even a byte that is flipped with the modification time put back is noticed.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

import platformdirs

from mindsmirror.system.files import storage_guard
from mindsmirror.system.progress import Working

CACHE_VARIABLE = "MINDSMIRROR_CACHE"
"""Environment variable that names the cache folder instead of the platform's own."""

CHUNK = 1 << 20


def cache_dir() -> Path:
    """The folder where downloaded models and stamps are kept; it need not exist yet."""
    given = os.environ.get(CACHE_VARIABLE)
    folder = Path(given).expanduser() if given else Path(platformdirs.user_cache_dir("mindsmirror"))
    return folder.absolute()


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, from its stamp if the file is as it was when the stamp was made."""
    with storage_guard(path, "read", "Mend its rights, or get another copy."):
        before = _state(path)
        stamp = _stamp_path(path)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(stamp.read_text(encoding="utf-8"))
            if known["state"] == before:
                return str(known["sha256"])
        with Working(f"hashing {path.name}"), path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if _state(path) == before:
            write_stamp(path, digest)
    return digest


def sha256_of_folder(folder: Path) -> str:
    """Hex SHA-256 over the names and the hashes of the files that lie directly in a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            whole.update(f"{path.name}\0{sha256_of(path)}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def write_stamp(path: Path, sha256: str) -> None:
    """Remember a hash that was just computed; without a writable cache it is simply not remembered."""
    stamp = _stamp_path(path)
    with contextlib.suppress(OSError):
        stamp.parent.mkdir(parents=True, exist_ok=True)
        partial = stamp.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"state": _state(path), "sha256": sha256, "path": str(path)}))
        partial.replace(stamp)


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def _stamp_path(path: Path) -> Path:
    address = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return cache_dir() / "stamps" / f"{address}.json"
