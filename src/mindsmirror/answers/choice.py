"""Answers that are one of the question's own choices, given by letter, by text or by both.

The choices decide what counts as an answer. A letter and a text that contradict each other are none, nor is a text that
fits two choices.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from mindsmirror.answers.base import Answer
from mindsmirror.answers.denial import denies
from mindsmirror.answers.number import Number, looks_numeric
from mindsmirror.answers.spelling import folded, unwrap

MAX_LENGTH = 600
NEAR = 0.8
"""Likeness from which a text counts as a misspelling of the choice whose letter stands before it."""
MAX_SLIP = 24
"""Characters between the first and the last difference of a misspelling that are compared one by one."""

_LEAD = re.compile(r"^(?:(?:the\s)?(?:correct\s)?(?:option|choice|letter|answer)\s?(?:is\s|:\s?)?)+(?=\S)", re.I)
_LETTER = re.compile(r"^[(\[{]?\s?([a-z])\s?[)\]}.:]*$", re.I)
_LETTER_TEXT = re.compile(
    r"^(?:[(\[{]\s?([a-z])\s?[)\]}]\s?[.:,\-–—]?|([a-z])\s?[).:\]]|([a-z])\s[-–—](?=\s))\s*(\S.*)$",
    re.I | re.S,
)
_BRACKETED = re.compile(r"[(\[]\s?([a-z])\s?[)\]]", re.I)
_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)")
_JOINT = re.compile(r"(?<=[^\W\d_])[-_‐‑–/](?=[^\W\d_])")
_NO = re.compile(r"\b(?:no(?! doubt)|non|less than)\b")
_REJECTS = re.compile(r"[\s,;:(–—-]{0,4}(?:wrong|incorrect|false|not|no)[\s).!]{0,3}")
_TURNS = re.compile(r"\s+(?:or|is|isn't|was|wasn't|can't|cannot|not|nor|does|doesn't|has|fails)\b")


@dataclass(frozen=True)
class Choice:
    """One of the given choices. `text` is the choice's text; choices with the same text share a `key`."""

    name: str = "choice"

    def read(self, raw: str, choices: Mapping[str, str]) -> Answer | None:
        """The choice that `raw` names by letter, text or both; None if it fits none or more than one."""
        text = unwrap(raw)
        if not text or len(text) > MAX_LENGTH or not choices:
            return None
        keys = _keys(choices)
        named = set(_named(text, choices, keys))
        if len(named) != 1:
            return None
        key = named.pop()
        letter = next(letter for letter, its in keys.items() if its == key)
        return Answer(choices[letter].strip(), key)


def normal(text: str) -> str:
    """A choice's text without case, quotes, hyphens between letters, leading article and final stop."""
    return _ARTICLE.sub("", " ".join(_JOINT.sub(" ", folded(text)).split()))


def _keys(choices: Mapping[str, str]) -> Mapping[str, str]:
    return _keys_of(tuple(choices.items()))


