"""Questions of reasoning-gym without the instructions that would suppress a rationale.

"Give only the GCD as your final answer." keeps a teacher from thinking aloud. This module removes sentences that only
suppress. A sentence that also describes the form of the answer stays and loses its "only".
"""

import re

_OPENING = r"(?:(?<=[.?!:)\n])|\A)[ \t]*(?:(?:\d{1,2}\.|[-*•])[ \t]+)?"
_REST = r"(?:[^.\n?!]|\.(?=\d|,|(?-i:[a-z])))*(?:[.!]|(?=\n)|\Z)"
_VERBS = r"(?:provide|give|return|reply|respond|answer|output|report|write|state|submit)"
_LIMIT = r"\b(?:only|just|(?:single|one) word|no other text|nothing else|no explanation)\b"
_SUPPRESSOR = re.compile(
    _OPENING
    + r"(?:"
    + rf"(?:please )?(?:only )?{_VERBS}(?=\s[^.\n?!]*{_LIMIT}){_REST}"
    + rf"|(?:please )?only {_VERBS}\b{_REST}"
    + rf"|your (?:final )?(?:output|answer|response) should (?:only|just)\b{_REST}"
    + rf"|your (?:final )?(?:output|answer|response) should be (?:only|just)\b{_REST}"
    + rf"|do not (?:include|add|give|write|provide) (?:any )?(?:other text|explanations?|additional text)\b{_REST}"
    + r"|(?:please )?(?:answer|reply|respond) with (?:yes or no|a number|true or false)\."
    + r"|\((?:answer|reply|respond) (?:with )?(?:yes or no|true or false)\)\.?"
    + r")",
    re.I,
)
_NO_OTHER = re.compile(r",? (?:and )?(?:no other text|nothing else|no explanations?)(?: or formatting)?", re.I)
_FORM = re.compile(r",|format|separat|hexi?a?decimal|json|following|exactly as", re.I)
_ONLY = re.compile(r"\b(?:only|just) ", re.I)
_STATE = re.compile(r"\AState the final answer to the following arithmetic problem")


def without_suppressors(question: str) -> str:
    """The question stripped, without sentences such as "Answer with a single word."."""
    text = _STATE.sub("Solve the following arithmetic problem", question.strip())
    text = _SUPPRESSOR.sub(_softened, text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() or question.strip()


def _softened(match: re.Match[str]) -> str:
    sentence = _NO_OTHER.sub("", match.group())
    if not _FORM.search(sentence) or re.search(r"do not|yes or no", sentence, re.I):
        return ""
    softened = _ONLY.sub("", sentence)
    start = len(softened) - len(softened.lstrip())
    return softened[:start] + softened[start : start + 1].upper() + softened[start + 1 :]
