"""From a conversation to the ids that a model of the hub reads: its own chat template, its own tokenizer."""

from collections.abc import Sequence
from typing import Any

from mindsmirror.engines.base import Message


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The ids of a conversation up to where the reply begins; ValueError if the model's template refuses it."""
    import jinja2

    turns = [{"role": m.role, "content": m.content} for m in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except jinja2.TemplateError as error:
        raise ValueError(f"the model's chat template refuses this conversation: {error}") from error
    # The template has written the special tokens already.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
