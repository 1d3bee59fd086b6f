"""From a conversation to the ids that a model of the hub reads: its own template and tokenizer, not its own code."""

from collections.abc import Sequence
from typing import Any

from mindsmirror.engines.base import Message


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The ids of a conversation up to where the reply begins; ValueError if the model's template refuses it."""
    turns = [{"role": m.role, "content": m.content} for m in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    # A template may raise whatever Python does.
    except Exception as error:
        raise ValueError(f"the model's chat template refuses this conversation: {error}") from error
    # The template has written the special tokens already.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def foreign_code(source: object) -> str:
    """What to say of a model that would run code of its own."""
    return (
        f"the model {source} brings code of its own, which is not run unless the recipe allows it. Look at that code, "
        "and if you trust it set trust_remote_code = true in parameters of its [[teacher]]."
    )
