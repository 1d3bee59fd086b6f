"""A whole reply taken apart: the reasoning, and the answer stated at its end.

Prompts ask for rationales that end with "The answer is X.". Models also write "Answer: X", "#### X" and "\\boxed{X}",
forget the full stop, and go on with questions of their own. Every pattern here is bounded, so reading time grows only
linearly with a text's length.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mindsmirror.answers.base import Answer, Reply
from mindsmirror.answers.spelling import BEFORE_BOX, BOX, content_of_box
from mindsmirror.answers.standing import Standing, declines, standing, taken_back
from mindsmirror.records import Parse

MAX_STATEMENTS = 8
"""Statements of an answer that are tried, from the last one back."""
MAX_SEARCHED = 40_000
"""Characters at the end of a reply in which statements are looked for."""
MAX_ANSWER = 4000
"""Characters after a statement that are looked at."""
MAX_CANDIDATES = 20
"""Texts of one reply that are read as an answer."""
MAX_SENTENCE = 1000
"""Characters in which the end of the first sentence is looked for."""

_STATEMENT = re.compile(
    r"(?:\b(?:the|my|our|final|correct|right|best)[ \t\n]{1,2}){1,3}answer"
    r"(?:[ \t]{1,2}to[ \t]{1,2}(?:the|this)[ \t]{1,2}(?:question|problem))?"
    r"[*_]{0,2}[ \t]{0,2}(?:(?P<denied>(?:is|was|are)n't|(?:cannot|can't|couldn't)[ ]be)\b"
    r"|(?:is|are|would[ ]be|should[ ]be|equals)\b[ \t]{0,2}:?|[:=])"
    r"|(?<![^\n.!?*_#])[ \t]{0,2}[*_#]{0,3}[ \t]{0,2}(?:final[ \t])?answer[*_]{0,2}[ \t]{0,2}(?:is\b[ \t]{0,2}:?|:)"
    r"|(?<![^\n])[#*_ ]{1,6}(?:final[ ])?answer[*_ ]{0,4}(?=\n)"
    r"|(?<![^\n])####(?!#)",
    re.I,
)
_NEXT_QUESTION = re.compile(
    r"\n[ \t]{0,4}[*#]{0,3}[ \t]{0,2}(?:Q|Question|Premise|Problem|Input|User|Human)[ \t]?\d{0,4}[*]{0,2}[ \t]?:",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]*_]{0,3}(?=\s+[^\sa-z]|\s*$)|[.!?](?=\s*\n)")
_ABBREVIATION = re.compile(r"(?:^|[\s(.])(?:[A-Z]|[Mm]rs?|[Dd]r|[Ss]t|[Mm]t|[Pp]rof|[Nn]o|vs|[Jj]r|[Ss]r|etc|[Rr]s)\.$")
# A bracketed numeral or one after a dash is part of the answer ("seven (5)", "5 - 4"): nothing is cut before it.
_CUT = re.compile(
    r"[ \t](?:\((?!\s?[-$]?[0-9][0-9,.]{0,20}\s?\))|because\b|since\b|as\b|so\b|which\b|[-–—][ \t](?![$0-9]))"
    r"|[,;][ \t]|[ \t]?\*\*|[.!][ \t]",
    re.I,
)
_CONNECTIVE = re.compile(
    r"(?:^|(?<=[\s.,;:!?*]))(?:so|thus|hence|therefore|then|and|consequently|which means|this means|that|"
    r"in conclusion|finally|as a result|we conclude|it follows)[\s,:*]{0,4}$",
    re.I,
)
_REFUSAL = re.compile(
    r"\b(?:i'?m|i am|we are|my)?[ ]?(?:sorry|apologi[sz]e|apologies)\b|\bas an ai\b"
    r"|\bi (?:cannot|can'?t|am unable to|am not able to|won'?t|must decline)\b"
    r"|\bi'?m (?:unable|not able) to\b",
    re.I,
)


class _Statement(NamedTuple):
    """Where a statement begins: what is left out of the rationale, the words that state, and the answer."""

    start: int
    place: int
    payload: int
    denied: bool = False


def read_reply(text: str, read: Callable[[str], Answer | None], truncated: bool = False) -> Reply:
    """The rationale and the answer of a reply.

    `read` is the task's reading of what follows "the answer is"; `truncated` says that the reply was cut
    at a token limit. The last statement counts; if it states no answer of the kind ("I hope this answer is
    helpful"), the one before it does. Further questions after an answer are ignored.
    """
    text = text.replace("\r\n", "\n").replace("’", "'")
    if not text.strip():
        return Reply("", None, Parse.EMPTY, "the reply is empty")
    if declines(text):
        return Reply(text.strip(), None, Parse.REFUSED, "the model refuses")
    ended = _segment_end(text)
    statements = _statements(text, ended)
    denied: set[str] = set()
    for statement, candidate in _tried(text, statements[-MAX_STATEMENTS:], ended, truncated):
        answer = read(candidate)
        if answer is None:
            if candidate.startswith("not ") and (other := read(candidate[4:])) is not None:
                denied.add(other.key)
        elif statement.denied:
            denied.add(answer.key)
        elif answer.key in denied or taken_back(_after(text, statement, candidate, ended)):
            break
        else:
            return Reply(_reasoning(text[: statement.start]), answer, Parse.OK)
    return _failed(text, statements, ended, truncated)


def _tried(text: str, statements: list[_Statement], ended: int, truncated: bool) -> Iterator[tuple[_Statement, str]]:
    """Possible answers, the last statement first; suppositions are left out."""
    left = MAX_CANDIDATES
    for statement in reversed(statements):
        meant = standing(text, statement.place)
        payload = text[statement.payload : min(ended, statement.payload + MAX_ANSWER)]
        boxed = statement.payload == statement.place
        if boxed and BEFORE_BOX.search(text, max(0, statement.place - 20), statement.place):
            continue
        if meant is Standing.SUPPOSED or (truncated and ended == len(text) and _is_cut(payload)):
            continue
        weighed = statement._replace(denied=statement.denied or meant is Standing.DENIED)
        tried: set[str] = set()
        for candidate in _candidates(payload):
            if candidate in tried:
                continue
            tried.add(candidate)
            if left == 0:
                return
            left -= 1
            yield weighed, candidate


def _after(text: str, statement: _Statement, candidate: str, ended: int) -> str:
    """What follows the candidate in the text."""
    place = text.find(candidate, statement.payload, ended)
    return text[place + len(candidate) if place >= 0 else statement.payload : ended]


def _failed(text: str, statements: list[_Statement], ended: int, truncated: bool) -> Reply:
    reasoning = _reasoning(text[: statements[-1].start]) if statements else text.strip()
    if truncated and (not statements or ended == len(text)):
        return Reply(reasoning, None, Parse.TRUNCATED, "cut at the token limit before the answer was complete")
    if statements:
        payload = text[statements[-1].payload : ended].strip()
        shown = " ".join(payload[:60].split())
        return Reply(reasoning, None, Parse.BAD_ANSWER, f"{shown!r} states no answer of the task's kind for sure")
    if refuses(text):
        return Reply(reasoning, None, Parse.REFUSED, "the model refuses")
    return Reply(reasoning, None, Parse.NO_ANSWER, "no sentence states an answer")


def refuses(text: str) -> bool:
    """Whether a text that gives no answer begins as a refusal."""
    return _REFUSAL.search(text[:400].replace("’", "'")) is not None


def _segment_end(text: str) -> int:
    """Where the search ends: at the first invented question after a statement of an answer."""
    begun = max(0, len(text) - MAX_SEARCHED)
    first = _first_statement(text, begun)
    for match in _NEXT_QUESTION.finditer(text, begun):
        if first is not None and first < match.start():
            return match.start()
    return len(text)


def _first_statement(text: str, begun: int) -> int | None:
    found = [match.start() for match in (_STATEMENT.search(text, begun), BOX.search(text, begun)) if match]
    return min(found, default=None)


def _statements(text: str, ended: int) -> list[_Statement]:
    """The last statements of an answer, in order; a box inside a worded statement is part of that."""
    begun = max(0, ended - MAX_SEARCHED)
    worded = deque(_STATEMENT.finditer(text, begun, ended), MAX_STATEMENTS)
    found = [_Statement(match.start(), match.start(), match.end(), match["denied"] is not None) for match in worded]
    for match in deque(BOX.finditer(text, begun, ended), MAX_STATEMENTS):
        if not any(0 <= match.start() - statement.end() <= 12 for statement in worded):
            found.append(_Statement(_sentence_start(text, match.start()), match.start(), match.start()))
    return sorted(found, key=lambda statement: statement.payload)


def _sentence_start(text: str, position: int) -> int:
    window = max(0, position - 400)
    before = text[window:position]
    ends = [before.rfind(mark) + len(mark) for mark in ("\n", ". ", "! ", "? ") if mark in before]
    return window + max(ends, default=0)


def _is_cut(payload: str) -> bool:
    """Whether a statement at the very end of a cut reply may be incomplete: `The answer is 4` of `42.`"""
    line = payload.strip(" \t*")
    return not re.search(r"[.!?\n}]", line.lstrip()[-3:] if line else "") and "\n" not in line.strip("\n")


def _candidates(payload: str) -> Iterator[str]:
    """Possible answers, the longest first: lines up to a blank one, a sentence, the line, shorter cuts."""
    block = payload.lstrip(" \t*_:\n").split("\n\n", 1)[0].rstrip()
    if not block:
        return
    box = content_of_box(block)
    if box is not None:
        yield box
    line = block.split("\n", 1)[0].strip()
    if "\n" in block and not line.rstrip("*_").endswith((".", "!", "?")):
        yield block
    sentence = _sentence(line)
    yield sentence.rstrip("*_ ").removesuffix(".").strip()
    if sentence != line:
        yield line.rstrip("*_ ").removesuffix(".").strip()
    seen: set[str] = set()
    for match in list(_CUT.finditer(line[:400]))[:6]:
        short = line[: match.start()].strip(" *_")
        if short and short not in seen and short.count("(") == short.count(")"):
            seen.add(short)
            yield short


def _sentence(line: str) -> str:
    """The first sentence of a line; a point inside a number or after an abbreviation does not end it."""
    for match in _SENTENCE_END.finditer(line, 0, MAX_SENTENCE):
        if not _ABBREVIATION.search(line[max(0, match.start() - 8) : match.start() + 1]):
            return line[: match.end()]
    return line


def _reasoning(text: str) -> str:
    """The text before the statement, without the word that leads to it ("so", "therefore")."""
    reasoning = text.rstrip(" \t\n*_#")
    bare = reasoning
    for _ in range(3):
        tail = bare[-40:]
        shorter = _CONNECTIVE.sub("", tail)
        if shorter == tail:
            break
        bare = (bare[:-40] + shorter if len(bare) > 40 else shorter).rstrip(" \t\n*_#,:;")
    if bare != reasoning and bare and (bare[-1].isalnum() or bare[-1] in ")%$"):
        bare += "."
    return bare.strip()