@lru_cache(256)
def _keys_of(choices: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Letter to key. Texts that differ only in what `normal` drops, case aside, keep it in their keys."""
    plain = {letter: _plain(text) for letter, text in choices}
    keys = {letter: normal(text) or text.strip() for letter, text in choices}
    twins: dict[str, set[str]] = {}
    for letter, key in keys.items():
        twins.setdefault(key, set()).add(plain[letter])
    return {letter: plain[letter] if len(twins[key]) > 1 else key for letter, key in keys.items()}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _named(text: str, choices: Mapping[str, str], keys: Mapping[str, str]) -> Iterable[str]:
    """The keys that the text may mean, by the first rule that finds any."""
    bare = _LEAD.sub("", text)
    exact = {keys[letter] for letter, its in choices.items() if _plain(its) == _plain(text)}
    whole = exact or _equal(text, keys) | _equal(bare, keys)
    letter = _LETTER.match(bare)
    if letter and letter[1].lower() in keys:
        return whole | {keys[letter[1].lower()]}
    if whole:
        return whole
    both = _LETTER_TEXT.match(bare)
    if both and (both[1] or both[2] or both[3]).lower() in keys:
        return _letter_and_text((both[1] or both[2] or both[3]).lower(), both[4], keys)
    if both and both[1]:
        return set()
    return _numerically_equal(bare, choices, keys) or _mentioned(normal(bare), keys)


def _equal(text: str, keys: Mapping[str, str]) -> set[str]:
    wanted = normal(text) or text.strip()
    return {key for key in keys.values() if (normal(key) or key) == wanted}


def _letter_and_text(letter: str, text: str, keys: Mapping[str, str]) -> set[str]:
    """`(a) bank`: the text must be that of the letter, or begin with it, and name no other choice."""
    equal = {key for key in keys.values() if key == _plain(text)} or _equal(text, keys)
    if equal:
        # Where several texts are equal but for an article, the letter decides; where it names another, nothing does.
        return {keys[letter]} if keys[letter] in equal else equal | {keys[letter]}
    words = normal(text)
    own = normal(keys[letter])
    if _starts(words, own):
        rest = words[len(own) :]
        # "(a) bank is wrong", "(a) bank or river": the text goes on and takes the choice back.
        if _REJECTS.fullmatch(rest) or (_TURNS.match(rest) and (denies(rest) or rest.lstrip().startswith("or "))):
            return set()
        return {keys[letter]} | _mentioned(words, keys)
    if _starts(own, words):
        return {keys[letter]}
    return {keys[letter]} if _nearly(words, own, keys) else set()


def _nearly(words: str, own: str, keys: Mapping[str, str]) -> bool:
    """Whether the text misspells the letter's own choice ("(c) skyscraper" for "skyscaper") and no other choice."""
    near = {key: _likeness(words[:100], normal(key)[:100]) for key in set(keys.values())}
    best = max(near.values())
    return best >= NEAR and [normal(key) for key, ratio in near.items() if ratio == best] == [own]


def _likeness(left: str, right: str) -> float:
    """Share of the characters that two texts have in common, in order; 0 if a long stretch of them differs."""
    if left == right:
        return 1.0
    begun = _common(left, right)
    ended = _common(left[begun:][::-1], right[begun:][::-1])
    differs, instead = left[begun : len(left) - ended], right[begun : len(right) - ended]
    same = begun + ended
    if max(len(differs), len(instead)) <= MAX_SLIP:
        blocks = SequenceMatcher(None, differs, instead, autojunk=False).get_matching_blocks()
        same += sum(block.size for block in blocks)
    return 2 * same / (len(left) + len(right))


def _common(left: str, right: str) -> int:
    """Length of the longest beginning that two texts share."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _starts(text: str, beginning: str) -> bool:
    return bool(beginning) and text.startswith(beginning) and not _is_word(text[len(beginning) : len(beginning) + 1])


def _numerically_equal(text: str, choices: Mapping[str, str], keys: Mapping[str, str]) -> set[str]:
    """Where choices are numerals, `$12` is the choice `12`."""
    number = Number().read(text, {}) if looks_numeric(text) else None
    if number is None:
        return set()
    values = {letter: Number().read(its, {}) for letter, its in choices.items() if looks_numeric(its)}
    return {keys[letter] for letter, value in values.items() if value and value.key == number.key}


def _mentioned(text: str, keys: Mapping[str, str]) -> set[str]:
    """Choices whose letter in brackets or whole text occurs; a text within a longer one found does not count."""
    spans: list[tuple[int, int, str]] = []
    for key in set(keys.values()):
        wanted = normal(key)
        # A lone letter or article inside a sentence is a word, not the name of a choice.
        if len(wanted) > 1 or wanted.isdigit():
            spans += [(start, start + len(wanted), key) for start in _places(text, wanted)]
    outer = _outermost(spans)
    beside = _without(text, outer)
    if denies(beside) or _NO.search(beside):
        return set()
    letters = {match.lower() for match in _BRACKETED.findall(text)}
    return {key for _, _, key in outer} | {keys[letter] for letter in letters if letter in keys}


def _places(text: str, wanted: str) -> Iterable[int]:
    """Where a text occurs as whole words, from left to right and without overlap."""
    place = text.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        apart = not _is_word(text[place - 1 : place]) and not _is_word(text[end : end + 1])
        if apart:
            yield place
        place = text.find(wanted, end if apart else place + 1)


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _outermost(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The spans that lie within no longer one."""
    kept: list[tuple[int, int, str]] = []
    for start, end, key in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or end > kept[-1][1] or (start, end) == kept[-1][:2]:
            kept.append((start, end, key))
    return kept


def _without(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with the spans left out: a choice may have "not" in its own name."""
    parts, place = [], 0
    for start, end, _ in spans:
        parts.append(text[place:start])
        place = max(place, end)
    return " | ".join([*parts, text[place:]])
