"""Self-evaluations and the verdict that each must get: negations, injections, contrasts, several models' phrasings."""

import re
from pathlib import Path

import pytest

from mindsmirror.answers import read_verdict
from mindsmirror.records import Verdict

CORPUS = Path(__file__).with_name("verdicts.tsv")


def lines() -> list[tuple[str, str]]:
    """Reading and self-evaluation of every line."""
    rows = [line.split("\t", 1) for line in CORPUS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(reading, unescaped(text)) for reading, text in rows]


def unescaped(text: str) -> str:
    text = re.sub(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})", lambda match: chr(int(match[1] or match[2], 16)), text)
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


@pytest.mark.parametrize(("reading", "text"), lines())
def test_each_self_evaluation_gets_its_verdict(reading: str, text: str) -> None:
    assert read_verdict(text)[0] == Verdict(reading)


def test_the_corpus_is_large_and_holds_every_verdict() -> None:
    found = [reading for reading, _ in lines()]
    assert len(found) >= 300
    assert len({text for _, text in lines()}) == len(found)
    assert min(map(found.count, Verdict)) >= 30


@pytest.mark.parametrize(("reading", "text"), [line for line in lines() if line[0] == "unparsed"])
def test_an_unread_evaluation_loses_nothing(reading: str, text: str) -> None:
    assert read_verdict(text)[1] == text.replace("’", "'").strip()
