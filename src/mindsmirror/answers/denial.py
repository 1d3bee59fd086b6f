"""Words by which a text denies, turns or only supposes what it names: `anything but bank`, `42 is wrong`, `yes if`."""

import re

_DENIAL = re.compile(
    r"\b(?:not|never|neither|nor|none|nothing|nobody|cannot|without|hardly|barely|scarcely|rarely|seldom|except|unless"
    r"|(?:any|every)(?:thing|one|where)? but|all but|far from|nowhere near|rather than|instead of|other than|opposite"
    r"|unlikely|doubt\w{0,8}|den(?:y|ies|ied)|exclud\w{1,4}|rul(?:e|es|ed|ing) out|lack(?:s|ing)?|absence|if"
    r"|fail(?:s|ed)?|wrong|incorrect|mistaken|untrue|cant|dont|doesnt|isnt|wasnt|arent|wouldnt)\b|n['’]t\b",
    re.I,
)


def denies(text: str) -> bool:
    """Whether a word of denial or condition stands in the text, whatever it belongs to."""
    return _DENIAL.search(text) is not None
