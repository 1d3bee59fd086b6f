"""Whether a critique is true of the rationale that it judges, as far as that can be read off the two texts.

Teachers whose verdicts come from gold still write their critiques by themselves, and small ones write many that are
false: "a starfish has 5 legs, not 4" beside a rationale that said 5. What can be checked without knowing the world is:
whether the critique's own arithmetic holds, whether what it corrects stands in the rationale and the correction does
not, and whether it finds a fault just where the verdict says that there is one. A critique that passes may still be
false about the world.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mindsmirror.answers.steps import arithmetic_steps
from mindsmirror.records import Verdict

MAX_TEXT = 8000
"""Characters of critique and rationale that are looked at."""

_NUMBER = r"(?<![\w.])-?[0-9][0-9,]{0,20}(?:\.[0-9]{1,10})?(?![\w])"
_NUMBERS = re.compile(_NUMBER)
_WORD = re.compile(r"[^\W\d_]{2,40}")
_SENTENCE = re.compile(r"(?<=[.;!?])\s|\n")
_UNIT = r"(?P<unit>(?:\s[^\W\d_]{1,30}){0,3})"
_CONTRAST = re.compile(
    rf"(?P<right>{_NUMBER}){_UNIT},?\s(?:and\s)?(?:not|instead of|rather than)\s(?P<wrong>{_NUMBER})"
)
_REVERSED = re.compile(rf"\bnot\s(?P<wrong>{_NUMBER}){_UNIT},?\sbut\s(?P<right>{_NUMBER})")
_FINDS_FAULT = re.compile(
    r"\b(?:wrong(?:ly)?|incorrect(?:ly)?|mistakes?|mistaken|errors?|should|forgot|forgets|missing|misses|missed"
    r"|miscount(?:s|ed)?|instead of|rather than|(?:do|did|does|is|are) not|(?:doe|did|is|are)s?n't|but|however|never"
    r"|fails?)\b|\bnot\s-?[0-9]",
    re.I,
)
_NO_FAULT = re.compile(
    r"\b(?:no|without(?:\s(?:a|any))?|free\sof|nothing)\s(?:\w{1,12}\s)?(?:errors?|mistakes?|wrong|missing|faults?)\b"
    r"|\b(?:correctly|rightly|properly|appropriately)\s(?:\w{1,12}\s){0,2}(?:does\snot|doesn't|not|missing)\b"
    r"|\b(?:the|a|this|that)\smissing\s(?:\w{1,12}\s)?(?:number|value|amount|quantity|part|factor|piece|count|term)\b"
    r"|\bas\s(?:it|they)\sshould\b",
    re.I,
)
"""What finds no fault although a word of fault stands in it: `no errors`, `rightly does not count`."""
_PRAISES = re.compile(r"\b(?:is|are|was|were)\s(?:all\s)?(?:right|correct|true)\b|\bcorrectly\b", re.I)
_EMPTY_WORD = re.compile(
    r"the|and|has|have|had|are|was|were|that|this|there|then|not|but|for|with|each|all|its|their|his|her|which|what"
    r"|one|two|answer|right|wrong|total"
)
"""Words that do not say what a sentence is about."""


class _Contrast(NamedTuple):
    """`6 legs, not 4`: what the critique says, and what it says that the rationale said."""

    right: str
    wrong: str
    unit: str
    """The first word that follows the number, such as `legs`; may be empty."""
    sentence: str


def fault_of(critique: str, rationale: str, verdict: Verdict) -> str:
    """Why a critique cannot be true, in a few words that can be counted; empty if nothing speaks against it."""
    critique, rationale = critique[:MAX_TEXT], rationale[:MAX_TEXT]
    quoted = {(step.computed, step.stated) for step in arithmetic_steps(rationale)}
    if any(not step.holds and (step.computed, step.stated) not in quoted for step in arithmetic_steps(critique)):
        return "its arithmetic is wrong"
    contrasts = list(_contrasts(critique))
    for contrast in contrasts:
        said = _most_about(contrast.sentence, rationale)
        if _state(said, contrast.right, contrast.unit):
            return "the rationale says what it demands"
        if not _state(said, contrast.wrong, ""):
            return "it corrects what the rationale does not say"
    finds = _FINDS_FAULT.search(_NO_FAULT.sub(" ", critique))
    if verdict is Verdict.CORRECT and (contrasts or finds):
        return "it finds fault with what is judged correct"
    if verdict is Verdict.WRONG and _PRAISES.search(critique) and not (contrasts or finds):
        return "it only praises what is judged wrong"
    return ""


def _contrasts(critique: str) -> Iterator[_Contrast]:
    for sentence in _SENTENCE.split(critique):
        for pattern in (_CONTRAST, _REVERSED):
            for match in pattern.finditer(sentence):
                unit = match["unit"].split()
                yield _Contrast(_plain(match["right"]), _plain(match["wrong"]), unit[0] if unit else "", sentence)


def _most_about(sentence: str, rationale: str) -> list[str]:
    """The sentences of the rationale that share the most words with a sentence."""
    words = _content(sentence)
    shared = [(len(words & _content(other)), other) for other in _SENTENCE.split(rationale)]
    most = max(count for count, _ in shared)
    return [other for count, other in shared if count == most]


def _state(sentences: Iterable[str], number: str, unit: str) -> bool:
    """Whether one of the sentences states the number, with its unit if any.

    With a unit a result (`= 20 legs`) does not count: it is computed from what is said, and the critique is about that.
    """
    for sentence in sentences:
        for match in _NUMBERS.finditer(sentence):
            if _plain(match.group()) != number:
                continue
            if not unit:
                return True
            before, after = sentence[: match.start()].rstrip(), sentence[match.end() :].split()
            if not before.endswith("=") and after and _stem(after[0].strip(".,:;!?()")) == _stem(unit):
                return True
    return False


def _content(text: str) -> set[str]:
    """The words of a text that say what it is about, without their plural."""
    words = (match.group().lower() for match in _WORD.finditer(text))
    return {_stem(word) for word in words if len(word) > 2 and not _EMPTY_WORD.fullmatch(word)}


def _stem(word: str) -> str:
    word = word.lower()
    for ending in ("es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word


def _plain(number: str) -> str:
    return number.replace(",", "")
