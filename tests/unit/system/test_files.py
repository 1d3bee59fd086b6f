"""Files that are whole or not there, and that others may read as far as the user lets them."""

import os
import random
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.annotation.reading import legible
from mindsmirror.records import Example
from mindsmirror.system.files import whole_folder, write_in_order, write_records, write_text


@pytest.fixture
def generous() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("generous")
def test_what_is_written_can_be_read_by_others(tmp_path: Path) -> None:
    write_text(tmp_path / "page.html", "ä")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o644
    assert os.umask(0o022) == 0o022


@pytest.mark.parametrize(("umask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
@pytest.mark.usefixtures("generous")
def test_a_whole_folder_has_the_rights_of_the_users_umask(tmp_path: Path, umask: int, folder: int, file: int) -> None:
    os.umask(umask)
    with whole_folder(tmp_path / "model") as part:
        (part / "deep").mkdir(mode=0o700)
        for path in (part / "weights", part / "deep" / "weights"):
            path.touch(mode=0o600)
        (part / "link").symlink_to(tmp_path / "elsewhere")
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.rglob("*")}
    del modes["model/link"]
    assert modes == {"model": folder, "model/deep": folder, "model/weights": file, "model/deep/weights": file}
    assert os.umask(umask) == umask


@pytest.mark.usefixtures("generous")
def test_a_user_who_shares_nothing_is_heard(tmp_path: Path) -> None:
    os.umask(0o077)
    write_text(tmp_path / "page.html", "ä")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    records = (Example(id=str(5 // number), text="q") for number in (5, 1, 0))
    with pytest.raises(ZeroDivisionError):
        write_records(tmp_path / "a", records)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=9), st.randoms())
def test_records_that_come_in_any_order_are_written_in_theirs(texts: list[str], draw: random.Random) -> None:
    records = [(number, Example(id=str(number), text=legible(text))) for number, text in enumerate(texts)]
    kept = [pair for pair in records if draw.random() < 0.8]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "records.jsonl"
        write_in_order(path, draw.sample(kept, len(kept)))
        lines = path.read_text(encoding="utf-8").split("\n")
        assert [Example.model_validate_json(line) for line in lines[:-1]] == [record for _, record in kept]
        assert lines[-1] == "" and [file.name for file in path.parent.iterdir()] == ["records.jsonl"]
