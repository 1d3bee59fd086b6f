"""One clause read as a verdict: `the given answer is not correct`, `it cannot be determined whether it is right`.

Every word of a clause gets a sign for its role. The signs up to the word of the verdict must follow one of a few
patterns. Any other clause ("anything but correct", "correct if it were 5") gives no verdict, because a verdict that is
read the wrong way round teaches the opposite of what was said.
"""

import re
import unicodedata
from typing import NamedTuple

from mindsmirror.records import Verdict

MAX_WORDS = 60
"""Words and signs before the word of the verdict; after more, no clause is read."""

_PARTS = {
    "P": "correct right accurate valid true sound",
    "N": "incorrect wrong inaccurate invalid false unsound mistaken erroneous flawed untrue",
    "U": "uncertain unsure unclear undecided undetermined inconclusive unknown",
    "a": "incorrectly wrongly inaccurately mistakenly erroneously",
    # Of the subject: what stands before a noun or for it, the noun, and what joins a noun to words of its own.
    "d": "the a an this these those it they both all each every given provided proposed stated final whole entire "
    "above your my our his her its their",
    "n": "answer answers solution response result results reasoning rationale explanation calculation calculations "
    "equation expression logic steps conclusion statement claim approach method process work working computation "
    "arithmetic argument choice option verdict evaluation student's model's",
    "p": "of for in with from on by at question problem",
    # Before the subject, and between it and the verdict.
    "l": "that agree so therefore thus hence consequently overall finally then and i we believe think conclude judge "
    "find consider deem can means follows yes",
    "q": "no",
    "e": "which",
    "v": "is are was were am seems appears looks remains it's that's they're i'm we're",
    "V": "isn't aren't wasn't weren't ain't",
    "x": "does do did could",
    "X": "doesn't don't didn't cannot can't cant couldn't",
    "b": "be seem appear look",
    "t": "to being considered deemed judged found been has have proven rated marked",
    "k": "as",
    "!": "not never",
    # What strengthens: all of it, in what respect, how surely. Only the first two keep their sense after "not".
    "w": "completely fully entirely totally absolutely perfectly quite",
    "m": "mathematically logically factually numerically arithmetically actually really indeed",
    "s": "also clearly definitely certainly obviously simply still evidently plainly very",
    # Of what is not known.
    "y": "sure certain clear possible able",
    "i": "unable impossible hard difficult",
    "T": "determine determined decide decided judged tell told verify verified say said evaluate evaluated assess "
    "assessed establish established confirm confirmed",
    "h": "whether if",
    # After the verdict.
    "g": "complete consistent logical well-reasoned here too one",
    "r": "because since given based considering due according",
    # What may turn the sense of a subject: of these no clause is read.
    "z": "neither nor none nothing nobody without hardly barely scarcely rarely seldom far except unless but however "
    "although though yet only few little less anything doubt doubtful doubts deny denies denied refuse refuses fail "
    "fails failed believes thinks claims claimed says assume assumes suppose supposing suggests would should may might "
    "must wish hope pretend pretends calls call called first second third last part parts partly half some most why "
    "how what when until who insists ignore instruct instructs tells wrote writes reads unlikely fool absurd nonsense "
    "opposite lack mostly almost nearly somewhat partially "
    "supposedly allegedly purportedly reportedly ostensibly nominally superficially seemingly apparently presumably "
    "possibly perhaps maybe probably arguably theoretically sometimes occasionally once formerly previously otherwise "
    "falsely isnt wasnt arent dont doesnt wont couldnt wouldnt reverse contrary so-called would-be pseudo quasi semi "
    "fake sham bogus lacking lacks minus no-one noone nowhere void instead",
}
_SIGN = {word: sign for sign, words in reversed(_PARTS.items()) for word in words.split()}
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+){0,8}|\S")
_SPACES = re.compile(r"[^\S\n]{2,}")
_PHRASES = (
    (re.compile(r"\b(in|un)-(?=(?:correct|accurate|valid|sound|true)\b)"), r"\1"),
    (re.compile(r"\b(?:not|non)-(?=[a-z])"), "not "),
    (re.compile(r"\bcan not\b"), "cannot"),
    (re.compile(r"\bfar from (?:being )?(?=(?:correct|right|accurate|valid|true|sound)\b)"), "not "),
    (re.compile(r"\b100\s?%"), "fully"),
    (re.compile(r"\b(?:all|both|each) of (?=(?:the|these|its)\b)"), ""),
    (re.compile(r"\bi(?: would|'d) say\b"), "i think"),
    # What is wrong in part is wrong; what is right in part is not right.
    (re.compile(r"\b(?:partially|partly|mostly|somewhat) (?=(?:incorrect|wrong|inaccurate|flawed|invalid)\b)"), ""),
    (re.compile(r"\bat all\b"), "really"),
    (
        re.compile(r"\b(?:in (?:conclusion|summary|short)|to (?:conclude|summarize)|as a result|for this reason)\b"),
        "so",
    ),
    (re.compile(r"s' "), "s "),
    (re.compile(r"\\(?:boxed|text|textbf|mathrm)\b"), " "),
)
_LED_BY = re.compile(
    r"\s*(?:(?:so|therefore|thus|hence),? )?(?:based on|upon|after|according to|since|because|given|as|considering"
    r"|with|by|from) [^,;:.\"“]{1,160}, |[^,;:.\"“]{1,160}, (?=(?:so|therefore|thus|hence|which means)\b)"
)
"""What comes before the sentence proper and decides nothing: "Based on the steps above, …", "It adds, so …"."""
_REPORTED = re.compile(
    r"\b(?:if|unless|suppos\w{1,4}|says?|said|claim(?:s|ed)?|thinks?|believes?|argues?|ask(?:s|ed)?|writes?|cannot|can't"
    r"|(?:in)?correct|right|wrong|(?:in)?valid|(?:in)?accurate|(?:un)?true|false|sure|certain|uncertain|unclear"
    r"|nothing|nobody|neither|nor|doubt|only|hardly|impossible|refuse|deny)\b"
)
"""What such a clause must not hold: somebody else's words, a condition, a verdict of its own."""
_MARKS = {Verdict.CORRECT: re.compile("[✅✔✓☑]"), Verdict.WRONG: re.compile("[❌✗✘✖]")}
"""Marks that repeat a verdict; one that belies it leaves none."""
_QUOTES = frozenset("\"'`“”«»")
_SILENT = _QUOTES | frozenset("[]{}<>$\\.!")
_PAUSES = frozenset(",:;–—-()")
_ARITHMETIC = frozenset("+*/^=%×÷")

