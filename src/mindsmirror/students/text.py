"""What a student reads and writes: tags, and where question, rationale and tag stand.

A decoder-only student reads the tag after the question, so that all tasks of a question share its beginning, and
judges a rationale as the reply that it is (causal.py); an encoder-decoder reads the tag first and then all that is
shown, as in the papers (`predict: x`, `explain: x`). A student that was never trained
knows no tags: it is asked in words, or its baseline would be unfairly low.
"""

from typing import Any

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


def opening(tokenizer: Any, turn: str) -> str:
    """A conversation's first turn as a decoder-only student reads it, ready for the reply."""
    return conversation(tokenizer, ("user", turn)) if tokenizer.chat_template else f"{turn}\n"


def after_reply(tokenizer: Any, tag: Tag) -> str:
    """What follows a reply: its end, and the tag as a turn of its own, ready for the next reply."""
    if not tokenizer.chat_template:
        return f"\n\n{tag.value}\n"
    # How a template closes a reply and opens the next turn: what follows this reply in its text.
    mark = "the reply"
    talk = conversation(tokenizer, ("user", "?"), ("assistant", mark), ("user", tag.value))
    return talk.partition(mark)[2]


def prompt_text(tokenizer: Any, tag: Tag, question: str | None, rationale: str | None, *, encoder_decoder: bool) -> str:
    """All that a student reads, as one text with the special tokens of its chat template.

    A tokenizer that adds special tokens of its own (T5's end of sequence) adds them to it.
    """
    if encoder_decoder:
        return tagged(tag, question, rationale)
    if question is None or rationale is None:
        return opening(tokenizer, user_turn(tag, question, rationale))
    return opening(tokenizer, user_turn(Tag.EXPLAIN, question, None)) + rationale + after_reply(tokenizer, tag)


def conversation(tokenizer: Any, *turns: tuple[str, str]) -> str:
    """Turns, each a role and what it says, through the tokenizer's chat template, ready for the next reply."""
    said = [{"role": role, "content": text} for role, text in turns]
    text: str = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    return text
