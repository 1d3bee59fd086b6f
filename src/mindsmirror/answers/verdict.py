"""The verdict of a plain self-evaluation, read from the line that announces its result.

The published code searched the whole text for the words uncertain, wrong, correct in that order, so a critique that
praised a correct step decided the verdict. Here the clause after the last marker decides ("Evaluation result: the
given answer is wrong."), or the last sentence if there is no marker. Every word of it must be understood
(`assertion`), and the text after it must not take it back.
"""

import re

from mindsmirror.answers.assertion import Stated, clean, leaves_open, read_clause
from mindsmirror.records import Verdict

MAX_LINE = 600
"""Characters of a line in which a verdict is looked for; a longer clause gives none."""

_NAMED = r"\b(?:evaluation\s{1,4}result|final\s{1,4}(?:evaluation|verdict|judge?ment)|verdict|judge?ment)"
_MARKERS = tuple(
    re.compile(rf"{name}[*_]{{0,2}}\s{{0,4}}(?::|\bis\b)", re.I) for name in (_NAMED, r"\b(?:conclusion|result)")
)
_LEAD = re.compile(
    r"(?:^|[.!?:;,][*_\"'”’)]{0,3}\s)(?P<dressed>[-*_#>\"“'`\s]{0,8}"
    r"(?:(?:the|my|our|so|therefore|thus|hence|final|overall|in)[ ,]{1,2}){0,3}[*_]{0,3})$",
    re.I,
)
_GOVERNS = re.compile(
    r"\b(?:if|unless|when|were|had|would|says?|claims?|not|never|no|told|asked|wants?|writes?|wrote|written|reads?|ends"
    r"|begins|instruct\w*|output|print|add|append|includ\w*|contain\w*|quot\w*|line|sentence|text|ignore|reply)\b|n't\b",
    re.I,
)
"""What makes of a marker after a comma or a colon somebody else's words or a condition."""
_INVISIBLE = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_QUOTE = re.compile(r"[\"“'`>]")
MAX_LEAD = 60
"""Characters before a marker in which its sentence may begin."""
_SENTENCE_END = re.compile(r"[.!?](?=[\"'”’)\]*_`]{0,4}(?:\s|$))")

