"""The verdict of a plain judgement, read from its last line only.

The published code searched the whole judgement for the words uncertain, wrong, correct in that order, so
that a critique which praised a correct step decided. Here the line that announces the result speaks, and
"incorrect" or "not correct" never count as correct.
"""

import re

from mindsmirror.records import Verdict

MAX_LINE = 600

_MARKER = re.compile(
    r"\b(?:evaluation[ ]result|final[ ](?:evaluation|verdict|judge?ment)|verdict|judge?ment|conclusion|result)"
    r"[*_]{0,2}[ ]?(?::|\bis\b)",
    re.I,
)
_UNCERTAIN = re.compile(
    r"\b(?:uncertain|unsure|unclear|undecided|undetermined|inconclusive|unknown|not (?:sure|certain|clear)"
    r"|(?:cannot|can'?t|can not|unable to|impossible to|hard to|difficult to|not possible to) "
    r"(?:be )?(?:determined?|decided?|judged?|told|tell|verif(?:y|ied)|sa(?:y|id)|evaluated?))\b",
    re.I,
)
_POSITIVE = r"(?:correct|right|accurate|valid|true|sound)"
_NEGATIVE = r"(?:incorrect|wrong|inaccurate|invalid|false|unsound|mistaken|erroneous|flawed)"
_WORD = re.compile(
    r"(?P<no>\b(?:not|never|isn'?t|aren'?t|wasn'?t|nor|neither)\b(?:[ ](?:a|an|the|entirely|quite|fully|completely|"
    r"actually|really|mathematically|logically|at|all|be|considered|been)){0,3}[ ])?"
    rf"\b(?P<word>{_POSITIVE}|{_NEGATIVE})(?:ly)?\b",
    re.I,
)
_PARTLY = re.compile(rf"\b(?:partially|partly|half|mostly|somewhat|almost|nearly)[ -]{_POSITIVE}\b", re.I)


def read_verdict(text: str, truncated: bool = False) -> tuple[Verdict, str]:
    """The verdict of a judgement, and the judgement without the line that states it.

    UNPARSED, with the whole text, where that line names no verdict, or correct and wrong at once, or a
    "partially correct". The last line of a judgement that was cut at a token limit is not its result, so
    only one that announces itself counts there.
    """
    text = text.replace("’", "'").strip()
    if truncated and not _MARKER.search(text):
        return Verdict.UNPARSED, text
    start, end = _result_line(text)
    verdict = _verdict_of(text[start:end])
    if verdict is Verdict.UNPARSED:
        return verdict, text
    critique = text[:start].rstrip(" \t\n*_#-") + "\n" + text[end:].strip()
    return verdict, critique.strip()


def _result_line(text: str) -> tuple[int, int]:
    """Where the result stands: from the last marker to its line's end, else the last line's last sentence."""
    markers = list(_MARKER.finditer(text))
    for marker in reversed(markers[-4:]):
        end = _end_of_result(text, marker.end())
        if _verdict_of(text[marker.end() : end]) is not Verdict.UNPARSED or marker is markers[-1]:
            return _start_of_marked(text, marker.start()), end
    start = text.rfind("\n") + 1
    line = text[start:]
    sentences = [match.end() for match in re.finditer(r"[.!?] (?=\S)", line)]
    return start + (sentences[-1] if sentences else 0), len(text)


def _end_of_result(text: str, position: int) -> int:
    """The end of the line, or of the next one where the marker ends its own ("Verdict:\\n correct")."""
    while position < len(text) and text[position] in " \t\n*_":
        position += 1
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _start_of_marked(text: str, position: int) -> int:
    """Back over "The" and emphasis, so that nothing of the sentence is left behind."""
    line = max(text.rfind("\n", 0, position) + 1, position - 40)
    lead = re.search(
        r"(?:(?:^|(?<=[.!?]))\s*[*_#]{0,3}(?:(?:the|my|so|therefore|thus|final|overall|in)[ ,]{1,2}){0,3})$",
        text[line:position],
        re.I,
    )
    return line + lead.start() if lead else position


def _verdict_of(line: str) -> Verdict:
    """The verdict of the clause before "because", else of the whole line."""
    line = line[:MAX_LINE]
    verdict = _verdict_in(re.split(r"\b(?:because|since|as)\b", line, maxsplit=1, flags=re.I)[0])
    return _verdict_in(line) if verdict is Verdict.UNPARSED else verdict


def _verdict_in(clause: str) -> Verdict:
    if _UNCERTAIN.search(clause):
        return Verdict.UNCERTAIN
    if _PARTLY.search(clause):
        return Verdict.UNPARSED
    found = set()
    for match in _WORD.finditer(clause):
        positive = re.fullmatch(_POSITIVE, match["word"], re.I) is not None
        found.add(Verdict.CORRECT if positive != bool(match["no"]) else Verdict.WRONG)
    return found.pop() if len(found) == 1 else Verdict.UNPARSED
