"""Lines that fit a terminal: whole figures, the most important first, no cut word, no control characters."""

import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that control a terminal, or hide or reverse others; line feeds and tabs are allowed."""
USUAL_COLUMNS = 80
"""Of a terminal that does not report its width."""


def plain(text: str) -> str:
    """The text without control characters: what servers and models write must not steer the terminal."""
    return CONTROL.sub("", text)


def columns_of(stream: TextIO) -> int | None:
    """How many characters fit on a line of the terminal behind a stream; None if it is not a terminal.

    One column less than there are: in some terminals the last one already begins a new line.
    """
    if not stream.isatty():
        return None
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return (columns or shutil.get_terminal_size((USUAL_COLUMNS, 24)).columns) - 1


def figures_of(note: str) -> list[str]:
    """The figures of a note, split at commas that are not in parentheses."""
    return [figure for figure in re.split(r", (?![^(]*\))", note) if figure]


def brief(figure: str) -> str:
    """A figure without what it adds in parentheses."""
    return figure.partition(" (")[0]


def fitted(head: str, offers: Iterable[tuple[int, str]], columns: int) -> str:
    """The head, and those of the offered figures that fit behind it, with commas between them.

    An offer is a position on the line and its figure. Earlier offers are preferred; a later offer for the same position
    replaces the earlier one if it fits. The head is always shown.
    """
    shown: dict[int, str] = {}
    line = head
    for place, figure in offers:
        more = shown | {place: figure}
        longer = ", ".join([head, *(more[each] for each in sorted(more))])
        if len(longer) <= columns:
            shown, line = more, longer
    return line


def headed(label: str, count: str, columns: int) -> str:
    """A label and a count; if they are too long, the label loses its last words, or all of them."""
    words = label.split(" ")
    for kept in range(len(words), 0, -1):
        mark = "" if kept == len(words) else " …"
        line = f"{' '.join(words[:kept])}{mark}: {count}"
        if len(line) <= columns:
            return line
    return count


def shortened(text: str, end: str, columns: int) -> str:
    """A text followed by its end; if they are too long, the text loses its last words."""
    words: Sequence[str] = text.split(" ")
    while len(words) > 1 and len(" ".join(words)) + len(end) > columns:
        words = words[:-1]
    return " ".join(words) + end


def folded(text: str, columns: int) -> str:
    """A text in lines that break between words; a word longer than a line is not broken."""
    lines = (
        textwrap.wrap(line, max(1, columns), break_long_words=False, break_on_hyphens=False, drop_whitespace=True)
        for line in text.splitlines()
    )
    return "\n".join("\n".join(each) for each in lines)


def quantity(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 reply", "2 replies"; the plural is the noun with an s unless it is given."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
