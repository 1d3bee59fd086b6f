"""An export goes to a folder, or to the hub over its own HTTP API, which a server here stands in for."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from mindsmirror.delivery.push import push_folder
from mindsmirror.errors import DataError, StorageError


class Hub(ThreadingHTTPServer):
    """Takes what a client of the hub sends: a repository that is made, and a commit with files in it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.made: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.paths: list[str] = []
        self.tokens: set[str | None] = set()
        self.cards: list[str] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.answer({"id": "me/mine", "sha": "1" * 40, "siblings": []})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        hub, path = self.server, self.path.split("?")[0]
        hub.paths.append(path)
        hub.tokens.add(self.headers["Authorization"])
        if hub.status != 200:
            self.answer({"error": "You may not."}, hub.status)
        elif path == "/api/repos/create":
            hub.made.append(json.loads(content))
            self.answer({"url": f"{hub.address}/me/mine", "id": "1"})
        elif path == "/api/validate-yaml":
            hub.cards.append(json.loads(content)["content"])
            self.answer({"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            asked = [file["path"] for file in json.loads(content)["files"]]
            modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in asked]
            self.answer({"files": modes})
        elif path.endswith("/commit/main"):
            lines = [json.loads(line) for line in content.splitlines()]
            for line in lines:
                if line["key"] == "file":
                    hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            commit = {"commitUrl": f"{hub.address}/me/mine/commit/{'2' * 40}", "commitOid": "2" * 40, "success": True}
            self.answer(commit | {"pullRequestUrl": None})
        else:
            self.answer({"error": f"no {path}"}, 404)

    def answer(self, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
        yield server
        server.shutdown()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    folder = tmp_path / "gguf"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: mit\n---\n\n# mine\n")
    (folder / "fidelity.json").write_text("[]")
    (folder / "mine.gguf").write_bytes(b"GGUF" + bytes(range(256)))
    return folder


def test_a_student_becomes_a_private_model(hub: Hub, exported: Path) -> None:
    place = push_folder(exported, "me/mine")
    assert place.startswith(hub.address)
    (made,) = hub.made
    assert (made["name"], made["organization"]) == ("mine", "me")
    assert made.get("private") is True or made.get("visibility") == "private"
    assert made.get("type", "model") == "model"
    assert hub.files == {path.name: path.read_bytes() for path in exported.iterdir()}
    assert hub.cards == [(exported / "README.md").read_text()]
    assert hub.tokens == {"Bearer hf_of_a_test"}


def test_annotations_become_a_public_data_set(hub: Hub, exported: Path) -> None:
    (exported / "fidelity.json").unlink()
    push_folder(exported, "me/mine", public=True)
    (made,) = hub.made
    assert made["type"] == "dataset"
    assert made.get("private") is False or made.get("visibility") == "public"
    assert "/api/datasets/me/mine/commit/main" in hub.paths
    assert set(hub.files) == {"README.md", "mine.gguf"}


@pytest.mark.parametrize("status", [401, 403, 500])
def test_what_the_hub_refuses_is_said_in_a_line(hub: Hub, exported: Path, status: int) -> None:
    hub.status = status
    with pytest.raises(StorageError, match=r"does not take me/mine: .*HF_TOKEN") as failure:
        push_folder(exported, "me/mine")
    assert "\n" not in str(failure.value)
    assert "hf_of_a_test" not in str(failure.value)
    assert hub.files == {}


def test_a_hub_that_is_not_there_is_said(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    with pytest.raises(StorageError, match="does not take"):
        push_folder(exported, "me/mine")


def test_a_folder_gets_a_copy(exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    assert push_folder(exported, str(out)) == str(out)
    names = [path.name for path in exported.iterdir()]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {n: (exported / n).read_bytes() for n in names}
    with pytest.raises(DataError, match="not empty"):
        push_folder(exported, str(out))


@pytest.mark.parametrize("target", ["mine", "a/b/c", "", "me/", "me/mi ne"])
def test_a_target_that_is_none_is_refused(hub: Hub, exported: Path, target: str) -> None:
    with pytest.raises(DataError):
        push_folder(exported, target)
    assert hub.made == []


def test_nothing_goes_without_its_card(hub: Hub, exported: Path) -> None:
    (exported / "README.md").unlink()
    with pytest.raises(DataError, match="no export"):
        push_folder(exported, "me/mine")
    assert hub.made == []