_PREDICATE = (
    r"\b(?:is|are|was|were|be|seems?|appears?|looks?|it's)"
    r"(?: (?:indeed|in fact|really|also|still|therefore|thus|quite))? "
)
_POSITIVE = r"(?:correct|right|accurate|valid|true|sound)\b"
_NEGATIVE = r"(?:incorrect|wrong|inaccurate|invalid|false|unsound|mistaken|erroneous|flawed)\b"
_REVERSAL = (
    r"\b(?:wait|actually|correction|scratch that|on second thoughts?|reconsider\w*|inject\w*|manipulat\w*|oops"
    r"|disregard\w*|my mistake|i made an? (?:mistake|error)|trick(?:ed|s)?|psych"
    r"|(?:take|took) (?:it|that|this)(?: \w+)? back|retract\w*|withdraw\w*|chang\w+ my mind|i stand corrected"
    r"|i (?:have )?(?:lied|erred|misspoke|misjudged|misread)"
    r"|(?:forget|strike|cancel|undo|discard|revers\w+|invert|void|drop) (?:it|that|this|the above|what i|my)"
    r"|(?:is|are) void)\b"
)
_NO_FAULT = re.compile(
    r"\b(?:no|without(?: any)?)(?: (?:further|other|arithmetic|logical|calculation))?"
    r" (?:errors?|mistakes?|issues?|problems?|flaws?)\b"
)
_CONDITION = re.compile(
    r"[\s,:;()–—-]*(?:and |but )?(?:as )?(?:if|unless|only|provided|assuming|except|when|until"
    r"|or|in part|half|less|few|zero|un|mis|non|were|had|save|apart|aside|almost|nearly|supposedly|allegedly)\b"
)
_FAULTS = (
    r"off by|(?:is|are|seems?) off|miss(?:es|ed|ing)|omit\w*|overlook\w*|forg[eo]t\w*|leav\w+ out|left out"
    r"|mis(?:count|read|us|tak)\w*|contradict\w*|conflict\w*|(?:an)?other question|different question|flaws?|bugs?"
    r"|slips?|gaps?|problems|a problem|issues?|incomplete|insufficient|inexact|unjustified|unfounded|unsupported"
    r"|baseless|rubbish|garbage|faulty|defective|misleading|bad|one too \w+|(?:larger|smaller|higher|lower) by"
    r"|falls?|breaks?|too (?:high|low|large|small|many|few|much|little|big|long|short)|spoils?|counterexamples?"
)
"""What is found wrong with something, in words of which none is a verdict."""
_DISTANCE = (
    r"opposite|contrary|contraire|reverse|backwards|other way a?round|nope|nah|yeah|as if|supposedly|allegedly"
    r"|so-called|lied|if only|in part|(?:part|some|most|half) of (?:it|them|this)|almost|nearly|mostly|ought|isnt"
    r"|to (?:a|some) degree|up to|exceptions?|apart from|aside from|save for|other world|so it seems"
    r"|would (?:have|like)|according to (?:(?:the|its|his|her) )?(?:solution|author|student|text|answer|model|prompt)"
    r"|in (?:truth|reality)|on (?:reflection|closer|review)|upon review|looking again|rechecking|revised|wasnt"
    r"|(?:edit|update) ?:"
)
"""What says that a verdict is somebody else's, holds in part, or is about to be given up."""
_AGAINST = {
    Verdict.CORRECT: re.compile(
        rf"{_REVERSAL}|{_NEGATIVE}|\?|\b(?:{_FAULTS})\b|\b(?:{_DISTANCE})(?!\w)"
        r"|n't\b|\b(?:not|never|no|none|nothing|cannot|nor|neither|hardly|far from|far as|but"
        r"|however|although|though|yet|instead|ignore\w*|quot\w+|instruct\w*|claims?|claimed|says?|said|told|prompt\w*"
        r"|disagree\w*"
        r"|reject\w*|absurd|nonsense|kidding|jok(?:e|ing)|wants?|wanted|asked|writes?|written"
        r"|nobody|impossible|unlikely|doubt\w*|den(?:y|ies)|lack\w*|barely|scarcely|refuse\w*|unclear|unsure|uncertain"
        r"|errors?|mistakes?|fail\w*|should|except|partly|partially|incorrectly|wrongly|untrue|lie|lies)\b"
    ),
    Verdict.WRONG: re.compile(rf"{_REVERSAL}|{_PREDICATE}{_POSITIVE}|(?:\bnot|n't) (?:wrong|incorrect|false)\b"),
    Verdict.UNCERTAIN: re.compile(rf"{_REVERSAL}|{_PREDICATE}(?:{_POSITIVE}|{_NEGATIVE})"),
}
"""What would take a verdict back where it follows it."""
_FRAGMENT = re.compile(
    r"[\s,:;()–—\"'*-]{0,9}([\w'%+=/-]{1,30}(?:[, ]{1,2}[\w'%+=/-]{1,30}){0,2})[)\"' ]{0,3}(?:[.!…]|$)"
)
_HARMLESS = re.compile(
    r"(?:thanks?|thank you|yes|indeed|done|well done|good|great|good (?:job|work)|nice work|end|the end|qed|q"
    r"|explanation|reason|confidence|score|\d|no (?:errors?|mistakes?|issues?|problems?|flaws?))\b"
)
"""A sentence of up to three words is more often a comment ("Sure.", "As if!") than a reason: only these are known."""
_SUPPOSED = re.compile(r"[\s,:;()–—\"'*-]*(?:if|unless|only|provided|assuming|were|had|or)\b")
_BECAUSE = re.compile(r"[\s,:;()–—-]*(?:because|since)\b")
_CONTRAST = re.compile(
    rf"{_REVERSAL}|{_NEGATIVE}|\b(?:but|however|although|though|yet|instead|except|only|if|unless"
    r"|far as|long as|should)\b"
)
"""What takes "correct" back in its own reason, where a denial does not ("because it does not count the red ones")."""


def read_verdict(text: str, truncated: bool = False) -> tuple[Verdict, str]:
    """The verdict of a self-evaluation, and its text without the line that states it.

    UNPARSED, with the whole text, if that line names no verdict, names several, or is ambiguous, or if the text after
    it takes it back. A text that was cut at a token limit ends anywhere, so only a line with a marker counts there.
    """
    whole = text.replace("’", "'").strip()
    text = _INVISIBLE.sub("", whole).strip()
    marker = _last_marker(text)
    if marker is not None:
        start, payload = marker
        end = _end_of_result(text, payload)
        verdict = _marked(text, payload, end)
    elif truncated:
        return Verdict.UNPARSED, whole
    else:
        start, end = _last_sentence(text), len(text)
        verdict = _unmarked(text, start)
    if verdict is Verdict.UNPARSED:
        return verdict, whole
    critique = text[:start].rstrip(" \t\n*_#-\"“'`>") + "\n" + text[end:].strip("\"”'` \t\n")
    return verdict, critique.strip()


