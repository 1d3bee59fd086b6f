"""Chat templates of model folders are programs: one that hangs or eats the memory is refused before it is used.

Jinja's sandbox keeps a template from files and code, not from loops in loops. So each is first rendered in a process of
its own (rendering.py) with bounds on its time, its memory and what it writes.
"""

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mindsmirror import limits
from mindsmirror.errors import ModelFileError
from mindsmirror.models import rendering

PROGRAM = Path(rendering.__file__)
PATIENCE = 10
"""How many times the time of a template may pass on the clock, where the machine has much else to do."""


def check_tokenizer(tokenizer: Any, where: str) -> None:
    """ModelFileError if a tokenizer's chat template does not end soon, or refuses a single question."""
    if not tokenizer.chat_template:
        return
    check_template(tokenizer.chat_template, where)
    asked = [{"role": "user", "content": "?"}]
    try:
        tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    # A template may raise whatever Python does.
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelFileError(f"{where} has a chat template that refuses a single question: {lines[0]}") from error


def check_template(template: object, where: str) -> None:
    """ModelFileError if one of the templates is too long, or does not end soon and in little memory."""
    for text in _texts(template):
        if len(text) > limits.TEMPLATE:
            raise ModelFileError(
                f"{where} has a chat template of {len(text):,} characters; at most {limits.TEMPLATE:,} are rendered."
            )
        fault = _fault(text)
        if fault:
            raise ModelFileError(f"{where} has a chat template that {fault}. Take another copy of the model.")


def _texts(template: object) -> Iterator[str]:
    """A template, or those of a tokenizer that has several, however it keeps their names."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict | list):
        for inner in template.values() if isinstance(template, dict) else template:
            yield from _texts(inner)


@functools.cache
def _fault(text: str) -> str:
    """What is wrong with how the template runs; empty if nothing is."""
    seconds = limits.TEMPLATE_SECONDS
    given = {"template": text, "seconds": seconds, "bytes": limits.TEMPLATE_BYTES}
    command = [sys.executable, "-I", str(PROGRAM)]
    try:
        ended = subprocess.run(
            command, input=json.dumps(given).encode(), capture_output=True, check=False, timeout=PATIENCE * seconds
        )
    except subprocess.TimeoutExpired:
        return f"has not ended after {PATIENCE * seconds} seconds"
    if ended.returncode == rendering.MEMORY:
        return f"takes more than {limits.TEMPLATE_BYTES >> 20} MiB of memory"
    if ended.returncode == rendering.LENGTH:
        return f"writes more than {rendering.LONGEST:,} characters of a few words"
    if ended.returncode < 0:
        return f"has not ended after {seconds} seconds of computing, or crashed (signal {-ended.returncode})"
    return ""