_VERB = "(?:v|V|Xb|x!b)"
_OWN = f"(?:[plt][o0dnp]{{1,12}}|0{{1,20}}|[o0]{{1,4}})(?={_VERB})"
_SUBJECT = f"(?:[dln]*|[dln]*n{_OWN}|0{{1,20}}(?={_VERB})|[dln]*nv[o0]{{1,12}}e(?={_VERB}))"
_STATED = re.compile(f"(?P<no>q?){_SUBJECT}(?P<verb>{_VERB}?)(?P<before>[swmdltkb]*)(?P<deny>!?)(?P<between>[wmdtkb]*)")
_MORE = re.compile(r"[cl]*[dn]*v?(?P<deny>!?)[wms]*(?P<word>[PN])(?!n)")
_LEFT = re.compile(r"(?:[ndpgyt]|l(?=[gynd]))*(?=[rkcl]|$)")
_UNSURE = re.compile(r"[dlnp0]*(?:v?[smwl]*U|v?[sml]*![smw]*y(?:tT)?|(?:Xb?|x!b?|v?it)T)(?=$|h|[dnpkrlt](?!.*[PNz]))")
_HENCE = re.compile(r"\b(?:so|hence|therefore|thus|but|because)\b")


class Stated(NamedTuple):
    """What a clause says, and the words after that: the reason that it gives."""

    verdict: Verdict
    reason: str


def clean(text: str) -> str:
    """`text` in lower case, without emphasis and invisible characters, with plain apostrophes and hyphens."""
    text = unicodedata.normalize("NFKC", text)
    kept = "".join(c for c in text if unicodedata.category(c) != "Cf")
    dropped = dict.fromkeys(map(ord, "*_`#"))
    kept = _SPACES.sub(" ", kept)
    return kept.translate(dropped | dict.fromkeys(map(ord, "’‘ʼ"), "'") | {0x2010: "-", 0x2011: "-"}).casefold()


def leaves_open(clause: str) -> bool:
    """Whether the last word of a cleaned clause calls for more: a verb, a denial, an article."""
    found = _WORD.findall(clause)
    return bool(found) and found[-1][0].isalnum() and _sign(found[-1]) in "dvVxXbt!kqhez"