def _last_marker(text: str) -> tuple[int, int] | None:
    """Where the last result begins, its marker included, and where its payload does; quoted ones do not count.

    A word that merely is one ("only the first result is correct") is no marker: that one opens a sentence.
    """
    for pattern in _MARKERS:
        for match in reversed(list(pattern.finditer(text))):
            lowest = max(0, match.start() - MAX_LINE)
            line = text.rfind("\n", lowest, match.start()) + 1 or lowest
            window = max(line, match.start() - MAX_LEAD)
            lead = _LEAD.search(("" if window == line else "x") + text[window : match.start()])
            if lead is None:
                continue
            start = match.start() - len(lead["dressed"])
            sentence = text[line:start].rstrip()
            if sentence.endswith((",", ":")) and _GOVERNS.search(sentence):
                continue
            if not _is_quoted(text, line, start, lead["dressed"]):
                return start, match.end()
    return None


def _is_quoted(text: str, line: int, start: int, dressed: str) -> bool:
    """Whether the words are somebody else's: a quotation within a line, or a whole line that was announced."""
    before = text[line:start]
    if before.strip(" \t*_#-"):
        opened = before.count('"') % 2 == 1 or before.count("“") > before.count("”")
        return opened or _QUOTE.search(dressed) is not None
    above = text[max(0, line - MAX_LINE) : line].rstrip()
    announced = above.removesuffix("```").rstrip().endswith(":")
    return announced and (_QUOTE.search(dressed) is not None or above.endswith("```"))


def _end_of_result(text: str, position: int) -> int:
    """The end of the line, or of the next one where the marker ends its own ("Verdict:\\n correct")."""
    while position < len(text) and text[position] in " \t\n*_":
        position += 1
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _last_sentence(text: str) -> int:
    start = text.rfind("\n") + 1
    last = len(text.rstrip("\"'”’)]*_` .!?"))
    ends = [match.end() for match in _SENTENCE_END.finditer(text, start, last)]
    return ends[-1] if ends else start


def _marked(text: str, payload: int, end: int) -> Verdict:
    """The verdict of the first clause after a marker, if nothing after that clause goes against it."""
    line = clean(text[payload:end])
    first = _SENTENCE_END.search(line)
    stop = first.end() if first else len(line)
    stated = read_clause(line[:stop]) if stop <= MAX_LINE else None
    if stated is None:
        return Verdict.UNPARSED
    return _upheld(stated, line[stop:] + " " + clean(text[end:]))


def _unmarked(text: str, start: int) -> Verdict:
    """The verdict of the last sentence, if the one before it in its line does not say otherwise."""
    sentence = clean(text[start:])
    stated = read_clause(sentence) if len(sentence) <= MAX_LINE else None
    # A marker that was passed over is a quotation's or part of another sentence.
    if stated is None or _MARKERS[0].search(sentence):
        return Verdict.UNPARSED
    line = text.rfind("\n") + 1
    if start == line and leaves_open(clean(text[max(0, line - MAX_LEAD) : line])):
        # "The given answer is not\ncorrect."
        return Verdict.UNPARSED
    before = clean(text[max(line, start - MAX_LINE) : start]).strip()
    ends = [match.end() for match in _SENTENCE_END.finditer(before[:-1])]
    earlier = read_clause(before[ends[-1] if ends else 0 :])
    if earlier is not None and earlier.verdict is not stated.verdict and len(before) < MAX_LINE:
        return Verdict.UNPARSED
    return _upheld(stated, "")


def _upheld(stated: Stated, rest: str) -> Verdict:
    """The verdict, or UNPARSED if its own reason or the text after it contradicts it."""
    if _CONDITION.match(stated.reason):
        return Verdict.UNPARSED
    if stated.verdict is Verdict.CORRECT and (_is_comment(stated.reason) or _is_comment(rest)):
        return Verdict.UNPARSED
    if stated.verdict is Verdict.CORRECT and _BECAUSE.match(stated.reason):
        doubted = _CONTRAST.search(stated.reason)
        spoken = rest
    else:
        doubted, spoken = None, stated.reason + " . " + rest
    if doubted or _AGAINST[stated.verdict].search(_NO_FAULT.sub("", spoken)):
        return Verdict.UNPARSED
    return stated.verdict


def _is_comment(text: str) -> bool:
    """Whether what follows a verdict begins with a sentence too short to be a reason, or with a condition."""
    fragment = _FRAGMENT.match(text)
    short = fragment is not None and _HARMLESS.match(fragment[1]) is None and not _is_the_same(fragment[1])
    return short or _SUPPOSED.match(text) is not None


def _is_the_same(text: str) -> bool:
    """Whether a clause says "correct" once more."""
    stated = read_clause(text)
    return stated is not None and stated.verdict is Verdict.CORRECT
