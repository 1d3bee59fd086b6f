"""Whether a sentence that names an answer states it: "I don't think the answer is 42" and "if the answer is 42" do not.

Words before a statement, in its own clause, say how it is meant. A sentence after it can take it back.
"""

import re
from enum import Enum

MAX_CLAUSE = 200
"""Characters before a statement in which what governs it is looked for."""
MAX_AFTER = 2000
"""Characters after a statement in which it may be taken back."""


class Standing(Enum):
    """How a statement is meant."""

    STATED = "stated"
    DENIED = "denied"
    SUPPOSED = "supposed"
    """Of somebody else's words, of a condition, of a question."""


_CLAUSE_START = re.compile(
    r"[.!?;:,\n][\"'”’)*_]{0,3}\s|\n|\b(?:so|therefore|thus|hence|then|because|since|and|(?<!thing )but)\s", re.I
)
_SENTENCE_START = re.compile(r"[.!?][\"'”’)*_]{0,3}\s|\n")
_BOUND = re.compile(r"[\s,*_]{0,4}(?:that|whether|if)?[\s,:*_]{0,4}[\"“']?[\s*_]{0,4}", re.I)
_DENIED = re.compile(
    r"\b(?:not|never|cannot|doubt\w{0,8}|den(?:y|ies|ied)|neither|nor|nobody|hardly|wrong|incorrect|false|untrue"
    r"|unlikely|impossible|mistaken|anything but|far from|except"
    r"|rather than|other than|no way|disagree\w{0,2}|refuse|dont|cant)\b|n['’]t\b",
    re.I,
)
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|suppos\w{1,4}|assum\w{1,4}|imagin\w{1,4}|pretend\w{0,3}|says?|said|claim(?:s|ed)?|thinks"
    r"|thought|believe[sd]|wrote|writes|insists|guess(?:es|ed)|(?:could|might|may) (?:be|have)|wish|hope|until|possible"
    r"|unclear|unsure|uncertain"
    r"|(?:they|people|some|many|one|you|others) (?:\w{1,10} )?(?:think|believe|guess|say|claim|expect))\b",
    re.I,
)
_TAKEN_BACK = re.compile(
    r"(?:^|[.!?]\s|\n)[\s*_]{0,4}(?:(?:wait|no|actually|but|however|hmm|oh)[\s,.!]{1,3}){0,3}"
    r"(?:(?:this|that|it|my answer|the answer|this answer|that answer|the above)(?:'s| is| was| must be| seems)"
    r"(?: \w{1,12})? (?:wrong|incorrect|false|mistaken|a mistake|an error)\b"
    r"|(?:this|that|it|my answer|the answer|this answer|that answer)(?:(?:'s| is| was) not|(?: is| was)n't)"
    r" (?:right|correct|true|it|the (?:right |correct )?answer)\b"
    r"|i (?:made|have made) an? (?:mistake|error)|i (?:was|am) (?:wrong|mistaken)|scratch that"
    r"|ignore (?:that|the above))"
    r"|^[\s,;:*_.!-]{0,6}(?:which )?(?:is|was)(?:n't| not)? (?:wrong|incorrect|right|correct|true|false)\b"
    r"|(?:^|[.!?]\s|\n)[\s*_]{0,4}(?:(?:hmm|wait|but)[\s,.]{1,3})?(?:(?:actually|correction|oops|no wait)\b|no, )"
    r"|(?:^|[.!?]\s|\n)[\s*_]{0,4}(?:this|that|it) (?:can't|cannot|can not|doesn't|does not)"
    r" (?:be|seem|look|sound) (?:right|correct|true)\b"
    r"|^[\s,;:*_.!-]{0,6}(?:but|though|although) (?:that|this|it)(?:'s| is|) ?(?:not|n't|wrong|incorrect|false"
    r"|isn't|can't|cannot)\b"
    r"|^[\s,;:*_.!-]{0,6}(?:but |though )?i (?:really )?doubt"
    r"|^[\s,;:*_(–—-]{0,6}(?:not|wrong|incorrect)\s?(?:[).!]|$)|^[\s,;:*_.-]{0,6}not[.!]",
    re.I,
)
_CLOSED = re.compile(r"[\s}\])$*_]{0,6}(?:\([^()\n]{0,80}\))?[\s}\])$*_]{0,6}")
"""What may end an answer before it is taken back: "\\boxed{42}, which is wrong", "12 (pens), which is wrong"."""
_RIGHT = re.compile(r"^[\s,;:*_.!-]{0,6}(?:which )?(?:is|was) (?:right|correct|true)\b", re.I)
_DECLINES = re.compile(
    r"[\s\"*_]{0,4}(?:(?:i'm|i am|we are|my|sorry|apologies|unfortunately|no|as an ai|i apologi[sz]e)\b"
    r"[^.!?\n]{0,80}?[,.;!]?\s)?(?:but )?(?:i|we) "
    r"(?:cannot|can't|can not|won't|will not|(?:am |are )?(?:unable|not able|not allowed) to"
    r"|must decline to|refuse to)"
    r" (?:help|assist|answer|comply|provide|solve|do|fulfil\w{0,3}|continue|complete|respond|engage|discuss)\b(?! but)"
    r"[^.!?\n,\"”]{0,80}[.!]|[\s\"*_]{0,4}i (?:refuse|decline)[.!]",
    re.I,
)

_NOT_YET = re.compile(
    r"\b(?:directly|without|until|unless|before|yet|at once|immediately|in (?:one|a single) (?:step|go))\b", re.I
)
"""`We cannot solve this directly.` begins a rationale and refuses nothing."""


def standing(text: str, start: int) -> Standing:
    """How the statement that begins at `start` is meant, by what stands before it in its clause."""
    before = text[max(0, start - MAX_CLAUSE) : start]
    clause = before[_last_end(_CLAUSE_START, before) :]
    if before[:1] and (clause.strip(" *_") or before.rstrip(" *_")[-1:] in "\"“'") and _BOUND.fullmatch(clause):
        # "I do not believe, however, that the answer is 42": the rest of the sentence governs the clause.
        clause = before[_last_end(_SENTENCE_START, before) :]
    clause = re.sub(r"\b(?:no|without(?: a| any)?|beyond) doubt\b|\bif not mistaken\b", "", clause, flags=re.I)
    if _DENIED.search(clause):
        return Standing.DENIED
    return Standing.SUPPOSED if _SUPPOSED.search(clause) else Standing.STATED


def taken_back(after: str) -> bool:
    """Whether the text after an answer says that it is none."""
    after = after[:MAX_AFTER].replace("’", "'")
    closed = _CLOSED.sub("", after, count=1)
    if closed.startswith("?"):
        return True
    return any(_TAKEN_BACK.search(text) and not _RIGHT.match(text) for text in (after, closed))


def declines(text: str) -> bool:
    """Whether a reply begins with a sentence that refuses, so that an answer after it is not the model's."""
    refusal = _DECLINES.match(text[:400].replace("’", "'"))
    return refusal is not None and not _NOT_YET.search(refusal.group())


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    ends = [match.end() for match in pattern.finditer(text)]
    return ends[-1] if ends else 0
