"""Recordings: what was written is replayed, what is missing is named, what is broken is refused."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.engines.recordings import write_recording

from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling, sample_key
from mindsmirror.engines.recorded import RecordedEngine, prompt_hash, recorded_identity
from mindsmirror.errors import DataError

MESSAGES = (Message("system", "Be brief."), Message("user", "2 + 2?"))


def replay(engine: RecordedEngine, *keys: str) -> tuple[Completion, ...]:
    engine.submit(Request("r", MESSAGES, Sampling(), keys))
    ((_, completions),) = engine.poll()
    assert engine.poll() == []
    return completions


@settings(max_examples=30)
@given(st.dictionaries(st.text("0123456789abcdef", min_size=1), st.text(), max_size=5), st.booleans())
def test_what_is_written_is_replayed(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, str], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("recording") / ("r.jsonl.gz" if packed else "r.jsonl")
    write_recording(path, rows.items())
    engine = RecordedEngine(path)
    for key, text in rows.items():
        assert replay(engine, key) == (Completion(key, text, Finish.STOP),)


def test_identity_of_the_original_is_kept(tmp_path: Path) -> None:
    original = {"engine": "openvino", "model": "m", "parameters": {}}
    key = sample_key(original, MESSAGES, Sampling(), 3)
    path = tmp_path / "r.jsonl"
    write_recording(path, [(key, Completion(key, "four", Finish.LENGTH, 7, 2))], original)
    engine = RecordedEngine(path, "other")
    assert engine.identity == original == recorded_identity(path, "other")
    assert replay(engine, key)[0] == Completion(key, "four", Finish.LENGTH, 7, 2)


def test_rows_are_found_by_messages_and_sample_number(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    turns = [m._asdict() for m in MESSAGES]
    rows = [
        {"messages": turns, "text": "zero"},
        {"messages": turns, "text": "one"},
        {"messages": turns, "text": "five", "sample": 5, "note": "kept by somebody"},
        {"prompt_hash": prompt_hash(MESSAGES), "text": "three", "sample": 3},
    ]
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    engine = RecordedEngine(path, "m")
    keys = {n: sample_key(engine.identity, MESSAGES, Sampling(), n) for n in range(6)}
    # Topping up asks for the missing samples alone: places in the request say nothing about numbers.
    texts = [c.text for c in replay(engine, keys[5], keys[1], keys[3], keys[0])]
    assert texts == ["five", "one", "three", "zero"]
    (missing,) = replay(engine, keys[2])
    assert missing.finish is Finish.FAILED and keys[2] in missing.error and "r.jsonl" in missing.error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x"}', "line 2.*key, messages, prompt_hash"),
        ('{"key": "k"}', "line 2: text"),
        ("{", "line 2: is not JSON"),
        ("[1]", "line 2: is not a JSON object"),
        ('{"key": "k", "text": "t", "finish": "odd"}', "line 2: finish"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"key": "a", "text": "t"}\n' + line + "\n")
    with pytest.raises(DataError, match=message):
        RecordedEngine(path)


def test_broken_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        RecordedEngine(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"key": "a", "text": "\xff"}\n')
    with pytest.raises(DataError, match="latin"):
        RecordedEngine(tmp_path / "latin.jsonl")
    whole = gzip.compress(b'{"key": "a", "text": "t"}\n' * 50)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-12])
    with pytest.raises(DataError, match="cut"):
        RecordedEngine(tmp_path / "cut.jsonl.gz")
