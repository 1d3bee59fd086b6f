"""Records that are read where they are needed are those of the file, and none of them is held."""

import hashlib
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.system.files import write_records
from mindsmirror.system.record_file import RecordFile

TEXTS = st.lists(st.text(st.characters(codec="utf-8")), max_size=20)


def written(path: Path, texts: list[str]) -> list[Example]:
    records = [Example(id=str(number), text=text) for number, text in enumerate(texts)]
    write_records(path, records)
    return records


@given(TEXTS, st.randoms(use_true_random=False))
def test_a_file_is_the_sequence_of_its_records(texts: list[str], chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "examples.jsonl"
        records = written(path, texts)
        file = RecordFile(path, Example)
        assert len(file) == len(records) and list(file) == list(file) == records
        assert [file[number] for number in range(-len(records), len(records))] == records + records
        begin, end = sorted(chance.randrange(len(records) + 1) for _ in range(2))
        assert list(file[begin:end]) == records[begin:end] and list(file[::-1]) == records[::-1]
        chosen = file.where(lambda record: int(record.id) % 3 == 1)
        assert list(chosen) == records[1::3] and list(chosen[1:]) == records[4::3]
        assert file.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_readers_of_a_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    records = written(tmp_path / "a.jsonl", ["one", "two", "three"])
    file = RecordFile(tmp_path / "a.jsonl", Example)
    assert list(zip(file, file, strict=True)) == list(zip(records, records, strict=True))
    assert [record for record in file if file[0].text == "one"] == records


@pytest.mark.parametrize("content", [b"{}\n", b'{"id": "1", "text": "x"}\n{"id"', b"\xff\n"])
def test_what_is_no_record_is_one_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jsonl holds no examples \(.*\)\. Make some\."):
        list(RecordFile(path, Example, "examples", "Make some."))
    with pytest.raises(DataError, match=r"none\.jsonl holds no records"):
        RecordFile(tmp_path / "none.jsonl", Example)
