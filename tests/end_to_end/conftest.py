"""One whole run, made once by the real console script and looked at by many tests."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from end_to_end import console, material

Folder = Callable[..., Path]


@dataclass(frozen=True)
class Finished:
    """The folder in which a run was carried through, and how that ended."""

    folder: Path
    ended: console.Ended

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "tiny"

    def copy(self, folder: Path) -> "Finished":
        """The same in a folder that may be written to."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Finished(folder, self.ended)


@pytest.fixture(scope="session")
def llama(tiny_folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder; not to be written to."""
    from end_to_end.schooling import schooled

    return schooled(tiny_folder("llama", spread=0.1), tmp_path_factory.mktemp("student") / "llama")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Finished:
    """Not to be written to: `copy` it."""
    folder = material.workplace(tmp_path_factory.mktemp("finished"), llama)
    ended = console.real("run", "tiny.toml", "--json", cwd=folder)
    assert ended.code == 0, ended.err
    return Finished(folder, ended)


@pytest.fixture
def workplace(tmp_path: Path, llama: Path) -> Path:
    """A folder with word problems and a recipe, in which nothing has been run."""
    return material.workplace(tmp_path, llama)


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Finished:
    """The whole run in a folder that may be written to."""
    return finished.copy(tmp_path)
