"""Answers that are one of a closed set of labels: entailment, neutral, contradiction; yes, no."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from mindsmirror.answers.base import Answer
from mindsmirror.answers.denial import denies
from mindsmirror.answers.spelling import folded, unwrap

MAX_LENGTH = 400

_TOKEN = re.compile(r"\w+|[^\w\s]")
_SET_OFF = re.compile(r"\s?[,.;:!–—(]\s*|\s(?:because|since)\b")
_TURNS = re.compile(r"(?:or|but|rather|wait|actually|unless|if|except|hmm|no wait|not really|not quite)\b")
_REASON = re.compile(r"\s*(?:$|[,.;:!)\]}\"'–—(]|(?:because|since|as|for|so|given|due)\b)")
_NO = re.compile(r"\b(?:no|zero|less|minus|impossible)\b")
_ASKED = re.compile(r"\?[\s*_\"'”’)]*$")
_JOINED = re.compile(r"\w-$")


class _Named(NamedTuple):
    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Label:
    """One of `labels`; `synonyms` maps other words to them. Text and key are the label as declared."""

    name: str
    labels: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The one label that `raw` names. None if it names none, several, or denies one ("hardly true")."""
        if len(raw) > MAX_LENGTH or _ASKED.search(raw):
            return None
        text = folded(unwrap(raw))
        if text in self._words:
            return self._answer(self._words[text])
        found = list(self._named(text))
        if not found or any(_is_joined(text, named) for named in found):
            return None
        first = found[0]
        # "Yes, there is no doubt": a label that opens the sentence and is set off by a comma has the word.
        set_off = _SET_OFF.match(text, first.end) if first.start == 0 else None
        if set_off:
            following = [named for named in found[1:] if named.start == set_off.end()]
            if _TURNS.match(text, set_off.end()) or any(named.label != first.label for named in following):
                return None
            return self._answer(first.label)
        if len({text[named.start : named.end] for named in found}) > 1 or not self._is_meant(text, found):
            return None
        return self._answer(first.label)

    def _is_meant(self, text: str, found: list[_Named]) -> bool:
        """Whether the rest of the text denies and asks nothing; "no" must end its clause ("no idea" is no answer)."""
        parts = [text[a.end : b.start] for a, b in zip([_Named(0, 0, ""), *found], found, strict=False)]
        beside = " | ".join([*parts, text[found[-1].end :]])
        if denies(beside) or "?" in beside or _NO.search(beside):
            return False
        return all(_REASON.match(text, named.end) for named in found if text[named.start : named.end] == "no")

    def _answer(self, label: str) -> Answer:
        return Answer(label, label)

    @cached_property
    def _words(self) -> dict[str, str]:
        words = {folded(word): label for word, label in self.synonyms.items()}
        return words | {folded(label): label for label in self.labels}

    @cached_property
    def _by_tokens(self) -> dict[tuple[str, ...], str]:
        """Labels by their words and signs, "" for the beginning of one: more labels do not slow reading."""
        found: dict[tuple[str, ...], str] = {}
        for word, label in self._words.items():
            tokens = tuple(_TOKEN.findall(word))
            for length in range(1, len(tokens)):
                found.setdefault(tokens[:length], "")
            if tokens:
                found[tokens] = label
        return found

    def _named(self, text: str) -> Iterator[_Named]:
        """The labels that a folded text names, the longest from each place."""
        tokens = list(_TOKEN.finditer(text))
        place = 0
        while place < len(tokens):
            longest, length, label = 0, 1, ""
            while place + length <= len(tokens):
                known = self._by_tokens.get(tuple(token.group() for token in tokens[place : place + length]))
                if known is None:
                    break
                if known:
                    longest, label = length, known
                length += 1
            if longest:
                yield _Named(tokens[place].start(), tokens[place + longest - 1].end(), label)
            place += longest or 1


def _is_joined(text: str, named: _Named) -> bool:
    """Whether a hyphen makes a label part of another word: `non-entailment`, `neutral-ish`."""
    before = _JOINED.search(text, max(0, named.start - 2), named.start)
    return before is not None or re.match(r"-\w", text[named.end : named.end + 2]) is not None


YES_NO = Label("yes_no", ("yes", "no"), {"true": "yes", "false": "no"})

ENTAILMENT = Label(
    "label",
    ("entailment", "neutral", "contradiction"),
    {
        "entails": "entailment",
        "entailed": "entailment",
        "contradicts": "contradiction",
        "contradicted": "contradiction",
        "contradictory": "contradiction",
        "neither": "neutral",
    },
)
