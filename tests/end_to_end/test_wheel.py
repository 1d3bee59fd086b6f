"""The wheel, built from a copy of the tree without a network, holds all that it needs and works by itself."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from docs import ROOT
from mindsmirror.runs.shipped import shipped_recipes

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheel's files, as pip would install them."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "src", folder / "tree/src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "tree")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    built = subprocess.run([*pip, "-w", str(folder), str(folder / "tree")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"mindsmirror-{PROJECT['version']}-py3-none-any.whl"
    with ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> Message:
    (path,) = unpacked.glob("*.dist-info/METADATA")
    return message_from_bytes(path.read_bytes())


def test_every_file_of_the_package_is_in_it_and_nothing_else(unpacked: Path) -> None:
    def files(folder: Path) -> set[str]:
        found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path.relative_to(folder)) for path in found}

    assert files(unpacked / "mindsmirror") == files(ROOT / "src" / "mindsmirror")
    assert {path.name.partition("-")[0] for path in unpacked.iterdir()} == {"mindsmirror"}
    (licence,) = unpacked.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_says_what_it_is(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11" and metadata["Keywords"]
    assert "Topic :: Scientific/Engineering :: Artificial Intelligence" in metadata.get_all("Classifier", [])
    assert any("arxiv.org/abs/2311.09214" in each for each in metadata.get_all("Project-URL", []))
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# Minds Mirror")


def test_the_quickstart_needs_no_extra_and_torch_is_a_range(metadata: Message) -> None:
    required = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    bounds = {re.split(r"[<>=;]", each)[0].strip(): each for each in required}
    assert {"torch", "openvino-genai", "openvino-tokenizers"} <= set(bounds)
    assert ">=" in bounds["torch"] and "<" in bounds["torch"] and "==" not in bounds["torch"].split(";")[0]
    assert "reasoning-gym" not in bounds, "it needs a C compiler"
    assert 'platform_machine != "ARM64"' in bounds["openvino-genai"]


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    known = {_plain(pin) for pin in pins}
    named = [*PROJECT["dependencies"], *(each for extra in PROJECT["optional-dependencies"].values() for each in extra)]
    names = {_plain(re.split(r"[<>=;\[]", each)[0]) for each in named} - {"mindsmirror", "pip"}
    assert names - known == set()


def test_it_works_in_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    # What the checkout's own installation puts on the path must not help: -S leaves it and all packages out.
    packages = os.pathsep.join([str(unpacked), *(each for each in sys.path if each.endswith("site-packages"))])
    command = [sys.executable, "-S", "-m", "mindsmirror", "list", "recipes", "--json"]
    environment = {**os.environ, "PYTHONPATH": packages}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [row["name"] for row in json.loads(ended.stdout)] == list(shipped_recipes())
    where = [sys.executable, "-S", "-c", "import mindsmirror; print(mindsmirror.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(unpacked)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
