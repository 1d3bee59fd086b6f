"""The wrapping in which answers come: quotes, markdown, LaTeX boxes, a final full stop."""

import re
from itertools import islice

from mindsmirror.answers.denial import denies

_BOXED = re.compile(r"\\(?:boxed|text|mathrm|textbf)\s?\{([^{}]{0,400})\}")
BOX = re.compile(r"\\boxed\s?\{")
"""Where a LaTeX box begins."""
_BRACE = re.compile(r"[{}]")
MOST_BRACES = 200
"""Within a box; one with more has no content that is read."""
BEFORE_BOX = re.compile(
    r"[-−–+/^√][ \t]?\$?$|\b(?:minus|negative|at (?:least|most)|than|over|under|up to|twice|half of)[ \t$(]{0,4}$", re.I
)
"""What changes the value of a box that it stands before: "minus", "at least"."""
_AFTER_BOX = re.compile(r"[ \t$]{0,3}(?:[0-9^*/+]|[kKM]\b|(?:hundred|thousand|million|billion|trillion|dozen)\b)")
_PAIRS = (('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("`", "`"), ("«", "»"), ("\\(", "\\)"), ("\\[", "\\]"))
_EDGE = " \t\r\n.,;:!?*_`"


def unwrap(raw: str) -> str:
    """`raw` without surrounding space, markdown emphasis, LaTeX box, quotes and final full stop."""
    text = raw.strip()
    for _ in range(4):
        before = text
        text = _BOXED.sub(r"\1", text).strip()
        text = text.strip("*_ \t\r\n")
        if len(text) > 1 and text[0] == "$" and text[-1] == "$":
            text = text[1:-1].strip()
        for opening, closing in _PAIRS:
            if len(text) > len(opening) and text.startswith(opening) and text.endswith(closing):
                text = text[len(opening) : -len(closing)].strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].rstrip()
        if text == before:
            break
    return text


def content_of_box(block: str) -> str | None:
    """The content of a LaTeX box within the first 80 characters, braces matched.

    None if there is none, or if what stands at it changes its value ("minus", "thousand").
    """
    match = BOX.search(block[:80])
    if match is None or denies(block[: match.start()]) or BEFORE_BOX.search(block[: match.start()]):
        return None
    depth = 1
    for brace in islice(_BRACE.finditer(block, match.end()), MOST_BRACES):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return None if _AFTER_BOX.match(block, brace.end()) else block[match.end() : brace.start()]
    return None


def folded(text: str) -> str:
    """For comparison: case-folded, runs of white space made one space, punctuation at the edges dropped."""
    quotes = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "‑": "-"})
    return " ".join(text.translate(quotes).casefold().split()).strip(_EDGE + "\"'")
