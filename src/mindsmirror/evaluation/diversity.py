"""How different the texts of one question are from each other.

Rationales that say the same thing k times cost k times as much and teach a student once. Sampling at a higher
temperature makes them differ more, so a measure of diversity means something only beside its temperature.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

ORDER = 4
"""Longest n-gram that self-BLEU looks at, as BLEU does."""

Grams = Counter[tuple[str, ...]]

_TOKENS = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Runs of letters and digits, and every other sign by itself, in lower case.

    A script that is written without spaces has few runs, so that what its texts share is understated.
    """
    return _TOKENS.findall(text.lower())


def self_bleu(texts: Sequence[str], order: int = ORDER) -> float | None:
    """Mean BLEU of each text against all others: 1 where all are alike, 0 where no two share an n-gram of some order.

    BLEU of text i is BP · exp(1/N · Σₙ log pₙ) over n = 1 … N; N is `order`, or the text's length if that is less.
    pₙ is the share of its n-grams that another text has too, each counted at most as often as in the text that has it
    most; 0 if any pₙ is 0 (no smoothing). BP = min(1, exp(1 − r/c)), c its length and r that of the other text that is
    nearest in length, of two the shorter. A text without tokens counts 1 beside another one and 0 beside none.
    None for fewer than two texts. Sources: Papineni et al. (2002), "BLEU", ACL, §2; Zhu et al. (2018), "Texygen",
    SIGIR, arXiv 1802.01886, §3.
    """
    if len(texts) < 2:
        return None
    words = [tokens(text) for text in texts]
    lengths = [len(of_text) for of_text in words]
    precisions: list[list[float]] = [[] for _ in words]
    for n in range(1, order + 1):
        found = [_grams(of_text, n) for of_text in words]
        shared = _second_most(found)
        for own, grams in zip(precisions, found, strict=True):
            if grams:
                common = sum(min(grams[gram], shared[gram]) for gram in grams.keys() & shared.keys())
                own.append(common / grams.total())
        if not shared:
            # Nor do two texts share a longer n-gram, and a precision of 0 is enough.
            break
    return sum(_bleu(own, lengths, place) for place, own in enumerate(precisions)) / len(texts)


def _grams(words: Sequence[str], n: int) -> Grams:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _second_most(found: Sequence[Grams]) -> dict[tuple[str, ...], int]:
    """How often each n-gram that two or more texts have stands in the text that has it second most.

    That is all BLEU needs of the others: a text that has a gram more often than all others is cut to this number, and
    no other text has it more often than this number allows. So the work grows with the texts' length, not its square.
    """
    seen: set[tuple[str, ...]] = set()
    again: set[tuple[str, ...]] = set()
    for grams in found:
        again |= seen & grams.keys()
        seen |= grams.keys()
    return {gram: sorted(grams[gram] for grams in found)[-2] for gram in again}


def _bleu(precisions: Sequence[float], lengths: Sequence[int], place: int) -> float:
    """BLEU of the text at that place, from its precisions and the lengths of all texts in tokens."""
    length = lengths[place]
    others = [*lengths[:place], *lengths[place + 1 :]]
    if not length:
        return float(0 in others)
    if min(precisions) == 0:
        return 0.0
    near = min(others, key=lambda other: (abs(other - length), other))
    # Rounding may put a mean of logarithms a hair above 0.
    mean = min(0.0, math.fsum(map(math.log, precisions)) / len(precisions))
    return math.exp(mean + min(0.0, 1 - near / length))
