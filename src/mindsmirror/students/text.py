"""What a student reads and writes: tags, and where question, rationale and tag stand.

A decoder-only student reads the tag after the question, so that all tasks of a question share its beginning, and
judges a rationale as the reply that it is (causal.py); an encoder-decoder reads the tag first and then all that is
shown, as in the papers (`predict: x`, `explain: x`). A student that was never trained
knows no tags: it is asked in words, or its baseline would be unfairly low.
"""

from mindsmirror.records import Tag

VERDICT_WORDS = ("correct", "wrong", "uncertain")

IN_WORDS = {
    Tag.PREDICT: 'Reply with one sentence and nothing else: "The answer is X.", where X is the answer.',
    Tag.EXPLAIN: 'Think step by step, then end with the sentence "The answer is X.", where X is the answer.',
    Tag.VERDICT: "Is this solution correct, wrong or uncertain? Reply with one word.",
    Tag.CRITIQUE: "Say in one sentence what is right or wrong with this solution.",
}


def body(question: str | None, rationale: str | None) -> str:
    """Question and rationale as far as they are shown."""
    return "\n\n".join(part for part in (question, rationale) if part is not None)


def user_turn(tag: Tag, question: str | None, rationale: str | None, in_words: bool = False) -> str:
    """What a decoder-only student is told."""
    return f"{body(question, rationale)}\n\n{IN_WORDS[tag] if in_words else tag.value}"


def tagged(tag: Tag, question: str | None, rationale: str | None, *, in_words: bool = False) -> str:
    """What an encoder-decoder student is told."""
    if in_words:
        return user_turn(tag, question, rationale, in_words=True)
    return f"{tag.value}: {body(question, rationale)}"