def read_clause(clause: str) -> Stated | None:
    """The verdict that a cleaned clause states, None if it states none or cannot be read surely."""
    marked = {verdict for verdict, mark in _MARKS.items() if mark.search(clause)}
    for mark in _MARKS.values():
        clause = mark.sub("", clause)
    stated = _read(clause)
    return stated if stated is not None and marked <= {stated.verdict} else None


def _read(clause: str) -> Stated | None:
    led = _LED_BY.match(clause)
    clause = clause[led.end() :] if led and not _REPORTED.search(led.group()) else clause
    for pattern, replacement in _PHRASES:
        clause = pattern.sub(replacement, clause)
    found = _WORD.findall(clause)
    words = [word for word in found if word not in _SILENT]
    signs = "".join(map(_sign, words))
    first = re.search("[PNUaTy]", signs)
    if first is None or first.start() > MAX_WORDS or _within_a_quotation(found, words[first.start()]):
        return None
    if _UNSURE.match(signs.replace("c", "")):
        return None if _HENCE.search(" ".join(words[first.start() :])) else Stated(Verdict.UNCERTAIN, "")
    return _stated(signs, words)


def _sign(word: str) -> str:
    if word in _SIGN:
        return _SIGN[word]
    if word in _PAUSES:
        return "c"
    if word.endswith("'s"):
        return "d" if _SIGN.get(word[:-2], "d") in "dn" else "z"
    if word[0].isdecimal() or word in _ARITHMETIC:
        return "0"
    return "o" if word[0].isalnum() else "z"


def _within_a_quotation(found: list[str], word: str) -> bool:
    """Whether the word is in a quotation that began within the clause, so that somebody else says it."""
    before = found[: found.index(word)]
    return sum(sign in _QUOTES for sign in before) % 2 == 1 and any(sign.isalnum() for sign in before[:1])


def _stated(signs: str, words: list[str]) -> Stated | None:
    """The verdict of the first word that is one; other verdicts beside it must agree."""
    word = re.search("[PNa]", signs)
    if word is None:
        return None
    before = _after_colon(signs[: word.start()], words)
    found = None if before is None else _STATED.fullmatch(before)
    if before is None or found is None:
        return None
    verdict = _turned(word.group(), found)
    if verdict is None or (found["no"] and verdict is Verdict.CORRECT):
        return None
    end = word.end()
    if word.group() == "a":
        return Stated(verdict, " ".join(words[end:])) if not found["verb"] and before.endswith("n") else None
    while more := _MORE.match(signs, end):
        if ((more["word"] == "P") != bool(more["deny"])) != (verdict is Verdict.CORRECT):
            return None
        end = more.end()
    left = _LEFT.match(signs, end)
    if left is None or (not found["verb"] and _is_other_use(words, word.start(), left)):
        return None
    if signs[left.end() : left.end() + 1] == "l" and words[left.end()] != "and":
        return None
    return Stated(verdict, " ".join(words[left.end() :]))


def _after_colon(signs: str, words: list[str]) -> str | None:
    """The signs after the last colon, without pauses; None if what stands before it is more than a heading."""
    colons = [place for place, word in enumerate(words[: len(signs)]) if word == ":"]
    start = colons[-1] + 1 if colons else 0
    if re.fullmatch("[dlnpvkc]*", signs[:start]) is None:
        return None
    return signs[start:].replace("c", "")


def _is_other_use(words: list[str], place: int, left: re.Match[str]) -> bool:
    """Whether a word without a verb is no verdict: "the correct answer", "correct answer: 42", "correct the answer"."""
    before = words[place - 1] if place else ""
    rest = words[left.end() :]
    described = _sign(before) == "d" if before else False
    counted = rest[:1] == [":"] and rest[1:] != [] and _sign(rest[1]) == "0"
    return described or before == "to" or "d" in left.group() or ("n" in left.group() and bool(rest)) or counted


def _turned(word: str, found: re.Match[str]) -> Verdict | None:
    """The verdict of a word with its denials; None where a denial leaves open what is meant."""
    denials = (found["verb"] not in ("", "v")) + bool(found["deny"])
    if denials == 0:
        return Verdict.CORRECT if word == "P" else Verdict.WRONG
    if denials > 1 or word == "a":
        return None
    if word == "P":
        # "isn't clearly correct" doubts the clearness only.
        return Verdict.WRONG if found["deny"] or "s" not in found["before"] else None
    plain = found["verb"] in ("", "v", "V") and not re.search("[swtkb]", found["before"] + found["between"])
    return Verdict.CORRECT if plain else None
