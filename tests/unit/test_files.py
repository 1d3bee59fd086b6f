"""Files that are whole or not there, and that others may read as far as the user lets them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindsmirror.files import share, write_text


@pytest.fixture
def generous() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("generous")
def test_what_is_written_can_be_read_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "ä")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o644
    folder = tmp_path / "model"
    folder.mkdir(mode=0o700)
    share(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert os.umask(0o022) == 0o022


@pytest.mark.usefixtures("generous")
def test_a_user_who_shares_nothing_is_heard(tmp_path: Path) -> None:
    os.umask(0o077)
    write_text(tmp_path / "page.html", "ä")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(TypeError):
        write_text(tmp_path / "a", b"new")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
