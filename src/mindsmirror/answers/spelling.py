"""The wrapping in which answers come: quotes, markdown, LaTeX boxes, a final full stop."""

import re

_BOXED = re.compile(r"\\(?:boxed|text|mathrm|textbf)\s?\{([^{}]{0,400})\}")
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


def folded(text: str) -> str:
    """For comparison: case-folded, runs of white space made one space, punctuation at the edges dropped."""
    quotes = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "‑": "-"})
    return " ".join(text.translate(quotes).casefold().split()).strip(_EDGE + "\"'")
