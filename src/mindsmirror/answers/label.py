"""Answers that are one of a closed set of labels: entailment, neutral, contradiction; yes, no."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mindsmirror.answers.base import Answer
from mindsmirror.answers.spelling import folded, unwrap

MAX_LENGTH = 400
_NEGATION = re.compile(r"\b(?:not|neither|nor|never|cannot)\b|n't\b", re.I)


@dataclass(frozen=True)
class Label:
    """One of `labels`; `synonyms` maps other words to them. Text and key are the label as declared."""

    name: str
    labels: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The one label that `raw` names. None if it names none, several, or denies one ("not neutral")."""
        if len(raw) > MAX_LENGTH:
            return None
        words = self._words()
        text = folded(unwrap(raw))
        if text in words:
            return self._answer(words[text])
        found = list(self._pattern(words).finditer(text))
        if not found:
            return None
        first = found[0]
        # "Yes, there is no doubt": a label that opens the sentence and is set off by a comma has the word.
        if first.start() == 0 and re.match(r"\s?[,.;:!–—(]", text[first.end() :]):
            return self._answer(words[first.group()])
        named = {words[match.group()] for match in found}
        if len(named) != 1 or _NEGATION.search(text):
            return None
        return self._answer(named.pop())

    def _answer(self, label: str) -> Answer:
        return Answer(label, label)

    def _words(self) -> dict[str, str]:
        words = {folded(word): label for word, label in self.synonyms.items()}
        return words | {folded(label): label for label in self.labels}

    @staticmethod
    def _pattern(words: Mapping[str, str]) -> re.Pattern[str]:
        longest_first = sorted((word for word in words if word), key=len, reverse=True)
        return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")


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
