"""The paper's students as the hub has them, on a tiny one: they load, read, write and are saved."""

from pathlib import Path

import pytest
import tiny
import tiny_t5
import torch
from huggingface_hub import try_to_load_from_cache

from mindsmirror.records import Tag
from mindsmirror.students.config import StudentConfig, check_student, is_at_hand
from mindsmirror.students.decoding import SamplingParams
from mindsmirror.students.load import save_student
from mindsmirror.students.seq2seq import Seq2SeqStudent

QUESTION = "Dan had 7 pens and lost 2.\nHow many pens are left?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_t5.write(tmp_path_factory.mktemp("published") / "t5")


def test_it_reads_its_own_vocabulary(folder: Path) -> None:
    check_student(StudentConfig(model=str(folder)))
    student = tiny.load(folder)
    assert isinstance(student, Seq2SeqStudent)
    assert len(student.tokenizer) + tiny_t5.PADDED == student.model.config.vocab_size
    read = student.source(Tag.EXPLAIN, QUESTION, None)
    unknown = student.tokenizer.unk_token_id
    assert unknown not in read and read[-1] == student.tokenizer.eos_token_id
    # A line break is white space to T5, and white space is one space.
    assert student.tokenizer.decode(read, skip_special_tokens=True) == f"explain: {QUESTION}".replace("\n", " ")


def test_it_is_saved_as_it_was(folder: Path, tmp_path: Path) -> None:
    student = tiny.load(folder)
    save_student(student.model, student.tokenizer, tmp_path / "saved")
    again = tiny.load(tmp_path / "saved")
    assert again.source(Tag.VERDICT, QUESTION, "7 - 2.") == student.source(Tag.VERDICT, QUESTION, "7 - 2.")
    for name, value in again.model.state_dict().items():
        assert torch.equal(value, student.model.state_dict()[name]), name


def test_a_copy_in_the_hubs_cache_is_at_hand(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are called otherwise than those of newer models."""
    repository = tmp_path / "models--google--t5-v1_1-small"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abcd")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / "0123abcd").symlink_to(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert isinstance(try_to_load_from_cache("google/t5-v1_1-small", "config.json"), str)
    config = StudentConfig(model="google/t5-v1_1-small")
    assert is_at_hand(config)
    check_student(config)
    assert not is_at_hand(StudentConfig(model="google/t5-v1_1-base"))


def test_what_it_writes_can_be_read(folder: Path) -> None:
    """The embedding has rows beyond the tokens, as the published one has: what is written can still be read."""
    student = tiny.load(folder)
    source = student.source(Tag.EXPLAIN, QUESTION, None)
    (greedy,), drawn = (
        student.generate(student.model, [source], drawing)[0]
        for drawing in (SamplingParams(12), SamplingParams(12, 1.5, 4, (1,)))
    )
    assert len(drawn) == 4 and all(0 < text.tokens <= 12 for text in (greedy, *drawn))
